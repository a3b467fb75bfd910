//! A step that a person takes, and how steps stand in a mail.

use std::fmt::Write;

use super::kind::Kind;

/// One thing to do or to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Of what kind.
    pub kind: Kind,
    /// What it does, in lines that fit a mail.
    pub words: String,
    /// Commands for a shell with the AWS CLI, `portcullis` and `jq`, in order.
    pub commands: Vec<String>,
}

/// Steps with commands are numbered. Commands begin their line, so that they can be copied as they are.
pub fn text(steps: &[Step]) -> String {
    let mut text = String::new();
    let mut number = 0;
    for step in steps {
        let mark = if step.commands.is_empty() {
            String::new()
        } else {
            number += 1;
            format!("{number}. ")
        };
        let indent = " ".repeat(mark.len());
        for (at, line) in step.words.lines().enumerate() {
            let _ = writeln!(text, "  {}{line}", if at == 0 { &mark } else { &indent });
        }
        for command in &step.commands {
            let _ = writeln!(text, "{command}");
        }
    }
    text
}

pub(super) fn note(words: &str) -> Step {
    Step { kind: Kind::Note, words: words.to_owned(), commands: Vec::new() }
}

/// Members to set on the resource that is there, which neither tool replaces for them.
pub(super) fn in_place(
    cloudformation: &[&str],
    terraform: &[&str],
    [of_cfn, of_tf]: [&str; 2],
) -> Step {
    let mut words = format!("In CloudFormation, on the existing AWS::ElastiCache::{of_cfn}:");
    for line in cloudformation {
        let _ = write!(words, "\n    {line}");
    }
    let _ = write!(words, "\nIn Terraform, in the existing aws_elasticache_{of_tf}:");
    for line in terraform {
        let _ = write!(words, "\n    {line}");
    }
    Step { kind: Kind::InPlace, words, commands: Vec::new() }
}
