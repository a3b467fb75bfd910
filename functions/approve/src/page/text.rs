//! Text that somebody else wrote: tags, descriptions, names, reasons.

use maud::{Markup, html};

/// A word longer than this may break at its marks: an ARN, an endpoint, a tag.
const LONG: usize = 24;

/// The text as it is shown: nothing in it hides, and what is long breaks where it does not hurt.
pub(super) fn seen(text: &str) -> Markup {
    let text = plain(text);
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

/// The text, with every character that cannot be seen, or that would reorder what can, written out.
pub(super) fn plain(text: &str) -> String {
    let mut seen = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) { seen.extend(c.escape_unicode()) } else { seen.push(c) }
    }
    seen
}

/// Controls, what reorders text, what has no width, and characters that only tag others.
pub(crate) fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}')
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
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
    fn what_hides_is_written_out() {
        assert_eq!(plain("a\u{202e}b\n\u{200b}\u{e0041}"), "a\\u{202e}b\\u{a}\\u{200b}\\u{e0041}");
        assert_eq!(plain("Zoë, 東京, naïve <b>&"), "Zoë, 東京, naïve <b>&");
    }

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
