//! What each piece of a text is, for whoever paints it.

/// What a piece of text is, for whoever paints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The headline and the title of a section.
    Heading,
    /// What is new or different.
    New,
    /// What is lost, refused, or to be careful about.
    Warning,
    /// A command.
    Command,
    /// What matters less.
    Faint,
    /// Everything else.
    Plain,
}

/// Paints a piece of text, or returns it as it is.
pub type Paint<'a> = &'a dyn Fn(Role, &str) -> String;

/// No paint.
pub fn plain(_: Role, text: &str) -> String {
    text.to_owned()
}
