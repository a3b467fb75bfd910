//! The version of a cache's engine, and whether it is new enough for something.

use std::fmt;

/// An engine version as Describe shows it: `7.1.0`, `5.0.6`, `1.6.22`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineVersion(String);

impl EngineVersion {
    /// Takes the text of AWS as it is.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// Whether it is this version or a later one; `None` where the text does not tell, as `6.x` or `7.0` do not for
    /// a certain patch.
    pub fn reaches(&self, wanted: [u32; 3]) -> Option<bool> {
        let mut parts = self.0.split('.').map(|part| part.parse::<u32>().ok());
        for wanted in wanted {
            match parts.next().flatten() {
                Some(part) if part == wanted => {}
                Some(part) => return Some(part > wanted),
                // Whatever stands there is zero at least.
                None if wanted == 0 => return Some(true),
                None => return None,
            }
        }
        Some(true)
    }
}

impl fmt::Display for EngineVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reaches(text: &str, wanted: [u32; 3]) -> Option<bool> {
        EngineVersion::new(text).reaches(wanted)
    }

    #[test]
    fn versions_are_compared_by_number_part_by_part() {
        for (text, wanted, expected) in [
            ("7.1.0", [7, 0, 5], true),
            ("7.0.5", [7, 0, 5], true),
            ("7.0.10", [7, 0, 5], true),
            ("7.0.4", [7, 0, 5], false),
            ("6.2.6", [7, 0, 5], false),
            ("10.0.0", [7, 0, 5], true),
            ("5.0.6", [5, 0, 6], true),
            ("5.0.5", [5, 0, 6], false),
            ("1.6.9", [1, 6, 12], false),
        ] {
            assert_eq!(reaches(text, wanted), Some(expected), "{text} {wanted:?}");
        }
    }

    #[test]
    fn what_the_text_does_not_tell_is_unknown() {
        assert_eq!(reaches("7.0", [7, 0, 5]), None);
        assert_eq!(reaches("6.x", [6, 0, 0]), Some(true));
        assert_eq!(reaches("6.x", [6, 2, 0]), None);
        assert_eq!(reaches("6.x", [7, 0, 0]), Some(false));
        assert_eq!(reaches("", [5, 0, 6]), None);
        assert_eq!(reaches("latest", [5, 0, 6]), None);
    }
}
