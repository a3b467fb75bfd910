//! How a cache gets to ask who its clients are.
//!
//! User groups: Redis OSS from 6.0 and Valkey; IAM: Redis OSS from 7.0 and Valkey; both need encryption in transit (user
//! guide, "Role-Based Access Control", "Authenticating with IAM"). An AUTH token can be set on what is there from Redis
//! OSS 5.0.6 on (user guide, "Modifying the AUTH token on an existing cluster": "if the engine version is Valkey 7.2 or
//! higher or Redis 5.0.6 or higher"). A user group of engine `redis` needs a user named
//! `default` (`DefaultUserRequired: User group needs to contain a user with the user name default.`), one of engine
//! `valkey` takes no user without a password. Who does not log in is that user, and when a user is modified "all existing connections are
//! maintained" (user guide, "Role-Based Access Control"); what a user may do is looked up for each command (valkey.io, "ACL").

use portcullis_engine::facts::{CacheKind, Engine};
use portcullis_engine::finding::Check;

use super::kind::Kind;
use super::step::{Step, in_place, note};
use super::target::Target;
use crate::command;

const IAM: [u32; 3] = [7, 0, 0];
const USERS: [u32; 3] = [6, 0, 0];
const TOKEN: [u32; 3] = [5, 0, 6];

/// What a version can do best.
enum Way {
    Iam,
    Passwords,
    Token,
    NewGroupWithToken,
}

impl Target<'_> {
    pub(super) fn no_auth(&self) -> Vec<Step> {
        let Some(way) = self.way() else { return vec![self.see_version(Check::NoAuth)] };
        let (mut steps, ready) = match self.cache.kind {
            CacheKind::ServerlessCache => (Vec::new(), true),
            CacheKind::CacheCluster | CacheKind::ReplicationGroup => self.encrypted_first(),
        };
        if ready {
            steps.extend(match way {
                Way::Iam => self.users(vec![self.iam_user()]),
                Way::Passwords => self.users(vec![self.password(), self.password_user()]),
                Way::Token => self.token(),
                Way::NewGroupWithToken => vec![self.token_secret(), self.group_with_token()],
            });
        }
        steps
    }

    fn way(&self) -> Option<Way> {
        match (self.engine, self.cache.kind) {
            // Serverless caches begin at Redis OSS 7 and Valkey 7.2.
            (Engine::Valkey, _) | (Engine::Redis, CacheKind::ServerlessCache) => Some(Way::Iam),
            (Engine::Redis, CacheKind::CacheCluster | CacheKind::ReplicationGroup) => {
                let version = self.cache.version.as_ref()?;
                Some(
                    match (version.reaches(IAM)?, version.reaches(USERS)?, version.reaches(TOKEN)?)
                    {
                        (true, _, _) => Way::Iam,
                        (false, true, _) => Way::Passwords,
                        (false, false, true) => Way::Token,
                        (false, false, false) => Way::NewGroupWithToken,
                    },
                )
            }
            (Engine::Memcached | Engine::Unknown(_), _) => None,
        }
    }

    /// What comes before users and tokens, and whether the cache can then have any.
    fn encrypted_first(&self) -> (Vec<Step>, bool) {
        let told = self.report.findings.iter().any(|f| f.finding.check == Check::PlaintextTransit);
        let alone = self.cache.kind == CacheKind::CacheCluster;
        let mut steps = Vec::new();
        match (self.cache.transit_encryption, self.encrypts_in_place()) {
            (Some(true), _) => {
                steps.extend(alone.then(|| self.join_group()));
                if self.cache.plaintext_too {
                    steps.push(self.require_encryption(
                        &self.group(),
                        "Encryption in transit is only preferred. When every client uses TLS, require it: once there \
                         are users,\nElastiCache no longer changes it.",
                    ));
                }
            }
            (None, _) => steps.push(note(
                "Users and AUTH tokens need encryption in transit, and ElastiCache does not show whether the cache has it.",
            )),
            (Some(false), Some(true)) if told => steps.push(note(
                "First do all steps of plaintext-transit: users need encryption in transit, and once there are \
                 users,\nElastiCache no longer changes it.",
            )),
            (Some(false), Some(true)) => {
                steps.extend(alone.then(|| self.join_group()));
                steps.extend(self.encrypt(&self.group()));
            }
            (Some(false), Some(false) | None) => {
                steps.push(note(
                    "Users and AUTH tokens need encryption in transit, which this version supports in a new cache \
                     only\n(plaintext-transit). The alert of the new cache has the commands for its users.",
                ));
                return (steps, false);
            }
        }
        (steps, true)
    }

    /// A user group of this user, and where Redis OSS needs one, of a default user that is turned off in the end.
    fn users(&self, mut steps: Vec<Step>) -> Vec<Step> {
        let needs_default = *self.engine == Engine::Redis;
        steps.extend(needs_default.then(|| self.default_user()));
        steps.push(self.user_group(needs_default));
        steps.push(self.attach(needs_default));
        steps.extend(needs_default.then(|| self.turn_off_default()));
        steps.extend(self.user_group_in_place());
        steps
    }

    /// A template does not have the group that a node by itself is put into.
    fn user_group_in_place(&self) -> Option<Step> {
        let group = self.named("-users");
        match self.cache.kind {
            CacheKind::CacheCluster => None,
            CacheKind::ServerlessCache => Some(in_place(
                &[&format!("UserGroupId: {group}")],
                &[&format!("user_group_id = \"{group}\"")],
                ["ServerlessCache", "serverless_cache"],
            )),
            CacheKind::ReplicationGroup => Some(in_place(
                &[&format!("UserGroupIds: [{group}]")],
                &[&format!("user_group_ids = [\"{group}\"]")],
                ["ReplicationGroup", "replication_group"],
            )),
        }
    }

    /// With IAM, id and name are the same (`User Id and User name must be same for authentication type: iam`).
    fn iam_user(&self) -> Step {
        Step {
            kind: Kind::IamUser,
            words: format!(
                "Create a user for the clients, which log in with IAM: their role needs elasticache:Connect on the \
                 cache and on\nthe user. {ACCESS}"
            ),
            commands: vec![format!("{} --authentication-mode Type=iam", self.create_user())],
        }
    }

    fn password_user(&self) -> Step {
        let secret = command::secret(self.region, &self.named("-password"));
        Step {
            kind: Kind::PasswordUser,
            words: format!("Create a user with this password for the clients. {ACCESS}"),
            commands: vec![format!(
                "PASSWORD=$({secret}) && {} --passwords \"$PASSWORD\"",
                self.create_user()
            )],
        }
    }

    fn create_user(&self) -> String {
        let (region, user, engine) = (self.region, self.named("-app"), self.engine.as_str());
        format!(
            "aws elasticache create-user --region {region} --user-id {user} --user-name {user} --engine {engine} --access-string 'on ~* +@all -@dangerous'"
        )
    }

    fn password(&self) -> Step {
        Step {
            kind: Kind::Password,
            words: "Users of this version have passwords: create one, in a secret.".to_owned(),
            commands: vec![command::new_secret(self.region, &self.named("-password"), None)],
        }
    }

    fn default_user(&self) -> Step {
        let (region, user) = (self.region, self.named("-default"));
        Step {
            kind: Kind::DefaultUser,
            words: "A user group of Redis OSS needs a user named default, for clients that do not log in. This user \
                    may still\ndo everything, and is turned off in the last step."
                .to_owned(),
            commands: vec![format!(
                "aws elasticache create-user --region {region} --user-id {user} --user-name default --engine redis --no-password-required --access-string 'on ~* +@all'"
            )],
        }
    }

    fn user_group(&self, needs_default: bool) -> Step {
        let (region, group, engine) = (self.region, self.named("-users"), self.engine.as_str());
        let default = needs_default.then(|| format!("{} ", self.named("-default")));
        let (default, user) = (default.unwrap_or_default(), self.named("-app"));
        Step {
            kind: Kind::UserGroup,
            words: "Create the user group, and wait until it is active.".to_owned(),
            commands: vec![
                format!(
                    "aws elasticache create-user-group --region {region} --user-group-id {group} --engine {engine} --user-ids {default}{user}"
                ),
                format!(
                    "aws elasticache describe-user-groups --region {region} --user-group-id {group} --query 'UserGroups[].Status' --output text"
                ),
            ],
        }
    }

    fn attach(&self, needs_default: bool) -> Step {
        let (region, users) = (self.region, self.named("-users"));
        let words = if needs_default {
            "Assign it to the cache. From then on clients can log in. Clients that do not log in are the user \
                 default, who\nmay still do everything, so nothing changes for them. Now change one client after the \
                 other."
        } else {
            "Assign it to the cache. From then on every client must log in: prepare all clients before."
        };
        let (kind, command) = match self.cache.kind {
            CacheKind::ServerlessCache => (
                Kind::AttachToServerless,
                format!(
                    "aws elasticache modify-serverless-cache --region {region} --serverless-cache-name {} --user-group-id {users}",
                    self.cache.id
                ),
            ),
            CacheKind::CacheCluster | CacheKind::ReplicationGroup => (
                Kind::AttachToGroup,
                format!(
                    "aws elasticache modify-replication-group --region {region} --replication-group-id {} --user-group-ids-to-add {users} --apply-immediately",
                    self.group()
                ),
            ),
        };
        Step { kind, words: words.to_owned(), commands: vec![command] }
    }

    fn turn_off_default(&self) -> Step {
        let (region, user) = (self.region, self.named("-default"));
        Step {
            kind: Kind::TurnOffDefault,
            words: "When every client logs in, turn the default user off. Do not forget this step: Portcullis sees \
                    only that there is\na user group, and reports this cache no longer. Connections without a login \
                    stay open, but their commands\nare refused from then on."
                .to_owned(),
            commands: vec![format!(
                "aws elasticache modify-user --region {region} --user-id {user} --access-string 'off -@all'"
            )],
        }
    }

    fn token(&self) -> Vec<Step> {
        let set = |kind, words: &str, strategy: &str| Step {
            kind,
            words: words.to_owned(),
            commands: vec![format!(
                "{} && aws elasticache modify-replication-group --region {} --replication-group-id {} --auth-token \"$TOKEN\" --auth-token-update-strategy {strategy} --apply-immediately",
                self.read_token(),
                self.region,
                self.group()
            )],
        };
        vec![
            self.token_secret(),
            set(Kind::RotateToken, "Accept clients with the token and without.", "ROTATE"),
            set(Kind::SetToken, "When every client sends the token, require it.", "SET"),
        ]
    }

    fn token_secret(&self) -> Step {
        Step {
            kind: Kind::Token,
            words: "This version has no users, only one AUTH token for all clients. Create one, in a secret. The tag \
                    lets a re-creation\nof the cache read it."
                .to_owned(),
            commands: vec![command::new_secret(
                self.region,
                &self.named("-auth-token"),
                Some("portcullis:auth-token"),
            )],
        }
    }

    fn group_with_token(&self) -> Step {
        let mut commands = self.inputs(&self.group(), "");
        commands.push(format!(
            "{} && aws elasticache create-replication-group --region {} --cli-input-json file://create.json --auth-token \"$TOKEN\"",
            self.read_token(),
            self.region
        ));
        Step {
            kind: Kind::GroupWithToken,
            words: "Before Redis OSS 5.0.6 a cache gets its token only at its creation. Create one beside this one \
                    with the steps\nthat `portcullis plan` prints, with these commands for the creation, and change \
                    the clients to it."
                .to_owned(),
            commands,
        }
    }

    /// In two parts: a token that could not be read must not become an empty one.
    fn read_token(&self) -> String {
        format!("TOKEN=$({})", command::secret(self.region, &self.named("-auth-token")))
    }
}

const ACCESS: &str = "Choose its access string: this one forbids the commands in Redis' category \
                      dangerous\n(FLUSHALL, KEYS, INFO, ...).";
