"""Users and user groups, and which caches they are for. The sources are in the modules that refuse."""

import pytest
from conftest import code_of, refused
from test_elasticache import cache, create_group, ec2, network, new_name, up
from test_elasticache_groups import COMBINATION, REDIS, TLS, TOKEN, VALUE

__all__ = ["cache", "ec2", "network"]
RIGHTS = {"AccessString": "on ~* +@all"}


def new_user(cache, name="default", engine="redis", **how):
    user = new_name()
    how = how or {"Passwords": [TOKEN]}
    cache.create_user(UserId=user, UserName=name, Engine=engine, **RIGHTS, **how)
    return user


@pytest.fixture
def users(cache):
    """A user group of Redis OSS with a user of its own named `default`."""
    name = new_name()
    cache.create_user_group(UserGroupId=name, Engine="redis", UserIds=[new_user(cache)])
    return name


IAM = {"AuthenticationMode": {"Type": "iam"}}
USERS = {
    "no way to log in": ({}, VALUE, "Authentication type: null is not in the allowed list"),
    "a short password": ({"Passwords": ["short"]}, VALUE, "16 to 128"),
    "three passwords": ({"Passwords": [TOKEN, TOKEN + "2", TOKEN + "3"]}, VALUE, "one or two"),
    "another name with iam": (IAM, COMBINATION, "User Id and User name must be same for authentication type: iam"),
    "no switch": ({"Passwords": [TOKEN], "AccessString": "~* +@all"}, VALUE, "access string"),
    "no password with valkey": ({"NoPasswordRequired": True, "Engine": "valkey"}, COMBINATION, "password"),
    "memcached": ({"Passwords": [TOKEN], "Engine": "memcached"}, VALUE, "redis | valkey"),
    "41 characters": ({"Passwords": [TOKEN], "UserId": "u" * 41}, VALUE, "UserId is not a valid identifier"),
    "a digit first": ({"Passwords": [TOKEN], "UserId": "1u"}, VALUE, "UserId is not a valid identifier"),
}


@pytest.mark.parametrize("case", USERS)
def test_a_user_is_refused(cache, case):
    asked, code, message = USERS[case]
    call = {"UserId": new_name(), "UserName": "app", "Engine": "redis", **RIGHTS, **asked}
    refused(cache.create_user, code, message, **call)
    assert code_of(cache.describe_users, UserId=call["UserId"]) == "UserNotFound"


def test_users_log_in_by_password_or_iam(cache):
    name = new_name()
    made = cache.create_user(UserId=name, UserName=name, Engine="valkey", **RIGHTS, **IAM)
    assert made["Authentication"]["Type"] == "iam" and made["MinimumEngineVersion"] == "7.0"
    made = cache.create_user(
        UserId=f"{name}-P", UserName="default", Engine="redis", **RIGHTS, Passwords=[TOKEN, TOKEN + "2"]
    )
    assert made["UserId"] == f"{name}-p" and made["Authentication"] == {"Type": "password", "PasswordCount": 2}


def test_a_user_group_of_redis_needs_the_user_default(cache):
    name, app = new_name(), new_user(cache, "app")
    call = {"UserGroupId": name, "Engine": "redis", "UserIds": [app]}
    message = "User group needs to contain a user with the user name default."
    refused(cache.create_user_group, "DefaultUserRequired", message, **call)
    assert code_of(cache.describe_user_groups, UserGroupId=name) == "UserGroupNotFound"
    made = cache.create_user_group(**{**call, "UserIds": [app, "default"]})
    assert made["UserIds"] == [app, "default"]
    swap = {"UserGroupId": name, "UserIdsToRemove": ["default"]}
    refused(cache.modify_user_group, "DefaultUserRequired", message, **swap)
    own = new_user(cache)
    assert cache.modify_user_group(**swap, UserIdsToAdd=[own])["UserIds"] == [app, own]


def test_a_user_group_of_valkey_does_not(cache):
    app = new_user(cache, "app", "valkey")
    made = cache.create_user_group(UserGroupId=new_name(), Engine="valkey", UserIds=[app])
    assert made["UserIds"] == [app] and made["Engine"] == "valkey"


def test_a_user_group_is_of_users_that_exist_and_of_names_that_differ(cache):
    call = {"UserGroupId": new_name(), "Engine": "redis"}
    assert code_of(cache.create_user_group, **call, UserIds=["default", "nobody"]) == "UserNotFound"
    assert code_of(cache.create_user_group, **call, UserIds=["default", new_user(cache)]) == "DuplicateUserName"
    long = {**call, "UserGroupId": "g" * 41, "UserIds": ["default"]}
    refused(cache.create_user_group, VALUE, "UserGroupId is not a valid identifier", **long)
    assert code_of(cache.describe_user_groups, UserGroupId=call["UserGroupId"]) == "UserGroupNotFound"


def test_user_groups_need_tls_and_6_0_and_iam_7_0(cache, users):
    access = {"UserGroupIds": [users], **REDIS}
    base = {"ReplicationGroupId": new_name(), "ReplicationGroupDescription": "d", "CacheNodeType": "cache.t4g.micro"}
    make = cache.create_replication_group
    refused(make, COMBINATION, "in transit", **base, **access)
    refused(make, COMBINATION, "6.0 or higher", **base, **access, **TLS, EngineVersion="5.0.6")
    refused(make, COMBINATION, "together", **base, **access, **TLS, AuthToken=TOKEN)
    made = up(cache, create_group(cache, **access, **TLS, EngineVersion="6.2"))
    assert made["UserGroupIds"] == [users]
    user, iam = new_name(), new_name()
    cache.create_user(UserId=user, UserName=user, Engine="redis", **RIGHTS, **IAM)
    cache.create_user_group(UserGroupId=iam, Engine="redis", UserIds=["default", user])
    access = {**REDIS, "UserGroupIds": [iam], **TLS}
    refused(make, COMBINATION, "7.0 or higher", **base, **access, EngineVersion="6.2")
    assert up(cache, create_group(cache, **access, EngineVersion="7.0"))["UserGroupIds"] == [iam]
    assert code_of(cache.describe_replication_groups, ReplicationGroupId=base["ReplicationGroupId"])
