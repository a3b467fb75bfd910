//! What a call puts a group before.

use std::fmt;

use crate::facts::{Holder, Interface};

/// What a call put a group before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Carrier {
    /// A network interface, `eni-…`.
    Interface(String),
    /// The one network interface of an instance, `i-…`.
    Instance(String),
    /// A VPC, `vpc-…`: the group may be used there, and nothing carries it for that.
    Vpc(String),
}

impl Carrier {
    /// Whether it is this interface.
    pub fn is(&self, interface: &Interface) -> bool {
        match self {
            Self::Interface(id) => interface.id == *id,
            Self::Instance(id) => {
                matches!(&interface.holder, Holder::Instance(instance) if instance == id)
            }
            Self::Vpc(_) => false,
        }
    }
}

impl fmt::Display for Carrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(id) | Self::Instance(id) | Self::Vpc(id) => f.write_str(id),
        }
    }
}
