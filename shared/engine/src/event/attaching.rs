//! The calls that put groups before something.

use std::collections::BTreeSet;

use super::json::Json;
use super::stop::{Ignored, Stop, id, malformed};
use super::{Attached, Carrier, GroupLead, GroupRef, Lead, Touched};

pub(super) fn carrier(
    request: Json<'_>,
    member: &str,
    at: &'static str,
    prefix: &str,
) -> Result<String, Stop> {
    let named = request.get(member).text().ok_or_else(|| malformed(at, "is missing"))?;
    id(named, at, prefix)
}

/// An interface carries at most 16 groups (VPC quotas). Whatever names more is not from EC2.
const GROUPS_OF_ONE: usize = 16;

/// The groups that an interface or an instance has from now on, as parsers in the field read them: no record of these calls
/// with groups has been published. The other attributes look like `{instanceId, disableApiTermination {value}}`.
pub(super) fn attached(request: Json<'_>, to: &Carrier) -> Result<Vec<Lead>, Stop> {
    const GROUPS: &str = "detail.requestParameters.groupSet";
    let mut groups = BTreeSet::new();
    for group in request.get("groupSet").list() {
        let named = group.get("groupId").text().or_else(|| group.text());
        let named = named.ok_or_else(|| malformed(GROUPS, "has a group without an id"))?;
        groups.insert(id(named, GROUPS, "sg-")?);
    }
    if groups.is_empty() {
        return Err(Stop::Ignored(Ignored::NotJudged(to.to_string())));
    }
    if groups.len() > GROUPS_OF_ONE {
        return Err(malformed(GROUPS, format!("names {} groups", groups.len())));
    }
    Ok(groups.into_iter().map(|group| lead_of(group, to.clone())).collect())
}

/// No record was seen. It is one of the calls whose XML becomes JSON, as ModifySecurityGroupRules.
pub(super) fn associated(request: Json<'_>) -> Result<Lead, Stop> {
    const GROUP: &str = "detail.requestParameters.AssociateSecurityGroupVpcRequest.GroupId";
    const VPC: &str = "detail.requestParameters.AssociateSecurityGroupVpcRequest.VpcId";
    let wrapped = request.get("AssociateSecurityGroupVpcRequest");
    let request = if wrapped.exists() { wrapped } else { request };
    let vpc = carrier(request, "VpcId", VPC, "vpc-")?;
    Ok(lead_of(carrier(request, "GroupId", GROUP, "sg-")?, Carrier::Vpc(vpc)))
}

fn lead_of(group: String, to: Carrier) -> Lead {
    let touched = Touched::Attached(Attached { to, unreported: Vec::new() });
    Lead::Group(GroupLead { group: GroupRef::Id(group), touched })
}
