//! What to change in the template that a cache comes from, ready to paste.
//!
//! Changing the port of the resource itself replaces it: CloudFormation refuses that for a resource
//! with a name of its own, Terraform deletes the old cache first. So the patch adds a second cache
//! beside the first, and the first goes when its clients have moved.

mod write;

pub(crate) use write::{of_plan, patch};

/// The changes, for either tool: modules and wrappers of the one may hide the other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The tool that owns the cache.
    pub tool: Tool,
    /// What to do with it, in order.
    pub how: Vec<String>,
    /// For a CloudFormation template, in YAML.
    pub cloudformation: String,
    /// For a Terraform configuration.
    pub terraform: String,
}

/// A tool that there is a patch for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// CloudFormation, and what deploys through it.
    CloudFormation,
    /// Terraform and OpenTofu.
    Terraform,
}
