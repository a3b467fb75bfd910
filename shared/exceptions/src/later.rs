//! What of a resource is read late, and which policies look at it.
//!
//! The name, VPC and tags of a group and what carries it are read only once there is something to say about it.
//! Before that, a policy that looks at them cannot be asked.

use std::sync::Arc;

use cedar_policy::Policy;
use cedar_policy::pst::{BinaryOp, Clause, Expr, Var};

/// Parts of a resource that are read late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(crate) struct Later {
    /// Name, VPC and tags of the group.
    pub(crate) details: bool,
    /// What carries the group.
    pub(crate) interfaces: bool,
}

impl Later {
    const ALL: Self = Self { details: true, interfaces: true };

    /// Whether they have a part in common.
    pub(crate) fn meets(self, other: Self) -> bool {
        (self.details && other.details) || (self.interfaces && other.interfaces)
    }

    fn or(self, other: Self) -> Self {
        Self {
            details: self.details || other.details,
            interfaces: self.interfaces || other.interfaces,
        }
    }

    /// The part that an attribute of this name shows, of whatever it is an attribute.
    fn shown_by(attribute: &str) -> Self {
        match attribute {
            "name" | "vpc" => Self { details: true, interfaces: false },
            "attached" | "reach" => Self { details: false, interfaces: true },
            _ => Self::default(),
        }
    }
}

/// What a policy may look at. Where that cannot be told, everything.
pub(crate) fn looked_at(policy: &Policy) -> Later {
    let Ok(policy) = policy.to_pst() else { return Later::ALL };
    let clauses = policy.body().clauses().iter();
    clauses.fold(Later::default(), |all, clause| match clause {
        Clause::When(expr) | Clause::Unless(expr) => all.or(of(expr)),
    })
}

fn of(expr: &Expr) -> Later {
    match expr {
        // An entity by itself is its id. The context by itself is all that is in it.
        Expr::Var(Var::Context) => Later::ALL,
        Expr::Var(Var::Principal | Var::Action | Var::Resource) | Expr::Literal(_) => {
            Later::default()
        }
        Expr::GetAttr { expr, attr } => attribute(expr, attr),
        Expr::HasAttr { expr, attrs } => {
            attrs.iter().fold(Later::default(), |all, attr| all.or(attribute(expr, attr)))
        }
        Expr::BinaryOp { op, left, right } => {
            let tags = matches!(op, BinaryOp::HasTag | BinaryOp::GetTag);
            Later { details: tags, interfaces: false }.or(all([left, right]))
        }
        Expr::UnaryOp { op: _, expr } | Expr::Like { expr, pattern: _ } => of(expr),
        Expr::Is { expr, entity_type: _, in_expr } => all([expr].into_iter().chain(in_expr)),
        Expr::IfThenElse { cond, then_expr, else_expr } => all([cond, then_expr, else_expr]),
        Expr::Set(items) => all(items),
        Expr::Record(items) => all(items.values()),
        // Templates and partial evaluation, which are not there; and what a later Cedar brings.
        _ => Later::ALL,
    }
}

fn all<'a>(exprs: impl IntoIterator<Item = &'a Arc<Expr>>) -> Later {
    exprs.into_iter().fold(Later::default(), |all, expr| all.or(of(expr)))
}

fn attribute(expr: &Expr, name: &str) -> Later {
    match expr {
        // What is known of the caller and of the action is known at once.
        Expr::Var(Var::Principal | Var::Action) => Later::default(),
        Expr::Var(Var::Context | Var::Resource) => Later::shown_by(name),
        other => Later::shown_by(name).or(of(other)),
    }
}
