//! A custom notification of Amazon Q Developer in chat applications (once AWS Chatbot), which shows it in Slack
//! and Microsoft Teams. Described by `docs/chat.schema.json`.
//!
//! Members: its administrator guide, "Custom notifications using Amazon Q Developer in chat applications"
//! (docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html). The limits are those of that page as open-source
//! clients quote them; what becomes of a text that is longer is not said, so none is.

use std::collections::BTreeMap;

use serde::Serialize;

/// Longest title, description, next step and keyword, in characters. They are held in bytes, which are never fewer.
const TITLE: usize = 250;
const DESCRIPTION: usize = 8_000;
const STEP: usize = 350;
const KEYWORD: usize = 75;

/// How many of each are sent. AWS names no limit, and nobody reads more.
const STEPS: usize = 6;
const KEYWORDS: usize = 12;
const RESOURCES: usize = 10;

/// Longest text elsewhere. A custom action takes values of up to 1,024 characters (API reference,
/// CustomActionAttachment).
const TEXT: usize = 1_000;

/// Instead of what does not fit.
const REST: &str = "... and more: the mail and the JSON document have it all.";

/// What a channel is to show. No text here can hold markup of a user: see [`portcullis_engine::text::chat`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notification {
    /// An id of the message.
    pub(crate) id: String,
    /// The headline.
    pub(crate) title: String,
    /// What happened, part by part. One that does not fit is left out whole: half a command is no command.
    pub(crate) description: Vec<String>,
    /// What to do now.
    pub(crate) next_steps: Vec<String>,
    /// Shown as tags.
    pub(crate) keywords: Vec<String>,
    /// Messages with the same one are a thread.
    pub(crate) thread: String,
    /// What a custom action can be attached to: letters, digits and hyphens.
    pub(crate) event_type: &'static str,
    /// What it is about.
    pub(crate) resources: Vec<String>,
    /// Values for custom actions.
    pub(crate) context: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
struct Wire<'a> {
    version: &'static str,
    source: &'static str,
    id: &'a str,
    content: Content<'a>,
    metadata: Metadata<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<'a> {
    text_type: &'static str,
    title: &'a str,
    description: String,
    next_steps: Vec<&'a str>,
    keywords: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata<'a> {
    thread_id: &'a str,
    summary: &'a str,
    event_type: &'static str,
    related_resources: Vec<&'a str>,
    additional_context: BTreeMap<&'static str, &'a str>,
}

impl Notification {
    /// The JSON that SNS is to deliver as it is: within all limits, whatever it is made of.
    pub(crate) fn document(&self) -> String {
        let title = cut(&self.title, TITLE);
        let steps: Vec<&str> = self
            .next_steps
            .iter()
            .map(String::as_str)
            .filter(|step| step.len() <= STEP)
            .take(STEPS)
            .collect();
        let wire = Wire {
            version: "1.0",
            source: "custom",
            id: cut(&self.id, TEXT),
            content: Content {
                text_type: "client-markdown",
                title,
                description: self.described(steps.len() == self.next_steps.len()),
                next_steps: steps,
                keywords: self
                    .keywords
                    .iter()
                    .map(|word| cut(word, KEYWORD))
                    .take(KEYWORDS)
                    .collect(),
            },
            metadata: Metadata {
                thread_id: cut(&self.thread, TEXT),
                summary: title,
                event_type: self.event_type,
                related_resources: self
                    .resources
                    .iter()
                    .map(|id| cut(id, TEXT))
                    .take(RESOURCES)
                    .collect(),
                additional_context: self
                    .context
                    .iter()
                    .map(|(key, value)| (*key, cut(value, TEXT)))
                    .collect(),
            },
        };
        // Strings and maps of them always serialise.
        serde_json::to_string(&wire).unwrap_or_default()
    }

    /// The description, which also says whether anything was left out, of the steps too.
    fn described(&self, mut whole: bool) -> String {
        let mut text = String::new();
        for part in &self.description {
            if text.len() + part.len() + 1 + REST.len() > DESCRIPTION {
                whole = false;
                continue;
            }
            text.push_str(part);
            text.push('\n');
        }
        if !whole {
            text.push_str(REST);
        }
        text.trim_end().to_owned()
    }
}

/// The longest start of at most so many bytes that ends between characters.
fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn of(part: &str, times: usize) -> Notification {
        let many = || vec![part.to_owned(); times];
        Notification {
            id: part.to_owned(),
            title: part.to_owned(),
            description: many(),
            next_steps: many(),
            keywords: many(),
            thread: part.to_owned(),
            event_type: "portcullis-alert",
            resources: many(),
            context: BTreeMap::from([("account", part.to_owned())]),
        }
    }

    #[test]
    fn what_is_too_long_is_bounded_and_said_to_be() {
        let document: Value = serde_json::from_str(&of(&"ä".repeat(2_000), 50).document()).unwrap();
        let (content, metadata) = (&document["content"], &document["metadata"]);
        assert_eq!(content["title"].as_str().unwrap().len(), TITLE);
        let description = content["description"].as_str().unwrap();
        assert!(description.len() <= DESCRIPTION && description.ends_with(REST), "{description}");
        assert_eq!(content["nextSteps"], serde_json::json!([]), "half a step is none");
        assert_eq!(content["keywords"].as_array().unwrap().len(), KEYWORDS);
        assert!(content["keywords"][0].as_str().unwrap().len() <= KEYWORD);
        assert_eq!(metadata["relatedResources"].as_array().unwrap().len(), RESOURCES);
        assert_eq!(metadata["additionalContext"]["account"].as_str().unwrap().len(), TEXT);
    }

    #[test]
    fn a_part_that_does_not_fit_is_left_out_whole_and_the_next_is_told() {
        let mut some = of("first", 1);
        some.description.extend(["x".repeat(DESCRIPTION), "last".to_owned()]);
        let document: Value = serde_json::from_str(&some.document()).unwrap();
        assert_eq!(document["content"]["description"], format!("first\nlast\n{REST}"));
    }

    #[test]
    fn a_step_that_does_not_fit_is_said_to_be_left_out() {
        let mut some = of("first", 1);
        some.next_steps.push("x".repeat(STEP + 1));
        let document: Value = serde_json::from_str(&some.document()).unwrap();
        assert_eq!(document["content"]["nextSteps"], serde_json::json!(["first"]));
        assert_eq!(document["content"]["description"], format!("first\n{REST}"));
    }
}
