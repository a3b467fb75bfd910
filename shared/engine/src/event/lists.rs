//! The calls that give entries to a prefix list.

use super::json::Json;
use super::stop::{Ignored, Stop, id};
use super::{EventName, Lead, ListLead};

/// The list that a call changed. Of these calls one sample has been published, of low trust; they belong to those whose XML
/// becomes JSON, as ModifySecurityGroupRules. Which entries came, AWS says.
pub(super) fn list(name: EventName, request: Json<'_>) -> Result<Lead, Stop> {
    const AT: &str = "detail.requestParameters.PrefixListId";
    let wrapped = request.get(&format!("{name}Request"));
    let request = if wrapped.exists() { wrapped } else { request };
    let Some(list) = request.get("PrefixListId").text() else { return Ok(Lead::Unknown) };
    let list = id(list, AT, "pl-")?;
    // A new name or size makes no version, and the call takes entries only with the version that they are for.
    let members = ["CurrentVersion", "AddEntry", "AddEntries", "RemoveEntry", "RemoveEntries"];
    if name == EventName::ModifyManagedPrefixList
        && !members.into_iter().any(|member| request.get(member).exists())
    {
        return Err(Stop::Ignored(Ignored::NotJudged(list)));
    }
    let before = request.get("CurrentVersion").number().ok().flatten();
    Ok(Lead::List(ListLead { id: list, before: before.filter(|version| *version > 0) }))
}
