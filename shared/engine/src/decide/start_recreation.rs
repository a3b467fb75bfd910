//! The start of the re-creation that an event causes.

use crate::action::{Input, StartRecreation, recreation_id};
use crate::event::Event;
use crate::finding::Subject;
use crate::text::plain;

/// The longest text of a user that is passed on, in characters.
const TEXT: usize = 120;

impl StartRecreation {
    /// The re-creation of a cache because of this fault.
    ///
    /// An event chooses no port, and does not say where an AUTH token is.
    ///
    /// INVARIANT: id and input are the same, byte for byte, in every delivery of the event. Step Functions
    /// takes the same name with the same input for the same execution, and refuses it with another input.
    pub fn of(event: &Event, cache: &Subject, machine: &str, fault: &str) -> Self {
        let id = recreation_id(&cache.id, &format!("{} {}", cache.arn, event.id));
        let (caller, time) = (plain(&event.actor.name, TEXT), plain(&event.time, 40));
        let input = Input {
            r#move: &id,
            cache: &cache.arn,
            port: None,
            auth_token_secret: None,
            asked_by: &format!("Portcullis, for the event {}", plain(&event.id, 64)),
            why: &format!("{fault}; made by {caller} at {time}"),
        };
        let input = input.text();
        Self { machine: machine.to_owned(), cache: cache.arn.clone(), id, input }
    }
}
