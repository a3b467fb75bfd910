//! The document of the stack, and commands that run it.

use std::time::Duration;

use anyhow::{Context, Error, Result};
use aws_config::SdkConfig;
use aws_sdk_ssm::Client;
use aws_sdk_ssm::types::{
    CommandInvocationStatus, DocumentHashType, InstanceInformationStringFilter, PingStatus,
    PlatformType,
};
use portcullis_aws::error::{Failed, code};
use portcullis_engine::servers::{HostReport, WITH_VARIABLES, may_change};
use serde_json::Value;

use crate::account;
use crate::advice::advice;
use crate::common::Common;
use crate::paint::harmless;

/// What the document has to run.
const SCRIPT: &str = include_str!("../../../infra/documents/harden-memcached.sh");
const BETWEEN: Duration = Duration::from_millis(500);
/// An invocation is not there at once (API reference, GetCommandInvocation).
const APPEARS: u32 = 20;
/// The script has two minutes, and its delivery as long.
const LOOKS: u32 = 500;
const DELIVERY: i32 = 120;

/// The version of the document that was looked at.
pub(super) struct Document {
    ssm: Client,
    name: String,
    version: String,
    hash: String,
}

/// The parameters of the document.
pub(super) struct Parameters<'a> {
    pub(super) mode: &'static str,
    pub(super) listen: &'a str,
    pub(super) expected: &'a str,
    pub(super) id: &'a str,
}

impl<'a> Parameters<'a> {
    pub(super) fn report(id: &'a str) -> Self {
        Self { mode: "report", listen: "auto", expected: "", id }
    }
}

/// The agent of an instance.
pub(super) struct Agent(String);

impl Agent {
    /// Nothing is changed through an agent that writes parameters into the text of a script.
    pub(super) fn may_change(&self, instance: &str) -> Result<()> {
        if may_change(&self.0) {
            return Ok(());
        }
        let least = WITH_VARIABLES.map(|part| part.to_string()).join(".");
        Err(advice(
            format!(
                "nothing was changed: SSM Agent on {instance} is {}, and {least} is needed",
                harmless(&self.0)
            ),
            format!(
                "update it: aws ssm send-command --document-name AWS-UpdateSSMAgent --instance-ids {instance}"
            ),
        ))
    }
}

impl Document {
    /// The default version of the stack's document, if it runs our script.
    pub(super) async fn find(config: &SdkConfig, common: &Common) -> Result<Self> {
        let ssm = Client::new(config);
        let name = format!("{}-harden", common.stack);
        let got = ssm.get_document().name(&name).send().await;
        let got = got.map_err(|error| missing(Failed::of("GetDocument", &error), config, &name))?;
        let version = got.document_version.context("GetDocument: no version in the answer")?;
        if !runs_ours(got.content.as_deref().unwrap_or_default()) {
            return Err(advice(
                format!("{name} runs another script than this command line was built with"),
                "update the stack, or use the command line of its version",
            ));
        }
        let described = ssm.describe_document().name(&name).document_version(&version).send().await;
        let described = described.map_err(|error| Failed::of("DescribeDocument", &error))?.document;
        let hash = described
            .and_then(|document| document.hash)
            .context("DescribeDocument: no hash in the answer")?;
        Ok(Self { ssm, name, version, hash })
    }

    /// The agent of the instance, if a command would reach it.
    pub(super) async fn agent(&self, instance: &str) -> Result<Agent> {
        let filter = InstanceInformationStringFilter::builder()
            .key("InstanceIds")
            .values(instance)
            .build()
            .context("the filter")?;
        let answer = self.ssm.describe_instance_information().filters(filter).send().await;
        let answer = answer.map_err(|error| Failed::of("DescribeInstanceInformation", &error))?;
        let by_hand = "copy infra/documents/harden-memcached.sh to it, and run there: sudo sh harden-memcached.sh report";
        let Some(found) = answer.instance_information_list.unwrap_or_default().into_iter().next()
        else {
            return Err(advice(
                format!("Systems Manager does not manage {instance}"),
                format!("give it an agent and an instance profile; or {by_hand}"),
            ));
        };
        if found.platform_type != Some(PlatformType::Linux) {
            return Err(advice(
                format!("{instance} does not run Linux"),
                "harden it manually: docs/memcached.md",
            ));
        }
        if found.ping_status != Some(PingStatus::Online) {
            return Err(advice(
                format!("SSM Agent on {instance} does not answer"),
                format!("start it; or {by_hand}"),
            ));
        }
        Ok(Agent(found.agent_version.unwrap_or_default()))
    }

    /// Runs it and waits for what it says.
    pub(super) async fn run(
        &self,
        instance: &str,
        parameters: &Parameters<'_>,
    ) -> Result<HostReport> {
        let Parameters { mode, listen, expected, id } = parameters;
        #[expect(clippy::disallowed_methods, reason = "the one place that sends a command")]
        let request = self.ssm.send_command().document_name(&self.name);
        let sent = request
            .document_version(&self.version)
            .document_hash(&self.hash)
            .document_hash_type(DocumentHashType::Sha256)
            .instance_ids(instance)
            .timeout_seconds(DELIVERY)
            .comment(format!("portcullis harden: {mode}"))
            .parameters("Mode", vec![(*mode).to_owned()])
            .parameters("Listen", vec![(*listen).to_owned()])
            .parameters("Expected", vec![(*expected).to_owned()])
            .parameters("Id", vec![(*id).to_owned()])
            .send()
            .await;
        let sent = sent.map_err(|error| not_sent(Failed::of("SendCommand", &error)))?;
        let command = sent
            .command
            .and_then(|command| command.command_id)
            .context("SendCommand: no command in the answer")?;
        self.told(&command, instance).await
    }

    async fn told(&self, command: &str, instance: &str) -> Result<HostReport> {
        for look in 0..LOOKS {
            tokio::time::sleep(BETWEEN).await;
            let request = self.ssm.get_command_invocation();
            let got = match request.command_id(command).instance_id(instance).send().await {
                Ok(got) => got,
                Err(error) if look < APPEARS && code(&error) == Some("InvocationDoesNotExist") => {
                    continue;
                }
                Err(error) => return Err(Failed::of("GetCommandInvocation", &error).into()),
            };
            let said = got.standard_output_content.unwrap_or_default();
            match got.status {
                Some(
                    CommandInvocationStatus::Pending
                    | CommandInvocationStatus::InProgress
                    | CommandInvocationStatus::Delayed,
                ) => {}
                // Another exit status than 0 is a failure for Systems Manager, and the script says what it means.
                Some(CommandInvocationStatus::Success | CommandInvocationStatus::Failed) => {
                    return HostReport::read(&said).map_err(|why| unread(&why, command, instance));
                }
                status => {
                    let status = status.map_or_else(String::new, |it| it.as_str().to_owned());
                    return Err(unread(&format!("the command is {status}"), command, instance));
                }
            }
        }
        Err(unread("it is not over yet", command, instance))
    }
}

/// Whether the last text that the document runs is our script.
fn runs_ours(content: &str) -> bool {
    let Ok(document) = serde_json::from_str::<Value>(content) else { return false };
    let [step] = document["mainSteps"].as_array().map_or(&[][..], Vec::as_slice) else {
        return false;
    };
    let lines = step["inputs"]["runCommand"].as_array().map_or(&[][..], Vec::as_slice);
    step["action"] == "aws:runShellScript" && lines.last().is_some_and(|last| last == SCRIPT)
}

fn missing(failed: Failed, config: &SdkConfig, name: &str) -> Error {
    if failed.code() != Some("InvalidDocument") {
        return failed.into();
    }
    advice(
        format!(
            "there is no document {name} in {}: the stack has HardenMemcached=no, or is not there",
            account::region(config)
        ),
        "deploy it with HardenMemcached=report, or give the name of the stack (--stack NAME), its Region (--region) \
         or its account (--profile)",
    )
}

fn not_sent(failed: Failed) -> Error {
    match failed.code() {
        Some("InvalidParameters") => advice(
            "nothing was sent: the document does not take these parameters",
            "give --listen auto, loopback, or up to four addresses with commas between them",
        ),
        Some(_) => Error::new(failed).context("nothing was sent"),
        None => Error::new(failed).context("it is unknown whether the command was sent"),
    }
}

fn unread(why: &str, command: &str, instance: &str) -> Error {
    advice(
        format!("it is unknown what was done on {instance}: {why}"),
        format!(
            "see it: aws ssm get-command-invocation --command-id {command} --instance-id {instance}"
        ),
    )
}
