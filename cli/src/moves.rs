//! `portcullis moves`: the re-creations that were planned and the servers that were asked about, and what they ask.

use anyhow::{Context, Result};
use clap::Args;
use portcullis_approval::{About, Question, Summary};
use portcullis_aws::now;
use portcullis_engine::arn::Arn;
use serde_json::{Value, json};

use crate::common::{Common, Exit};
use crate::paint::{harmless, time};
use crate::table::table;
use crate::{account, paint};

/// List the re-creations of caches and the hardenings of servers, with their requests for approval
#[derive(Debug, Args)]
#[command(after_long_help = EXIT)]
pub(crate) struct Arguments {
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

const EXIT: &str = "\
`portcullis approve ID` and `portcullis reject ID --reason TEXT` answer a request for approval. A stage is a step of \
the workflow: docs/moving-a-cache.md lists them in order.

Exit status:
  0  the list, which may be empty
  2  the table could not be read";

/// Lists the table.
pub(crate) async fn run(arguments: &Arguments, common: &Common) -> Result<Exit> {
    let config = account::config(common, None).await?;
    let table = account::moves(&config, common);
    let moves = table.list().await.map_err(|error| account::no_table(error, &config, common))?;
    let moves = sorted(moves, now());
    let output = if arguments.json { paint::json(&json(&moves)) } else { text(&moves) };
    paint::write(&output, common.color).context("the list cannot be written")?;
    Ok(Exit::Yes)
}

/// A move with the question that it asks.
type Listed = (Summary, Option<(About, Question)>);

/// Those that ask first, then by id.
fn sorted(moves: Vec<Summary>, now: i64) -> Vec<Listed> {
    let mut listed: Vec<Listed> = moves
        .into_iter()
        .map(|summary| (open(&summary, now), summary))
        .map(|(o, s)| (s, o))
        .collect();
    listed.sort_by(|(a, asks), (b, other_asks)| {
        (asks.is_none(), &a.id).cmp(&(other_asks.is_none(), &b.id))
    });
    listed
}

/// What is asked now: the later question first.
fn open(summary: &Summary, now: i64) -> Option<(About, Question)> {
    let asked = [
        (About::Hardening, &summary.about_hardening),
        (About::Deletion, &summary.about_deletion),
        (About::Recreation, &summary.about_recreation),
    ];
    let (about, latest) =
        asked.into_iter().find_map(|(a, question)| Some((a, question.clone()?)))?;
    (latest.answer.is_none() && latest.until > now).then_some((about, latest))
}

fn text(moves: &[Listed]) -> String {
    if moves.is_empty() {
        return "No re-creations and no hardenings.\n".to_owned();
    }
    let mut rows = vec![["ID", "CACHE OR SERVER", "STAGE", "WAITS FOR"].map(str::to_owned)];
    rows.extend(moves.iter().map(|(summary, open)| {
        let subject = subject(summary);
        let asks = open.as_ref().map_or_else(String::new, |(about, question)| {
            let what = match about {
                About::Recreation => "approval to re-create",
                About::Deletion => "approval to delete the old cache",
                About::Hardening => "approval to harden the server",
            };
            format!("{what}, until {}", time(question.until))
        });
        [harmless(&summary.id), harmless(subject), harmless(&summary.stage), asks]
    }));
    table(&rows)
}

/// The name of the cache, or the instance, with which the id of a hardening begins.
fn subject(summary: &Summary) -> &str {
    match summary.cache.as_str() {
        "" => summary.id.rsplit_once('-').map_or("", |(instance, _)| instance),
        cache => Arn::name_of(cache),
    }
}

fn json(moves: &[Listed]) -> Value {
    let shape = |(summary, open): &Listed| {
        let open = open.as_ref().map(|(about, question)| {
            json!({"about": about.as_str(), "until": question.until, "plan": question.plan})
        });
        json!({
            "move": summary.id, "cache": (!summary.cache.is_empty()).then_some(&summary.cache), "stage": summary.stage, "asks": open,
        })
    };
    json!({"moves": moves.iter().map(shape).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use portcullis_approval::{Answer, Through};

    use super::*;
    use portcullis_testkit::hostile::{shows_all, texts};

    const NOW: i64 = 1_795_255_230;

    fn question(until: i64, answered: bool) -> Question {
        let answer = Answer {
            yes: true,
            by: "alice".to_owned(),
            reason: String::new(),
            at: NOW,
            through: Through::Page,
        };
        Question {
            asked_at: NOW - 60,
            until,
            plan: "1a2b3c4d5e6f7081".to_owned(),
            note: String::new(),
            token: Some("secret-token".to_owned()),
            answer: answered.then_some(answer),
            passed_on: answered,
        }
    }

    fn summary(
        id: &str,
        about_recreation: Option<Question>,
        about_deletion: Option<Question>,
    ) -> Summary {
        let cache = format!("arn:aws:elasticache:eu-west-1:111122223333:cluster:{id}");
        let (id, stage) = (format!("{id}-00000001"), "ask".to_owned());
        Summary { id, cache, stage, about_recreation, about_deletion, about_hardening: None }
    }

    fn listed() -> Vec<Listed> {
        let moves = vec![
            summary("answered", Some(question(NOW + 9, true)), None),
            summary("late", Some(question(NOW, false)), None),
            summary("planned", None, None),
            summary(
                "to-delete",
                Some(question(NOW - 9, true)),
                Some(question(NOW + 86_400, false)),
            ),
            summary("to-move", Some(question(NOW + 3600, false)), None),
            Summary {
                id: "i-0123456789abcdef0-14960460".to_owned(),
                cache: String::new(),
                about_hardening: Some(question(NOW + 3600, false)),
                ..summary("", None, None)
            },
        ];
        sorted(moves, NOW)
    }

    #[test]
    fn those_that_ask_come_first_and_say_until_when() {
        insta::assert_snapshot!(text(&listed()), @r"
        ID                            CACHE OR SERVER      STAGE  WAITS FOR
        i-0123456789abcdef0-14960460  i-0123456789abcdef0  ask    approval to harden the server, until 2026-11-21 11:00 UTC
        to-delete-00000001            to-delete            ask    approval to delete the old cache, until 2026-11-22 10:00 UTC
        to-move-00000001              to-move              ask    approval to re-create, until 2026-11-21 11:00 UTC
        answered-00000001             answered             ask
        late-00000001                 late                 ask
        planned-00000001              planned              ask
        ");
        assert_eq!(text(&[]), "No re-creations and no hardenings.\n");
    }

    #[test]
    fn the_list_for_machines_has_no_task_token() {
        let json = json(&listed());
        assert_eq!(json["moves"][0]["asks"]["about"], "hardening");
        assert_eq!(json["moves"][1]["asks"]["about"], "deletion");
        assert_eq!(json["moves"][5]["asks"], Value::Null);
        assert!(!json.to_string().contains("secret-token"));
    }

    #[test]
    fn nothing_that_others_wrote_acts_upon_a_terminal() {
        for hostile in texts() {
            let mut moves = listed();
            for (summary, _) in &mut moves {
                for part in [&mut summary.id, &mut summary.cache, &mut summary.stage] {
                    part.clone_from(&hostile);
                }
            }
            shows_all("the moves", &text(&moves));
            assert_eq!(text(&moves).lines().count(), moves.len() + 1);
        }
    }
}
