//! The findings as people read them: what is said of one rule is said once.

use portcullis_engine::action::Remedy;
use portcullis_engine::report::Reported;

/// The findings as they are told: those on one rule together, the worst first.
pub(crate) fn by_rule(findings: &[Reported]) -> Vec<Vec<&Reported>> {
    let mut groups: Vec<Vec<&Reported>> = Vec::new();
    for reported in findings {
        let id = reported.rule().map(|rule| &rule.id);
        let known = groups.iter_mut().find(|group| {
            id.is_some() && group.first().and_then(|first| first.rule()).map(|rule| &rule.id) == id
        });
        match known {
            Some(group) => group.push(reported),
            None => groups.push(vec![reported]),
        }
    }
    groups
}

/// Of findings on one rule, the one whose end matters most: an action, if any was decided.
pub(crate) fn worst<'a>(group: &[&'a Reported]) -> Option<&'a Reported> {
    let acted = group.iter().find(|reported| matches!(reported.finding.remedy, Remedy::Do(_)));
    acted.or(group.first()).copied()
}
