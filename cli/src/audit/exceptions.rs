//! The exceptions of an audit: those that are shipped, unless others are given.

use std::path::Path;

use anyhow::Result;
use portcullis_exceptions::{Policies, draw};

use crate::advice::advice;

/// Those that are shipped, as `infra/exceptions` has them.
const SHIPPED: [(&str, &str); 2] = [
    ("default.cedar", include_str!("../../../infra/exceptions/default.cedar")),
    ("public-web.cedar", include_str!("../../../infra/exceptions/public-web.cedar")),
];

/// The policies, and where they are from, in words.
pub(super) fn read(dir: Option<&Path>) -> Result<(Policies, String)> {
    let (read, from) = match dir {
        None => (shipped(), "those that are shipped".to_owned()),
        Some(none) if none.as_os_str() == "none" => (Policies::parse([]), "none".to_owned()),
        Some(dir) => (Policies::read(dir), dir.display().to_string()),
    };
    let policies = read.map_err(|problems| {
        advice(
            format!("the exceptions ({from}) cannot be read:\n{}", draw(&problems).trim_end()),
            "correct them, or give another directory (--exceptions DIR)",
        )
    })?;
    Ok((policies, from))
}

fn shipped() -> Result<Policies, portcullis_exceptions::Problems> {
    Policies::parse(SHIPPED.map(|(name, text)| (name.to_owned(), text.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_compiled_in_is_what_is_shipped() {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../infra/exceptions");
        let mut there: Vec<_> = std::fs::read_dir(&dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name.ends_with(".cedar"))
            .collect();
        there.sort();
        assert_eq!(there, SHIPPED.map(|(name, _)| name));
        assert!(shipped().is_ok());
        assert!(read(Some(Path::new("none"))).is_ok());
        let error = read(Some(Path::new("no/such/directory"))).unwrap_err();
        assert!(error.to_string().contains("no/such/directory"), "{error}");
    }
}
