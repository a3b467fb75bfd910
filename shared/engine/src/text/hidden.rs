//! The one list of characters that are never printed as they are.

/// Whether a character is not to be printed: one that a terminal acts upon, that reorders or joins others,
/// that cannot be seen, or that means nothing outside of one font.
///
/// The general categories Cc, Cf (without the signs that are put around numbers, which are seen), Zl, Zp, Zs
/// and Co, the property Default_Ignorable_Code_Point, and the noncharacters (Unicode Character Database 16.0:
/// `DerivedGeneralCategory.txt`, `DerivedCoreProperties.txt`). Beside these four that have ink in no font:
/// U+2800, U+FFFC, U+16FE4 and U+1D159. Of the blanks, the space is printed, and the one of Chinese and
/// Japanese text, which is as wide as their letters.
pub fn hides(c: char) -> bool {
    let code = u32::from(c);
    let after = HIDDEN.partition_point(|(first, _)| *first <= code);
    let within = after.checked_sub(1).and_then(|at| HIDDEN.get(at));
    within.is_some_and(|(_, last)| code <= *last) || code & 0xfffe == 0xfffe
}

/// First and last of each range, in order.
const HIDDEN: [(u32, u32); 28] = [
    (0x0000, 0x001f),     // controls: escape sequences, line breaks
    (0x007f, 0x00a0),     // controls, and the space that does not break
    (0x00ad, 0x00ad),     // soft hyphen
    (0x034f, 0x034f),     // combining grapheme joiner
    (0x061c, 0x061c),     // Arabic letter mark: changes the direction
    (0x115f, 0x1160),     // fillers of Hangul, which are letters to Unicode
    (0x1680, 0x1680),     // space mark of Ogham
    (0x17b4, 0x17b5),     // inherent vowels of Khmer
    (0x180b, 0x180f),     // variation selectors and the vowel separator of Mongolian
    (0x2000, 0x200f),     // blanks, no width, and marks of direction
    (0x2028, 0x202f), // breaks of lines and paragraphs, and what embeds or overrides a direction
    (0x205f, 0x206f), // a blank, no width, and what isolates a direction
    (0x2800, 0x2800), // Braille without dots
    (0x3164, 0x3164), // a filler of Hangul
    (0xe000, 0xf8ff), // private use
    (0xfdd0, 0xfdef), // noncharacters
    (0xfe00, 0xfe0f), // variation selectors
    (0xfeff, 0xfeff), // byte order mark
    (0xffa0, 0xffa0), // a filler of Hangul
    (0xfff0, 0xfffc), // annotations between lines, and what stands for an object
    (0x13430, 0x13440), // layout of hieroglyphs
    (0x16fe4, 0x16fe4), // a filler of Khitan
    (0x1bca0, 0x1bca3), // layout of shorthand
    (0x1d159, 0x1d159), // a note without a head
    (0x1d173, 0x1d17a), // layout of music
    (0xe0000, 0xe0fff), // tags, and variation selectors
    (0xf0000, 0xfffff), // private use
    (0x100000, 0x10ffff), // private use
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ranges_are_in_order() {
        assert!(HIDDEN.iter().all(|(first, last)| first <= last));
        assert!(HIDDEN.is_sorted_by(|(_, last), (first, _)| last < first));
    }

    /// What the standard library knows of these characters, it knows by the same database.
    #[test]
    fn no_control_and_no_blank_is_printed() {
        for c in '\0'..=char::MAX {
            let blank = c.is_whitespace() && c != ' ' && c != '\u{3000}';
            assert!(hides(c) || !(c.is_control() || blank), "{c:?}");
        }
    }

    #[test]
    fn what_people_write_is_printed() {
        for text in [
            "a-zA-Z0-9 _.:/=+@",
            "Büro Zoë naïve",
            "東京　本社",
            "Ж 🙂 « ok » — …",
            "שלום العربية हिन्दी",
        ] {
            assert_eq!(text.chars().find(|c| hides(*c)), None, "{text}");
        }
    }
}
