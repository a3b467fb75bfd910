//! Text that somebody else wrote: tags, descriptions, names, reasons.

use maud::{Markup, html};
use portcullis_engine::text::harmless;

/// A word longer than this may break at its marks: an ARN, an endpoint, a tag.
const LONG: usize = 24;

/// The text as it is shown: nothing in it hides, and what is long breaks where it does not hurt.
pub(super) fn seen(text: &str) -> Markup {
    let text = harmless(text);
    html! {
        @for word in text.split_inclusive(' ') {
            @if word.len() <= LONG { (word) } @else {
                @for (at, part) in word.split_inclusive([':', '/', '.', '=']).enumerate() {
                    @if at > 0 { wbr; }
                    (part)
                }
            }
        }
    }
}

/// `ReplicationGroupId`, which may break between its words.
pub(super) fn name(name: &str) -> Markup {
    let mut words = vec![String::new()];
    let mut low = false;
    for c in name.chars() {
        if c.is_uppercase() && low {
            words.push(String::new());
        }
        low = c.is_lowercase();
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    html! {
        code {
            @for (at, word) in words.iter().enumerate() {
                @if at > 0 { wbr; }
                (word)
            }
        }
    }
}

/// A sentence, with its first letter large: the planner's begin small where a label goes before.
pub(super) fn sentence(text: &str) -> Markup {
    let mut chars = text.chars();
    let first = chars.next().into_iter().flat_map(char::to_uppercase);
    seen(&first.chain(chars).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_words_break_at_their_marks() {
        let shown = seen("see a.b: arn:aws:sns:eu-west-1:111122223333:<b>, then.").into_string();
        assert_eq!(
            shown,
            "see a.b: arn:<wbr>aws:<wbr>sns:<wbr>eu-west-1:<wbr>111122223333:<wbr>&lt;b&gt;, then."
        );
    }

    #[test]
    fn names_break_between_their_words() {
        let broken = name("PreferredCacheClusterAZs").into_string();
        assert_eq!(broken, "<code>Preferred<wbr>Cache<wbr>Cluster<wbr>AZs</code>");
        assert_eq!(name("MultiAZEnabled").into_string(), "<code>Multi<wbr>AZEnabled</code>");
    }
}
