//! The new cache is there: what clients need, and how to try it.

use portcullis_engine::facts::Engine;
use serde_json::json;

use super::draft::{Context, Draft, Kind, Mail};
use crate::endpoints::{Place, endpoints};
use crate::facts::Facts;
use crate::patch;
use crate::plan::Plan;
use crate::request::{GroupInputs, Kind as Made, Request, Shape, Token};
use crate::secret;
use crate::text::Role;

/// Tells people of the new cache, as it was found.
pub fn handed_over(plan: &Plan, clone: &Facts, ctx: &Context<'_>) -> Mail {
    let (old, new) = (&plan.cache.id, &plan.create.id);
    let places = endpoints(&clone.cache);
    let what = format!("{new} is ready, change the clients to port {}", plan.create.port);
    let mut mail = Draft::new(Kind::HandedOver, ctx, &plan.cache, Some(plan), &what);
    mail.say(&format!(
        "{new} is ready on port {}: change the clients of {old} to it.",
        plan.create.port
    ));
    mail.say("Every setting was compared with the plan. The old cache still runs, and is not deleted without your \
              approval.");
    mail.say(match plan.snapshot {
        Some(_) => "Data written to the old cache after the snapshot is not in the new one.",
        None => "The new cache is empty: Memcached has no snapshots.",
    });
    mail.page.section("Endpoints");
    for (at, place) in places.iter().enumerate() {
        let before = beside(&plan.endpoints, &places, at);
        mail.page.line(Role::Plain, &format!("  {:14}{}", place.kind, written(place)));
        mail.page.line(
            Role::Faint,
            &format!("  {:14}{}", "  before", before.map_or_else(|| "none".to_owned(), written)),
        );
    }
    if plan.changes_form() {
        mail.say(&format!("The endpoint has another form: {old} was a single node, and {new} is a replication group \
                           of one node. Clients use its primary endpoint."));
    }
    if places.is_empty() {
        mail.say("AWS shows none. Check the new cache before you change any client.");
    }
    mail.items("What clients must change", &changes(plan));
    mail.try_it(plan, &places);
    mail.page.section("Then");
    mail.item(&format!("Portcullis watches {old}. When nobody has used it for an hour, you are asked to approve its \
                        deletion. Until then both run, and both cost money."));
    mail.item(&format!(
        "To go back, change the clients to {old} again: it is as it was. Data written to {new} \
                        meanwhile stays there."
    ));
    mail.item("Create the alarms, scaling targets, DNS records and policies of the old cache again for the new one. \
               The mail with the approval request lists those that were found.");
    let (cloudformation, terraform) = patch::of_plan(plan);
    mail.page.section("In a template");
    mail.say("No tool is known to own the cache. If one does, import the new cache under a new name, and change this \
              in a copy of the old resource.");
    mail.page.gap();
    mail.page.line(Role::Heading, "CloudFormation, below Resources:");
    mail.page.block(&cloudformation);
    mail.page.gap();
    mail.page.line(Role::Heading, "Terraform:");
    mail.page.block(&terraform);
    let told = places.iter().take(super::draft::MOST_ITEMS).enumerate().map(|(at, place)| {
        let before = beside(&plan.endpoints, &places, at).map(written);
        json!({"kind": place.kind, "new": written(place), "old": before})
    });
    mail.tell("endpoints", told.collect());
    mail.done()
}

/// The old endpoint that this new one takes the place of: of the same kind, at the same place among those.
/// That of a lone node becomes the primary endpoint of a group of one.
fn beside<'a>(old: &'a [Place], new: &[Place], at: usize) -> Option<&'a Place> {
    let kind = new.get(at)?.kind;
    if let [lone] = old
        && lone.kind == "node"
        && new.iter().any(|place| place.kind == "primary")
    {
        return (kind == "primary").then_some(lone);
    }
    let nth = new.iter().take(at).filter(|place| place.kind == kind).count();
    old.iter().filter(|place| place.kind == kind).nth(nth)
}

/// `address:port`, where the address is one.
fn written(place: &Place) -> String {
    let port = place.port.map_or_else(|| "?".to_owned(), |port| port.to_string());
    format!("{}:{port}", address(place))
}

fn address(place: &Place) -> String {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '.' || c == '-';
    if place.address.chars().all(is_name) {
        place.address.clone()
    } else {
        "AN-ADDRESS-THAT-IS-NONE".to_owned()
    }
}

/// What clients must change, without the old endpoints, which are in the table.
fn changes(plan: &Plan) -> Vec<String> {
    plan.clients
        .iter()
        .filter(|line| !line.starts_with("In use now: ") && !line.starts_with("Each endpoint"))
        .cloned()
        .collect()
}

impl Draft<'_> {
    /// Commands that show whether the new cache answers.
    fn try_it(&mut self, plan: &Plan, places: &[Place]) {
        let Some(place) = places.iter().find(|place| place.kind != "reader") else { return };
        let create = &plan.create;
        let (host, port) = (address(place), create.port);
        self.page.section("To test it, from a host of a client");
        match create.engine {
            Engine::Memcached | Engine::Unknown(_) => {
                let ask = r"printf 'version\r\nstats\r\nquit\r\n'";
                if create.transit_encryption {
                    self.command(&format!(
                        "{ask} | openssl s_client -quiet -connect {host}:{port}"
                    ));
                } else {
                    self.command(&format!("{ask} | nc -w 3 {host} {port}"));
                }
            }
            Engine::Redis | Engine::Valkey => self.redis(create, &host),
        }
    }

    fn redis(&mut self, create: &Request, host: &str) {
        let cli = if create.engine == Engine::Valkey { "valkey-cli" } else { "redis-cli" };
        let (mut options, mut users) = (String::new(), false);
        if create.transit_encryption {
            options.push_str(" --tls");
        }
        if let Made::Group(GroupInputs { shape, user_groups, .. }) = &create.kind {
            if matches!(shape, Shape::Shards(_)) {
                options.push_str(" -c");
            }
            users = !user_groups.is_empty();
        }
        if users {
            options.push_str(" --user NAME --askpass");
        }
        if let Token::Secret(arn) = &create.auth_token {
            self.say("The AUTH token is the one in the secret. These commands keep it out of the command line and the \
                      history:");
            self.page.gap();
            self.command(&format!("export REDISCLI_AUTH=$({})", secret::read(arn)));
            self.page.gap();
        }
        for ask in ["PING", "INFO keyspace", "DBSIZE"] {
            self.command(&format!("{cli} -h {host} -p {}{options} {ask}", create.port));
        }
        self.page.gap();
        if users {
            self.say("NAME is a user of the user groups; the command asks for the password. A user that logs in with \
                      IAM signs for the new id.");
        }
        if options.contains(" -c") {
            self.say("Each node counts the keys of its own shard.");
        }
        self.say(
            "The number of keys should be about the same as in the old cache at the time of the snapshot.",
        );
    }
}
