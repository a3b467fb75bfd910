//! What policies look at: what of it is read late, and what of a question has to be put together at all.
//!
//! The name, VPC and tags of a group and what carries it are read only once there is something to say about it.
//! Before that, a policy that looks at them cannot be asked.

use std::collections::BTreeSet;

use cedar_policy::pst::{BinaryOp, Clause, Expr, Var};
use cedar_policy::{Policy, PrincipalConstraint};

/// Parts of a resource that are read late.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Later {
    /// Name, VPC and tags of the group.
    pub(crate) details: bool,
    /// What carries the group.
    pub(crate) interfaces: bool,
    /// The VPC of the cache, which its subnet group tells, or else its groups.
    pub(crate) cache_vpc: bool,
    /// The tags of a cache, which only the call that created it names.
    pub(crate) cache_tags: bool,
}

impl Later {
    /// Whether they have a part in common.
    pub(crate) fn meets(self, other: Self) -> bool {
        self.details && other.details
            || self.interfaces && other.interfaces
            || self.cache_vpc && other.cache_vpc
            || self.cache_tags && other.cache_tags
    }
}

/// What a policy, or several, may look at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Looks {
    /// Attributes, of whatever they are.
    attributes: BTreeSet<String>,
    /// Attributes of the caller, which are known at once.
    of_caller: BTreeSet<String>,
    /// The caller, or anything of it.
    caller: bool,
    tags: bool,
    everything: bool,
}

impl Looks {
    /// What a policy may look at. Where that cannot be told, everything.
    pub(crate) fn of(policy: &Policy) -> Self {
        let mut looks = Self { caller: names_caller(policy), ..Self::default() };
        match policy.to_pst() {
            Err(_) => looks.everything = true,
            Ok(policy) => {
                for Clause::When(expr) | Clause::Unless(expr) in policy.body().clauses() {
                    looks.walk(expr);
                }
            }
        }
        looks
    }

    /// At everything.
    #[cfg(test)]
    pub(crate) fn at_everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// What several look at.
    pub(crate) fn add(&mut self, other: &Self) {
        self.attributes.extend(other.attributes.iter().cloned());
        self.of_caller.extend(other.of_caller.iter().cloned());
        self.caller |= other.caller;
        self.tags |= other.tags;
        self.everything |= other.everything;
    }

    /// What of it is read late.
    pub(crate) fn later(&self) -> Later {
        let any = |names: &[&str]| names.iter().any(|name| self.attributes.contains(*name));
        Later {
            details: self.everything || self.tags || any(&["name", "vpc"]),
            interfaces: self.everything || any(&["attached", "reach"]),
            cache_vpc: self.everything || any(&["vpc"]),
            cache_tags: self.at_tags(),
        }
    }

    /// Whether it depends on who called.
    pub(crate) fn at_caller(&self) -> bool {
        self.everything || self.caller
    }

    /// Whether an attribute of this name is looked at.
    pub(crate) fn at(&self, name: &str) -> bool {
        self.everything || self.attributes.contains(name) || self.of_caller.contains(name)
    }

    /// Whether tags are looked at.
    pub(crate) fn at_tags(&self) -> bool {
        self.everything || self.tags
    }

    fn walk(&mut self, expr: &Expr) {
        match expr {
            // The context by itself is all that is in it. An entity by itself is its id.
            Expr::Var(Var::Context) => self.everything = true,
            Expr::Var(Var::Principal) => self.caller = true,
            Expr::Var(Var::Action | Var::Resource) | Expr::Literal(_) => {}
            Expr::GetAttr { expr, attr } => self.attribute(expr, attr),
            Expr::HasAttr { expr, attrs } => {
                attrs.iter().for_each(|attr| self.attribute(expr, attr))
            }
            Expr::BinaryOp { op, left, right } => {
                self.tags |= matches!(op, BinaryOp::HasTag | BinaryOp::GetTag);
                self.walk(left);
                self.walk(right);
            }
            Expr::UnaryOp { op: _, expr } | Expr::Like { expr, pattern: _ } => self.walk(expr),
            Expr::Is { expr, entity_type: _, in_expr } => {
                self.walk(expr);
                in_expr.iter().for_each(|expr| self.walk(expr));
            }
            Expr::IfThenElse { cond, then_expr, else_expr } => {
                [cond, then_expr, else_expr].into_iter().for_each(|expr| self.walk(expr));
            }
            Expr::Set(items) => items.iter().for_each(|item| self.walk(item)),
            Expr::Record(items) => items.values().for_each(|item| self.walk(item)),
            // Templates and partial evaluation, which are not there; and what a later Cedar brings.
            _ => self.everything = true,
        }
    }

    fn attribute(&mut self, expr: &Expr, name: &str) {
        match expr {
            Expr::Var(Var::Principal) => {
                self.caller = true;
                self.of_caller.insert(name.to_owned());
                return;
            }
            Expr::Var(Var::Context | Var::Resource | Var::Action) => {}
            other => self.walk(other),
        }
        self.attributes.insert(name.to_owned());
    }
}

/// Whether the head of a policy says who. There is one type of callers, so the type alone says nothing.
fn names_caller(policy: &Policy) -> bool {
    match policy.principal_constraint() {
        PrincipalConstraint::Any | PrincipalConstraint::Is(_) => false,
        PrincipalConstraint::In(_) | PrincipalConstraint::Eq(_) | PrincipalConstraint::IsIn(..) => {
            true
        }
    }
}
