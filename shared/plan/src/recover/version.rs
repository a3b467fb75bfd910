//! What of a version can be asked for, and what a version can do.

use portcullis_engine::facts::Engine;

use crate::describe::ReplicationGroup;

/// The version as Create takes it: major and minor for Valkey and for Redis OSS from 6 on, in full for
/// older ones and Memcached (Terraform's AWS provider, `internal/service/elasticache/engine_version.go`).
pub(super) fn creatable_version(engine: &Engine, version: &str) -> String {
    let major = major(version);
    let in_full = match engine {
        Engine::Memcached | Engine::Unknown(_) => true,
        Engine::Redis => major.is_some_and(|major| major < 6),
        Engine::Valkey => false,
    };
    if in_full {
        return version.to_owned();
    }
    version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
}

/// The major version.
fn major(version: &str) -> Option<u32> {
    version.split('.').next()?.parse().ok()
}

/// The durability that is in effect, where the engine has any: Valkey from 9 on (user guide,
/// "Durability"). `default` would be resolved anew, perhaps differently.
pub(super) fn durability(
    group: &ReplicationGroup,
    engine: &Engine,
    version: &str,
) -> Option<String> {
    let set = group.durability.clone().filter(|durability| durability != "default");
    let known = *engine == Engine::Valkey && major(version).is_some_and(|major| major >= 9);
    let effective = group.effective_durability.clone().or(set)?;
    (known || effective != "disabled").then_some(effective)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_cut_to_what_create_takes() {
        let cut = |engine: &str, version| creatable_version(&Engine::parse(engine), version);
        assert_eq!(cut("valkey", "7.2.6"), "7.2");
        assert_eq!(cut("valkey", "8.0.1"), "8.0");
        assert_eq!(cut("redis", "7.1.0"), "7.1");
        assert_eq!(cut("redis", "6.2.6"), "6.2");
        assert_eq!(cut("redis", "6.x"), "6.x");
        assert_eq!(cut("redis", "5.0.6"), "5.0.6");
        assert_eq!(cut("memcached", "1.6.22"), "1.6.22");
    }

    #[test]
    fn durability_is_what_is_in_effect() {
        let group = |durability: &str, effective: &str| ReplicationGroup {
            durability: Some(durability.to_owned()),
            effective_durability: Some(effective.to_owned()),
            ..ReplicationGroup::default()
        };
        let of = |group, engine: &str, version| durability(&group, &Engine::parse(engine), version);
        assert_eq!(of(group("default", "sync"), "valkey", "9.0.0").as_deref(), Some("sync"));
        assert_eq!(
            of(group("default", "disabled"), "valkey", "9.0.0").as_deref(),
            Some("disabled")
        );
        assert_eq!(of(group("default", "disabled"), "valkey", "8.1.0"), None);
        assert_eq!(of(ReplicationGroup::default(), "redis", "7.1.0"), None);
    }
}
