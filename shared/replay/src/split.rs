//! Finding records in a stream of JSON without parsing it: strings and depth are followed, and each object that is a
//! record is handed out as the bytes that it has.
//!
//! What a record is, the stream tells as it comes: an object at the top, an element of an array at the top, or an element
//! of the array of a member such as `Records` of an object that would have been one itself. So one file may hold
//! `{"Records":[…]}`, arrays, and lines of either.

use memchr::memchr3;

/// A record that is larger is skipped: CloudTrail cuts off what is above 256 KB (user guide, "record contents").
pub const LARGEST: usize = 4 << 20;

/// Members whose array has the records: of a log file, of LookupEvents, and of FilterLogEvents.
const LISTS: [&[u8]; 3] = [b"records", b"events", b"logevents"];

/// What is handed out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// One object.
    Record(&'a [u8]),
    /// An object that is larger than [`LARGEST`].
    TooLarge,
    /// An object that ends in the middle: a line ends within a string, or the stream ends.
    Cut,
    /// Something that is neither JSON nor space between objects.
    Foreign,
}

/// Where it is in the stream.
#[derive(Debug, Default)]
pub struct Splitter {
    buffer: Vec<u8>,
    /// How much of the buffer was looked at and not handed out yet.
    filled: usize,
    depth: usize,
    in_string: bool,
    /// The next byte is escaped.
    is_escaped: bool,
    /// In text that is no JSON, which is told once a line.
    is_foreign: bool,
    /// Where the object begins that may be a record, in the buffer.
    begin: Option<usize>,
    /// The depth around it.
    around: usize,
    /// It is too large: its bytes are not kept.
    is_dropped: bool,
    /// The depths at which objects are records; the top is 0.
    lists: Vec<usize>,
}

impl Splitter {
    /// Where the next bytes are to be put: up to `most` of them.
    pub fn room(&mut self, most: usize) -> &mut [u8] {
        let end = self.filled + most;
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        self.buffer.get_mut(self.filled..end).unwrap_or_default()
    }

    /// Looks at so many bytes that were put there.
    pub fn look(&mut self, put: usize, each: &mut impl FnMut(Piece<'_>)) {
        let mut buffer = std::mem::take(&mut self.buffer);
        let end = self.filled + put;
        self.scan(buffer.get(..end).unwrap_or_default(), each);
        let from = match self.begin {
            Some(begin) if !self.is_dropped => begin,
            Some(_) | None => end,
        };
        buffer.copy_within(from..end, 0);
        self.filled = end - from;
        self.begin = self.begin.map(|_| 0);
        if self.filled > LARGEST {
            each(Piece::TooLarge);
            self.is_dropped = true;
            self.filled = 0;
        }
        self.buffer = buffer;
    }

    /// The stream is over.
    pub fn end(&mut self, each: &mut impl FnMut(Piece<'_>)) {
        if self.depth > 0 && (self.begin.is_none() || !self.is_dropped) {
            each(Piece::Cut);
        }
        self.reset();
    }

    /// As if nothing had come. The buffer stays, for what comes next.
    pub fn reset(&mut self) {
        *self = Self { buffer: std::mem::take(&mut self.buffer), ..Self::default() };
    }

    fn scan(&mut self, buffer: &[u8], each: &mut impl FnMut(Piece<'_>)) {
        let mut at = self.filled;
        while let Some(&byte) = buffer.get(at) {
            if std::mem::take(&mut self.is_escaped) {
                at += 1;
                continue;
            }
            if self.in_string {
                let rest = buffer.get(at..).unwrap_or_default();
                let Some(next) = memchr3(b'"', b'\\', b'\n', rest) else { return };
                at += next + 1;
                match rest.get(next) {
                    Some(b'"') => self.in_string = false,
                    Some(b'\n') => {
                        // JSON has no end of a line within a string: this line was cut off.
                        each(Piece::Cut);
                        *self = Self::default();
                    }
                    Some(_) | None => self.is_escaped = true,
                }
                continue;
            }
            at += 1;
            match byte {
                b'"' if self.depth > 0 => self.in_string = true,
                b'{' => {
                    if self.begin.is_none() && self.depth == self.list() {
                        (self.begin, self.around) = (Some(at - 1), self.depth);
                    }
                    self.depth += 1;
                }
                b'[' => {
                    if self.begin.is_none() && self.depth == self.list() {
                        self.lists.push(self.depth + 1);
                    } else if let Some(begin) = self.begin
                        && self.depth == self.around + 1
                        && !self.is_dropped
                        && names_a_list(buffer.get(begin..at - 1).unwrap_or_default())
                    {
                        self.begin = None;
                        self.lists.push(self.depth + 1);
                    }
                    self.depth += 1;
                }
                b'}' | b']' => {
                    if byte == b']' && self.begin.is_none() && self.depth == self.list() {
                        self.lists.pop();
                    }
                    if self.depth == 0 {
                        each(Piece::Foreign);
                    }
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == self.around
                        && let Some(begin) = self.begin.take()
                        && !std::mem::take(&mut self.is_dropped)
                    {
                        each(Piece::Record(buffer.get(begin..at).unwrap_or_default()));
                    }
                }
                b'\n' => self.is_foreign = false,
                b' ' | b'\t' | b'\r' | b',' | 0x1e => {}
                _ if self.depth == 0 && !self.is_foreign => {
                    each(Piece::Foreign);
                    self.is_foreign = true;
                }
                _ => {}
            }
        }
    }

    /// The depth at which objects are records.
    fn list(&self) -> usize {
        self.lists.last().copied().unwrap_or(0)
    }
}

/// Whether an array that begins after these bytes is that of such a member.
fn names_a_list(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let Some(before) = before.strip_suffix(b":") else { return false };
    let Some(before) = before.trim_ascii_end().strip_suffix(b"\"") else { return false };
    let begin = before.iter().rposition(|byte| *byte == b'"').map_or(0, |quote| quote + 1);
    let name = before.get(begin..).unwrap_or_default();
    LISTS.iter().any(|list| name.eq_ignore_ascii_case(list))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is handed out when it comes in pieces of so many bytes.
    fn split(text: &str, most: usize) -> Vec<String> {
        let (mut splitter, mut pieces) = (Splitter::default(), Vec::new());
        let mut each = |piece: Piece<'_>| {
            pieces.push(match piece {
                Piece::Record(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                other => format!("{other:?}"),
            });
        };
        for chunk in text.as_bytes().chunks(most) {
            splitter.room(most)[..chunk.len()].copy_from_slice(chunk);
            splitter.look(chunk.len(), &mut each);
        }
        splitter.end(&mut each);
        pieces
    }

    fn splits(text: &str, expected: &[&str]) {
        for most in [1, 2, 3, 7, 64, 4096] {
            assert_eq!(split(text, most), expected, "{text} by {most}");
        }
    }

    #[test]
    fn records_are_found_in_each_shape() {
        let (a, b) = (r#"{"a":{"Records":[{"x":1}]}}"#, r#"{"b":"}\"]{"}"#);
        splits(&format!(r#"{{"Records":[{a},{b}]}}"#), &[a, b]);
        splits(&format!("{{ \"records\" : [ {a} ,\n {b} ], \"more\": {{\"z\":[1]}} }}\n"), &[a, b]);
        splits(&format!("[{a},{b}]"), &[a, b]);
        splits(&format!("{a}\n{b}\r\n"), &[a, b]);
        splits(&format!("{{\"Records\":[{a}]}}\n{{\"Records\":[{b}]}}\n{a}"), &[a, b, a]);
        splits(&format!(r#"[{{"Events":[{a}],"NextToken":"x"}},{b}]"#), &[a, b]);
        splits(r#"{"Records":[]}"#, &[]);
        splits(r#"{"detail":{},"resources":[]}"#, &[r#"{"detail":{},"resources":[]}"#]);
    }

    #[test]
    fn what_is_cut_off_is_told_and_the_next_line_is_whole() {
        splits(r#"{"Records":[{"a":1},{"b":"#, &[r#"{"a":1}"#, "Cut"]);
        splits("{\"a\":\"cut\n{\"b\":2}\n", &["Cut", r#"{"b":2}"#]);
        splits("not json, \"{\n{\"b\":2}", &["Foreign", "Cut"]);
        splits("a,b,c\n1,2,3\n", &["Foreign", "Foreign"]);
        splits("}{\"a\":1}", &["Foreign", r#"{"a":1}"#]);
    }

    #[test]
    fn a_record_that_is_too_large_is_skipped_and_not_kept() {
        let large = format!(r#"[{{"a":"{}"}},{{"b":2}}]"#, "x".repeat(2 * LARGEST));
        let (mut splitter, mut pieces) = (Splitter::default(), Vec::new());
        for chunk in large.as_bytes().chunks(1 << 16) {
            splitter.room(1 << 16)[..chunk.len()].copy_from_slice(chunk);
            splitter.look(chunk.len(), &mut |piece| match piece {
                Piece::Record(bytes) => pieces.push(bytes.len()),
                other => {
                    assert_eq!(other, Piece::TooLarge);
                    pieces.push(0);
                }
            });
            assert!(splitter.buffer.len() < 2 * LARGEST);
        }
        assert_eq!(pieces, [0, 7]);
    }
}
