//! Text that users control, made harmless: it cannot forge a line, a link or a command.
//!
//! INVARIANT: what is shown to people, and what is logged, goes through this module, and holds no
//! character that [`hides`].

mod hidden;

pub use hidden::hides;

/// The text with every character that [`hides`] written out, as `\u{202e}`: for terminals, for pages, and
/// for lines of our own in which there are names of others.
pub fn harmless(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) { safe.extend(c.escape_unicode()) } else { safe.push(c) }
    }
    safe
}

/// JSON that means the same, and in which such characters are written out as JSON has it. Line breaks
/// between members stay.
pub fn harmless_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for c in json.chars() {
        if hides(c) && c != '\n' { push_json_escape(&mut safe, c) } else { safe.push(c) }
    }
    safe
}

fn push_json_escape(safe: &mut String, c: char) {
    let mut units = [0; 2];
    for unit in c.encode_utf16(&mut units) {
        safe.push_str(&format!("\\u{unit:04x}"));
    }
}

/// `1 group`, `2 groups`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Lines of words, each of at most `width` characters. A word that is longer has a line of its own.
pub fn lines<'a>(words: impl IntoIterator<Item = &'a str>, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in words {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A row of CSV (RFC 4180) with its line end. No cell is a formula: a spreadsheet runs one that begins with `=`, `+`, `-` or
/// `@`, so such a cell gets an apostrophe before it. What no screen shows is written out.
pub fn csv_row(cells: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let cells: Vec<String> = cells.into_iter().map(|cell| csv_cell(cell.as_ref())).collect();
    format!("{}\r\n", cells.join(","))
}

fn csv_cell(cell: &str) -> String {
    // A tab or a carriage return at the beginning is written out, and none any more.
    let mut cell = harmless(cell);
    if cell.starts_with(['=', '+', '-', '@']) {
        cell.insert(0, '\'');
    }
    if cell.contains(['"', ',']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell }
}

/// One bounded line for a mail. What is neither a letter, a digit nor plain punctuation is
/// escaped, and what a mail reader would turn into a link is broken as `example[.]com`.
pub fn plain(text: &str, most: usize) -> String {
    escaped(text, most, "\"\\`")
}

/// One bounded line for a chat, outside of code: no formatting, mention or link either.
///
/// Slack reads `&`, `<` and `>` as the start and end of mentions, links and entities ("Formatting text for
/// app surfaces"), `@` may mention people in Teams, and the rest is Markdown in one of them.
pub fn chat(text: &str, most: usize) -> String {
    escaped(text, most, "\\`<>&@*_~|[]#")
}

/// A user's words in a chat, as code: nothing in it is formatted, and nothing ends it early. `<`, `>` and
/// `&` are Slack's own even there.
pub fn code(text: &str, most: usize) -> String {
    if text.is_empty() {
        "(none)".to_owned()
    } else {
        format!("`{}`", escaped(text, most, "\\`<>&@"))
    }
}

fn escaped(text: &str, most: usize, special: &str) -> String {
    let mut safe = String::new();
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    let mut taken = 0;
    while let Some(c) = rest.next() {
        if taken == most {
            safe.push_str("...");
            break;
        }
        taken += 1;
        let letter_follows = rest.peek().is_some_and(|next| next.is_alphabetic());
        match c {
            '.' if before.is_alphanumeric() && letter_follows => safe.push_str("[.]"),
            ':' if before.is_alphanumeric() && rest.peek() == Some(&'/') => safe.push_str("[:]"),
            c if special.contains(c) => safe.extend(c.escape_unicode()),
            ' '..='~' => safe.push(c),
            c if c.is_alphanumeric() && !hides(c) => safe.push(c),
            c => safe.extend(c.escape_unicode()),
        }
        before = c;
    }
    safe
}

/// The same, in quotes: where the words are somebody else's.
pub fn quoted(text: &str, most: usize) -> String {
    format!("\"{}\"", plain(text, most))
}

/// ASCII only, for the subject of a mail.
pub fn ascii(text: &str, most: usize) -> String {
    let one_line: Vec<char> =
        plain(text, most).chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
    // What is escaped is longer than it was.
    match one_line.get(..most) {
        Some(start) if one_line.len() > most + 3 => start.iter().chain(&['.'; 3]).collect(),
        _ => one_line.into_iter().collect(),
    }
}

/// The first `most` characters, for JSON, where everything else is escaped by the encoder.
pub fn bounded(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// JSON inside single quotes of a shell. It means the same text to `aws`, and holds no quote,
/// nothing a terminal interprets, nothing a mail reader would turn into a link, and nothing that a chat
/// reads inside a block of code.
pub fn shell_json(value: &serde_json::Value) -> String {
    let json = value.to_string();
    let mut safe = String::with_capacity(json.len() + 2);
    let mut before = ' ';
    let mut rest = json.chars().peekable();
    safe.push('\'');
    while let Some(c) = rest.next() {
        let next = rest.peek().copied().unwrap_or(' ');
        let read = match c {
            '.' => before.is_alphanumeric() && next.is_alphabetic(),
            ':' => next == '/' && before.is_alphanumeric(),
            '@' | '<' | '>' | '&' | '`' => true,
            _ => false,
        };
        if read || c == '\'' || !c.is_ascii() || c.is_ascii_control() {
            push_json_escape(&mut safe, c);
        } else {
            safe.push(c);
        }
        before = c;
    }
    safe.push('\'');
    safe
}

/// A number for a text, FNV-1a: small, stable over versions, and nothing depends on its strength. Whoever asks that nobody
/// finds another text of the same number needs a plan's fingerprint.
pub fn number(text: &str) -> u32 {
    text.bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_between_words_and_a_long_word_has_its_own() {
        assert_eq!(lines("one two three".split(' '), 7), ["one two", "three"]);
        assert_eq!(lines("a tremendous b".split(' '), 5), ["a", "tremendous", "b"]);
        assert_eq!(lines("zwölf fünf".split(' '), 10), ["zwölf fünf"]);
        assert_eq!([0, 1, 2].map(|count| counted(count, "rule")), ["0 rules", "1 rule", "2 rules"]);
    }

    #[test]
    fn what_hides_is_written_out() {
        assert_eq!(
            harmless("a\u{202e}b\n\u{200b}\u{e0041}"),
            "a\\u{202e}b\\u{a}\\u{200b}\\u{e0041}"
        );
        assert_eq!(harmless("Zoë, 東京, naïve <b>&"), "Zoë, 東京, naïve <b>&");
        assert_eq!(plain("\u{3164}a\u{ffa0}", 80), "\\u{3164}a\\u{ffa0}", "fillers are letters");
    }

    #[test]
    fn json_means_the_same_when_nothing_hides_in_it() {
        let value =
            serde_json::json!({"a\u{202e}": "b\n\u{e0041}\u{61c}\u{ad}\u{180e}", "c": ["Zoë", 1]});
        for json in [value.to_string(), format!("{value:#}")] {
            let safe = harmless_json(&json);
            assert!(!safe.contains(|c| hides(c) && c != '\n'), "{safe}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&safe).unwrap(), value);
        }
        assert_eq!(harmless_json("{\n  \"a\": 1\n}"), "{\n  \"a\": 1\n}");
    }

    #[test]
    fn plain_text_stays_as_it_is() {
        assert_eq!(
            plain("Web tier (TCP 443), 10.0.0.0/8 & co.", 80),
            "Web tier (TCP 443), 10.0.0.0/8 & co."
        );
        assert_eq!(plain("Büro Köln", 80), "Büro Köln");
    }

    #[test]
    fn hostile_text_cannot_forge_a_line_a_link_or_a_quote() {
        assert_eq!(plain("a\r\nDone: nothing to see", 80), "a\\u{d}\\u{a}Done: nothing to see");
        assert_eq!(plain("https://evil.example/x", 80), "https[:]//evil[.]example/x");
        assert_eq!(plain("call evil.com now", 80), "call evil[.]com now");
        assert_eq!(plain("\u{202e}gro.live", 80), "\\u{202e}gro[.]live");
        assert_eq!(quoted("x\" Done: \"", 80), "\"x\\u{22} Done: \\u{22}\"");
        assert_eq!(plain("<!channel> \x1b[31m", 80), "<!channel> \\u{1b}[31m");
    }

    /// What Slack and Teams read in the text of others.
    const CHAT: [&str; 12] = [
        "<!channel> <!here|here>",
        "<@U024BE7LH> @here @channel @everyone",
        "<https://evil.example|the runbook>",
        "[the runbook](https://evil.example)",
        "*done* _done_ ~done~",
        "```\n:white_check_mark: closed",
        "` closed `",
        "&lt;!channel&gt;",
        "# closed\n> closed",
        "![x](https://evil.example/x.png)",
        "<at>everyone</at>",
        "\\*done\\* \u{200b}@here",
    ];

    #[test]
    fn no_text_formats_mentions_or_links_in_a_chat() {
        for hostile in CHAT {
            let bare = chat(hostile, 200);
            let markup = ['<', '>', '&', '@', '*', '_', '~', '|', '`', '#', '\n', '\\'];
            let escapes = bare.replace("\\u{", "");
            assert!(!escapes.contains(markup), "{bare}");
            let code = code(hostile, 200);
            let inside = code.strip_prefix('`').unwrap().strip_suffix('`').unwrap();
            assert!(!inside.contains(['`', '<', '>', '&', '@', '\n']), "{code}");
            for text in [&bare, &code] {
                assert!(!text.contains("://") && !text.contains("evil.example"), "{text}");
                assert!(!text.contains('\u{200b}'), "{text}");
            }
            assert!(!bare.contains("]("), "{bare}");
        }
    }

    #[test]
    fn a_name_stays_readable_in_a_chat() {
        assert_eq!(code("deploy_role/al.ice-1", 80), "`deploy_role/al[.]ice-1`");
        assert_eq!(chat("TCP 443 from 2001:db8::/32", 80), "TCP 443 from 2001:db8::/32");
        assert_eq!(code("", 80), "(none)");
    }

    #[test]
    fn a_cell_is_neither_a_formula_nor_two_cells() {
        for (cell, expected) in [
            ("alice", "alice"),
            ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
            ("@a,b", "\"'@a,b\""),
            ("-1", "'-1"),
            ("\t=1", "\\u{9}=1"),
            ("\r\n+1", "\\u{d}\\u{a}+1"),
            ("a \"b\"", "\"a \"\"b\"\"\""),
        ] {
            assert_eq!(csv_row([cell, "x"]), format!("{expected},x\r\n"));
        }
    }

    #[test]
    fn text_is_bounded() {
        assert_eq!(plain(&"x".repeat(10_000), 5), "xxxxx...");
        assert_eq!(bounded("äöü", 2), "äö...");
        assert_eq!(bounded("äö", 2), "äö");
        assert_eq!(ascii(&"\n".repeat(10_000), 96).len(), 99);
        assert_eq!(ascii("Köln", 4), "K?ln");
    }

    #[test]
    fn json_for_a_shell_means_the_same_and_holds_no_quote() {
        let hostile = serde_json::json!({"Description": "it's ```rm``` $(x) https://evil.com <!here> & \u{1f600} a\nb @x"});
        let shell = shell_json(&hostile);
        let inside = shell.trim_matches('\'');
        assert!(
            !inside.contains(['\'', '`', '<', '>', '&'])
                && !inside.contains("://")
                && !inside.contains("evil.com"),
            "{shell}"
        );
        assert!(shell.is_ascii() && !shell.contains('\n'), "{shell}");
        let back: serde_json::Value = serde_json::from_str(inside).unwrap();
        assert_eq!(back, hostile);
    }
}
