"""ElastiCache: engines and their versions: which exist, how they are asked for, and which features they have."""

from ministack.services import elasticache as ec

from .wire import AwsError, paged

#: What DescribeCacheEngineVersions lists, as cfn-lint 1.58.0 took it from there
#: (data/schemas/extensions/aws_elasticache_cachecluster/engine_version.json); `6.x` is the older name of the newest 6
#: (hashicorp/terraform-provider-aws, internal/service/elasticache/engine_version.go).
VERSIONS = {
    "memcached": (
        *("1.4.5", "1.4.14", "1.4.24", "1.4.33", "1.4.34", "1.5.10", "1.5.16"),
        *("1.6.6", "1.6.12", "1.6.17", "1.6.22"),
    ),
    "redis": ("4.0.10", "5.0.6", "6.0", "6.x", "6.2", "7.0", "7.1"),
    "valkey": ("7.2", "8.0", "8.1", "8.2", "9.0"),
}
DEFAULT_VERSIONS = {"redis": "7.1.0", "valkey": "8.0.1", "memcached": "1.6.22"}
#: A short version in a request and the full one that the service then reports.
FULL_VERSIONS = {
    ("redis", "6.x"): "6.2.6",
    ("redis", "6.0"): "6.0.5",
    ("redis", "6.2"): "6.2.6",
    ("redis", "7.0"): "7.0.7",
    ("redis", "7.1"): "7.1.0",
    ("valkey", "7.2"): "7.2.6",
    ("valkey", "8.0"): "8.0.1",
    ("valkey", "8.1"): "8.1.0",
    ("valkey", "8.2"): "8.2.0",
    ("valkey", "9.0"): "9.0.0",
}
#: The lowest version with a feature; an engine that is not named does not have it. All from
#: https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/ and the pages named here.
LOWEST = {
    # in-transit-encryption.html, "constraints"
    "encryption in transit": {"memcached": "1.6.12", "redis": "3.2.6", "valkey": "7.2"},
    # The message that AWS gives: cloudposse/terraform-aws-elasticache-redis#231
    "transit encryption mode": {"redis": "7.0.5", "valkey": "7.2"},
    # auth.html, "Modifying the AUTH token on an existing cluster"
    "an AUTH token after creation": {"redis": "5.0.6", "valkey": "7.2"},
    # Clusters.RBAC.html
    "user groups": {"redis": "6.0", "valkey": "7.2"},
    # auth-iam.html
    "IAM users": {"redis": "7.0", "valkey": "7.2"},
    # data-tiering.html
    "data tiering": {"redis": "6.2", "valkey": "7.2"},
    # botocore, CreateReplicationGroup.NetworkType and .IpDiscovery
    "network types": {"memcached": "1.6.6", "redis": "6.2", "valkey": "7.2"},
    # modify-cluster-mode.html
    "the setting ClusterMode": {"redis": "7.0", "valkey": "7.2"},
    # Log_Delivery.html
    "slow-log": {"redis": "6.0", "valkey": "7.2"},
    "engine-log": {"redis": "6.2", "valkey": "7.2"},
}


def numbers(version):
    """(7, 0, 7) of 7.0.7; what is not a number counts as 0."""
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def has(feature, engine, version):
    lowest = LOWEST[feature].get(engine)
    return bool(lowest) and numbers(version) >= numbers(lowest)


def need(feature, engine, version):
    """Refuse what this version does not have. On transit encryption mode, the words are AWS's."""
    if has(feature, engine, version):
        return
    lowest = LOWEST[feature].get(engine)
    message = f"{feature[0].upper()}{feature[1:]} is not supported for engine "
    if lowest:
        message += f"version {version}. Please use engine version {lowest} or higher."
    else:
        message += f"{engine.upper()}."
    raise AwsError("InvalidParameterCombination", message)


def engine_of(request, source=None, fallback="redis", engines=tuple(VERSIONS)):
    """Engine and full version: those asked for, else those of the snapshot or cluster that it is made from."""
    source = source or {}
    engine = (request.get("Engine") or source.get("Engine") or fallback).lower()
    if engine not in engines:
        raise AwsError("InvalidParameterValue", f"Invalid engine {engine}. Valid values are: {' | '.join(engines)}")
    version = request.get("EngineVersion")
    if version:
        _check_version(engine, version)
        return engine, _full(engine, version)
    if source.get("Engine") == engine:
        return engine, source.get("EngineVersion") or DEFAULT_VERSIONS[engine]
    return engine, DEFAULT_VERSIONS[engine]


def _full(engine, version):
    return FULL_VERSIONS.get((engine, version), version)


def _check_version(engine, version):
    """From Redis OSS 6 on, and of Valkey, the patch is AWS's to choose; and the version must exist.

    The messages: crossplane-contrib/provider-aws#1617 and ministryofjustice/cloud-platform-environments#5753.
    """
    parts = version.split(".")
    if engine != "memcached" and len(parts) > 2 and (engine == "valkey" or numbers(version) >= (6,)):
        short = ".".join(parts[:2])
        raise AwsError(
            "InvalidParameterValue", f"Specific version selection is not allowed for '{version}', please use '{short}'"
        )
    if version not in VERSIONS[engine]:
        raise AwsError("InvalidParameterCombination", f"Cannot find version {version} for {engine}")


def parameter_group_of(request, engine, version, clustered=False):
    """The parameter group asked for, which must be of the engine's family, or the default one.

    The message: hashicorp/terraform-provider-aws#27709.
    """
    name = request.get("CacheParameterGroupName")
    if not name:
        return ec._default_param_group_for_engine(engine, version, clustered)
    if name not in ec._param_groups:
        raise AwsError("CacheParameterGroupNotFound", f"CacheParameterGroup {name} not found.", 404)
    wanted = ec._param_group_family_for_engine(engine, version)
    found = ec._param_groups[name]["CacheParameterGroupFamily"]
    if found != wanted:
        raise AwsError(
            "InvalidParameterCombination",
            f"Expected a parameter group of family {wanted} but found one of family {found}",
        )
    return name


def describe(request):
    """DescribeCacheEngineVersions: what a new cache can be made of."""
    engines = [request["Engine"].lower()] if request.get("Engine") else sorted(VERSIONS)
    listed = [(engine, version) for engine in engines for version in VERSIONS.get(engine, ()) if version != "6.x"]
    if request.get("EngineVersion"):
        listed = [item for item in listed if item[1] == request["EngineVersion"]]
    if request.get("DefaultOnly"):
        listed = [(engine, version) for engine, version in listed if _full(engine, version) == DEFAULT_VERSIONS[engine]]
    shown = [
        {
            "Engine": engine,
            "EngineVersion": version,
            "CacheParameterGroupFamily": ec._param_group_family_for_engine(engine, version),
            "CacheEngineDescription": engine,
            "CacheEngineVersionDescription": f"{engine} version {version}",
        }
        for engine, version in listed
    ]
    family = request.get("CacheParameterGroupFamily")
    shown = [item for item in shown if family in (None, item["CacheParameterGroupFamily"])]
    page, marker = paged(shown, request.get("MaxRecords") or 100, request.get("Marker"))
    return {"CacheEngineVersions": page, "Marker": marker}


ACTIONS = {"DescribeCacheEngineVersions": ("_describe_engine_versions", describe)}
