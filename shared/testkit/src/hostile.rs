//! What strangers write to act upon whoever reads it: the samples that every surface is held to.

/// A character of every kind that is never printed as it is: each was let through by one surface or another.
pub const HIDDEN: [char; 26] = [
    '\u{0}',
    '\u{7}',
    '\u{8}',
    '\r',
    '\u{1b}',
    '\u{7f}',
    '\u{85}',
    '\u{9b}',
    '\u{a0}',
    '\u{ad}',
    '\u{34f}',
    '\u{61c}',
    '\u{115f}',
    '\u{180e}',
    '\u{200b}',
    '\u{200d}',
    '\u{200f}',
    '\u{2028}',
    '\u{202e}',
    '\u{2066}',
    '\u{2800}',
    '\u{3164}',
    '\u{e000}',
    '\u{feff}',
    '\u{fffb}',
    '\u{e0041}',
];

/// Each short enough that no surface cuts it: what hides, and what forges markup of a page or a chat, a line, a
/// link, a command or a colour.
pub fn texts() -> Vec<String> {
    let hidden = HIDDEN.chunks(6).map(|some| format!("a{}z", some.iter().collect::<String>()));
    let mut texts: Vec<String> = hidden.collect();
    texts.extend([
        "</code><script>alert(1)</script>\" onload='alert(2)' \u{202e}&lt;".to_owned(),
        "x'; $(touch it) `touch it`\n\n    portcullis approve evil-0\n".to_owned(),
        "\u{1b}[31m\u{1b}]0;x\u{7} <!channel> [x](https://evil.example)".to_owned(),
        "gro.live//:sptth\u{202e} \u{ad}\u{e0041}".to_owned(),
    ]);
    texts
}

/// Panics where one of [`HIDDEN`] stands in what is shown. Line breaks are the surface's own.
#[track_caller]
pub fn shows_all(surface: &str, shown: &str) {
    if let Some(c) = shown.chars().find(|c| HIDDEN.contains(c)) {
        let at = shown.lines().find(|line| line.contains(c)).unwrap_or_default();
        panic!("{surface} prints {c:?} as it is:\n{}", at.escape_debug());
    }
}
