//! A plan in short: what it comes to and what is lost, or why it is refused.

use portcullis_recreation::plan::Answer;
use portcullis_recreation::text::{Role, text};

use crate::paint::paint;

/// Put before each heading. It cannot be in what users wrote: the text has no control characters.
const HEADING: char = '\u{1}';
/// The only section of a plan that is shown, beside what it begins with.
const LOST: &str = "What is lost";

/// The answer in short. A refusal is short already.
pub(crate) fn short(answer: &Answer) -> String {
    let marked = |role: Role, piece: &str| match role {
        Role::Heading => format!("{HEADING}{}", paint(role, piece)),
        Role::New | Role::Warning | Role::Command | Role::Faint | Role::Plain => paint(role, piece),
    };
    let whole = text(answer, &marked);
    let mut sections = whole.split(HEADING).skip(1);
    let kept: String = match answer {
        Answer::Plan(_) => {
            let first = sections.next().unwrap_or_default();
            let lost =
                sections.find(|section| section.lines().next().is_some_and(|l| l.contains(LOST)));
            format!("{first}{}", lost.unwrap_or_default())
        }
        Answer::Refused(_) => sections.collect(),
    };
    format!("{}\n", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use portcullis_recreation::document;
    use portcullis_recreation::plan::{Choices, plan};

    use super::*;

    fn shown(example: &str) -> String {
        let path =
            format!("{}/../shared/recreation/examples/{example}.json", env!("CARGO_MANIFEST_DIR"));
        let facts = document::read(&std::fs::read_to_string(path).unwrap(), None).unwrap();
        short(&plan(&facts, &Choices::default()))
    }

    #[test]
    fn a_short_plan_says_what_it_comes_to_and_what_is_lost() {
        let shown = shown("memcached-several-nodes");
        for part in ["Plan: fragments", "Cost: ", LOST, "All data. Memcached has no snapshots"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(
            !shown.contains("What clients must change") && !shown.contains("$ aws "),
            "{shown}"
        );
        assert!(!shown.contains(HEADING));
    }

    #[test]
    fn a_refusal_is_shown_whole() {
        let refused = shown("redis-many-reasons");
        let path = format!(
            "{}/../shared/recreation/examples/redis-many-reasons.json",
            env!("CARGO_MANIFEST_DIR")
        );
        let facts = document::read(&std::fs::read_to_string(path).unwrap(), None).unwrap();
        assert_eq!(refused.trim_end(), text(&plan(&facts, &Choices::default()), &paint).trim_end());
    }
}
