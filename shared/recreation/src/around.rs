//! What refers to a cache from outside, for people: what was found, and what it must be told.

use crate::facts::Seen;
use crate::form::Form;
use crate::plan::Plan;
use crate::request::Kind;

/// One kind of thing that may refer to the cache.
pub struct Line<'a> {
    /// What it is.
    pub what: &'static str,
    /// What was found.
    pub seen: &'a Seen,
    /// What to do with it.
    pub then: &'static str,
    /// Where to look.
    pub look: &'static str,
}

/// Every kind that applies to the cache.
pub fn lines(plan: &Plan) -> Vec<Line<'_>> {
    let around = &plan.around;
    let group = plan.form == Form::Group;
    let users = matches!(&plan.now.kind, Kind::Group(group) if !group.user_groups.is_empty());
    let mut lines = Vec::new();
    // Only groups are scaled; what was found all the same is told.
    if group || found(&around.scaling) {
        lines.push(Line {
            what: "autoscaling targets",
            seen: &around.scaling,
            then: "register them for the new id",
            look: "aws application-autoscaling describe-scalable-targets --service-namespace elasticache",
        });
    }
    lines.push(Line {
        what: "alarms",
        seen: &around.alarms,
        then: "create them again for the new id",
        look: "aws cloudwatch describe-alarms",
    });
    lines.push(Line {
        what: "DNS records",
        seen: &around.dns,
        then: "point them to the new endpoint",
        look: "aws route53 list-resource-record-sets --hosted-zone-id ZONE",
    });
    // Only users of a user group log in by IAM.
    if users || found(&around.policies) {
        lines.push(Line {
            what: "IAM policies with elasticache:Connect",
            seen: &around.policies,
            then: "name the new ARN in them",
            look: "aws iam get-account-authorization-details",
        });
    }
    lines.push(Line {
        what: "parameters and secrets with the endpoint",
        seen: &around.holders,
        then: "write the new endpoint and port into them",
        look: "the applications' configuration",
    });
    lines
}

fn found(seen: &Seen) -> bool {
    matches!(seen, Seen::Read(found) if !found.is_empty())
}
