//! `portcullis move`: starts the workflow that re-creates a cache on another port.

use anyhow::{Context, Error, Result};
use clap::Args;
use portcullis_aws::error::Failed;
use portcullis_aws::now;
use portcullis_engine::action::{Input, recreation_id};
use portcullis_engine::arn::Arn;
use portcullis_recreation::json::json;
use portcullis_recreation::plan::{Answer, Choices, Plan, plan};
use serde_json::{Value, json as value};

use crate::advice::advice;
use crate::common::{Common, Exit};
use crate::short::short;
use crate::{account, live, paint};

/// Start the re-creation of a cache on a custom port: nothing is created before an approval
///
/// Shows a summary of the plan and starts the workflow of the stack. The workflow reads the cache,
/// makes the plan again, and asks for approval: nothing is created before somebody approves (unless
/// the stack has MoveCaches=fresh, and the cache is new and empty), and the old cache is deleted only
/// after a second approval. A cache that cannot be re-created with the same settings is refused, and
/// nothing is started.
#[derive(Debug, Args)]
#[command(after_long_help = HELP)]
pub(crate) struct Arguments {
    /// The cache, by its id or ARN
    cache: String,
    /// The new port, 1150 to 65535 without 8005 [default: one is chosen for this cache, the same every time]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,
    /// The Secrets Manager secret that holds the cache's AUTH token, as plain text or as `authToken` of
    /// a JSON object. Never give the token itself
    #[arg(long, value_name = "ARN")]
    auth_token_secret: Option<String>,
    /// The reason, for the people who are asked for approval
    #[arg(long, value_name = "TEXT", default_value = "requested on the command line")]
    reason: String,
    /// Print JSON instead of text
    #[arg(long)]
    json: bool,
}

const HELP: &str = "\
The stack must have MoveCaches=on-request, ask or fresh. The command does not wait. `portcullis moves` shows the \
progress, `portcullis approve ID` approves. `portcullis plan CACHE` shows the whole plan and starts nothing.

Exit status:
  0  started
  1  refused, with every reason
  2  the cache could not be read, or the re-creation not started";

/// Starts a re-creation, unless it is refused.
pub(crate) async fn run(arguments: &Arguments, common: &Common) -> Result<Exit> {
    let cache = arguments.cache.as_str();
    let config = account::config(common, live::arn(cache)).await?;
    let facts = live::facts(&live::document(&config, cache).await?)?;
    let choices =
        Choices { port: arguments.port, auth_token_secret: arguments.auth_token_secret.clone() };
    let answer = plan(&facts, &choices);
    let print =
        |text: &str| paint::write(text, common.color).context("the answer cannot be written");
    let plan = match &answer {
        Answer::Plan(plan) => plan,
        Answer::Refused(_) => {
            let refusal = if arguments.json { json(&answer) + "\n" } else { short(&answer) };
            print(&refusal)?;
            return Ok(Exit::No);
        }
    };
    if !arguments.json {
        print(&short(&answer))?;
    }
    let by = account::caller(&config).await?;
    let started = Start::new(plan, arguments, &by, &common.stack, now())?;
    let execution = started.send(&aws_sdk_sfn::Client::new(&config)).await?;
    print(&if arguments.json {
        paint::json(&started.json(plan, &execution))
    } else {
        started.text(&plan.cache.id, common)
    })?;
    Ok(Exit::Yes)
}

/// What is started.
struct Start {
    id: String,
    machine: String,
    /// In JSON.
    input: String,
}

impl Start {
    fn new(plan: &Plan, arguments: &Arguments, by: &str, stack: &str, now: i64) -> Result<Self> {
        let arn = Arn::parse(&plan.cache.arn)?;
        let id = recreation_id(&plan.cache.id, &format!("{arn}{now}"));
        let input = Input {
            r#move: &id,
            cache: &plan.cache.arn,
            port: arguments.port,
            auth_token_secret: arguments.auth_token_secret.as_deref(),
            asked_by: by,
            why: &arguments.reason,
        };
        let input = input.text();
        let resource = format!("stateMachine:{stack}-recreate");
        let machine = Arn { service: "states", resource: &resource, ..arn }.to_string();
        Ok(Self { id, machine, input })
    }

    /// Starts it: the ARN of the execution.
    async fn send(&self, sfn: &aws_sdk_sfn::Client) -> Result<String> {
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place of the command line that starts a re-creation"
        )]
        let request = sfn.start_execution().state_machine_arn(&self.machine).name(&self.id);
        match request.input(&self.input).send().await {
            Ok(answer) => Ok(answer.execution_arn),
            Err(error) => Err(self.explained(Failed::of("StartExecution", &error))),
        }
    }

    fn explained(&self, failed: Failed) -> Error {
        let machine = &self.machine;
        match failed.code() {
            Some("StateMachineDoesNotExist" | "StateMachineDeleting") => advice(
                format!("nothing was started: there is no state machine {machine}"),
                "turn re-creations on (MoveCaches=on-request in the stack), or give the name of the stack (--stack \
                 NAME)",
            ),
            Some("ExecutionAlreadyExists") => advice(
                format!("nothing was started: re-creation {} was started in this same second", self.id),
                "see `portcullis moves`",
            ),
            Some(_) => Error::new(failed).context("nothing was started"),
            None => Error::new(failed).context(format!(
                "it is unknown whether re-creation {} was started; see `portcullis moves` before you try again",
                self.id
            )),
        }
    }

    fn text(&self, cache: &str, common: &Common) -> String {
        let stack = common.stack_option();
        let id = &self.id;
        format!(
            "\nStarted: re-creation {id}\n\n{cache} is not changed yet. The workflow makes the plan again, then a \
             mail asks for approval.\n\n  See the progress:    portcullis moves{stack}\n  Approve:             \
             portcullis approve {id}{stack}\n  Reject:              portcullis reject {id} --reason '...'{stack}\n"
        )
    }

    fn json(&self, plan: &Plan, execution: &str) -> Value {
        value!({
            "outcome": "started",
            "move": self.id,
            "execution": execution,
            "cache": plan.cache.arn,
            "fromPort": plan.now.port,
            "toPort": plan.create.port,
            "plan": plan.fingerprint,
        })
    }
}

#[cfg(test)]
mod tests {
    use portcullis_aws::error::Cause;
    use portcullis_engine::text::number;
    use portcullis_recreation::document;

    use super::*;
    use crate::advice::{Place, told};

    fn started(port: Option<u16>) -> (Plan, Start) {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../shared/recreation/examples/valkey-with-replicas.json"
        );
        let facts = document::read(&std::fs::read_to_string(path).unwrap(), None).unwrap();
        let Answer::Plan(plan) = plan(&facts, &Choices::default()) else { panic!("it is a plan") };
        let arguments = Arguments {
            cache: "orders".to_owned(),
            port,
            auth_token_secret: None,
            reason: "audit \"A1\"".to_owned(),
            json: false,
        };
        let by = "arn:aws:sts::111122223333:assumed-role/admin/alice";
        let start = Start::new(&plan, &arguments, by, "guard", 1_795_255_230).unwrap();
        (*plan, start)
    }

    #[test]
    fn what_is_started_is_the_stacks_machine_with_the_choices_and_not_the_plan() {
        let (plan, start) = started(Some(7001));
        assert_eq!(
            start.machine,
            "arn:aws:states:eu-west-1:111122223333:stateMachine:guard-recreate"
        );
        let read = |input: &str| serde_json::from_str::<Value>(input).unwrap();
        assert_eq!(
            read(&start.input),
            value!({
                "move": start.id, "cache": plan.cache.arn, "port": 7001, "authTokenSecret": null,
                "askedBy": "arn:aws:sts::111122223333:assumed-role/admin/alice", "why": "audit \"A1\"",
            })
        );
        let input = read(&started(None).1.input);
        assert_eq!(input["port"], Value::Null, "the workflow chooses as this plan did");
    }

    #[test]
    fn an_id_is_of_the_cache_and_of_the_moment() {
        let (plan, start) = started(None);
        let hex = start.id.strip_prefix("orders-").unwrap();
        let number = number(&format!("{}1795255230", plan.cache.arn));
        assert_eq!(hex, format!("{number:08x}"));
    }

    /// What is printed when Step Functions answers so.
    fn told_of(code: &str) -> String {
        let (_, start) = started(None);
        let message = Some("as answered".to_owned());
        let cause = Cause::Answered { code: code.to_owned(), message };
        let failed = Failed { call: "StartExecution".to_owned(), cause };
        told(&start.explained(failed), &Place::default())
    }

    #[test]
    fn an_error_says_what_became_of_the_start_and_what_to_do() {
        insta::assert_snapshot!(told_of("StateMachineDoesNotExist"), @"
        error: nothing was started: there is no state machine arn:aws:states:eu-west-1:111122223333:stateMachine:guard-recreate
        help: turn re-creations on (MoveCaches=on-request in the stack), or give the name of the stack (--stack NAME)
        ");
        insta::assert_snapshot!(told_of("ValidationException"), @"
        error: nothing was started: StartExecution: ValidationException: as answered
        help: change what AWS names here, then run it again
        ");
        assert!(
            told_of("ExecutionAlreadyExists")
                .ends_with("in this same second\nhelp: see `portcullis moves`")
        );
        let (_, start) = started(None);
        let cause = Cause::TimedOut(vec!["request has timed out".to_owned()]);
        let failed = Failed { call: "StartExecution".to_owned(), cause };
        let told = told(&start.explained(failed), &Place::default());
        assert!(told.starts_with("error: it is unknown whether re-creation orders-"), "{told}");
    }
}
