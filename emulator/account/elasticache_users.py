"""ElastiCache: users and user groups.

AWS: API_CreateUser, API_CreateUserGroup, API_ModifyUserGroup in
https://docs.aws.amazon.com/AmazonElastiCache/latest/APIReference/ and Clusters.RBAC.html in the guide
"""

import re

from ministack.services import elasticache as ec

from . import elasticache_limits as limits
from .elasticache_constraints import combination
from .wire import AwsError

ENGINES = ("redis", "valkey")
_TYPES = ("password", "no-password-required", "iam")
_PASSWORD = re.compile(r"\S{16,128}")
_RIGHT = re.compile(r"[~%&+\-(].+|on|off|clearselectors|reset(keys|channels)?|all(keys|channels|commands)|nocommands")


def find_user(user_id):
    _make_default_user()
    user = ec._users.get(user_id.lower())
    if user is None:
        raise AwsError("UserNotFound", f"User {user_id} not found.", 404)
    return user


def _make_default_user():
    """Every account has a user with the id and the name `default`, without a password."""
    if "default" not in ec._users:
        ec._users["default"] = _user("default", "default", "redis", "on ~* +@all", "no-password", 0)


def _user(user_id, name, engine, rights, kind, passwords):
    return {
        "UserId": user_id,
        "UserName": name,
        "Status": "active",
        "Engine": engine,
        "MinimumEngineVersion": "7.0" if kind == "iam" else "6.0",
        "AccessString": rights,
        "UserGroupIds": [],
        "Authentication": {"Type": kind, "PasswordCount": passwords},
        "ARN": ec._arn_user(user_id),
    }


def create_user(request):
    """CreateUser: with one or two passwords, with none, or with IAM under its own id."""
    _make_default_user()
    user_id = _new_id(request, "UserId")
    engine = _engine_of(request)
    if user_id in ec._users:
        raise AwsError("UserAlreadyExists", f"User {user_id} already exists.")
    kind, passwords = _authentication_of(request)
    _check_passwords(passwords, kind)
    if kind == "iam" and request["UserName"] != user_id:
        # terraform-aws-modules/terraform-aws-elasticache#65
        raise combination("User Id and User name must be same for authentication type: iam")
    if kind == "no-password-required" and engine == "valkey":
        raise combination("Users of Valkey need a password or IAM.")
    _check_access(request["AccessString"])
    limits.check_tags(request.get("Tags"))
    shown = {"no-password-required": "no-password"}.get(kind, kind)
    user = _user(user_id, request["UserName"], engine, request["AccessString"], shown, len(passwords))
    ec._users[user_id] = user
    _save_tags(user, request)
    return user


def _authentication_of(request):
    """The type and the passwords, from the one way or the other of saying it.

    The message: crossplane-contrib/provider-upjet-aws#151.
    """
    mode = request.get("AuthenticationMode") or {}
    kind, passwords = mode.get("Type"), mode.get("Passwords") or request.get("Passwords") or []
    if not mode and passwords:
        kind = "password"
    elif not mode and request.get("NoPasswordRequired"):
        kind = "no-password-required"
    if kind not in _TYPES:
        allowed = ",".join(_TYPES)
        message = f"Input Authentication type: {kind or 'null'} is not in the allowed list: [{allowed}]"
        raise AwsError("InvalidParameterValue", message)
    return kind, passwords


def _check_passwords(passwords, kind):
    if kind == "password" and not 1 <= len(passwords) <= 2:
        raise AwsError("InvalidParameterValue", "A user has one or two passwords.")
    if kind != "password" and passwords:
        raise combination(f"Passwords do not go with authentication type: {kind}")
    if not all(_PASSWORD.fullmatch(password) for password in passwords):
        raise AwsError("InvalidParameterValue", "A password has 16 to 128 characters.")


def modify_user(request):
    """ModifyUser: access and passwords at once."""
    user = find_user(request["UserId"])
    if user["UserId"] == "default":
        raise AwsError("InvalidParameterValue", "The user default of every account cannot be changed.")
    if request.get("AccessString"):
        _check_access(request["AccessString"])
        user["AccessString"] = request["AccessString"]
    if request.get("AppendAccessString"):
        _check_access(f"{user['AccessString']} {request['AppendAccessString']}")
        user["AccessString"] += f" {request['AppendAccessString']}"
    if any(request.get(member) for member in ("AuthenticationMode", "Passwords", "NoPasswordRequired")):
        kind, passwords = _authentication_of(request)
        _check_passwords(passwords, kind)
        shown = {"no-password-required": "no-password"}.get(kind, kind)
        user["Authentication"] = {"Type": shown, "PasswordCount": len(passwords)}
    return user


def _check_access(text):
    words = text.split()
    if not {"on", "off"} & set(words) or not all(_RIGHT.fullmatch(word) for word in words):
        raise AwsError("InvalidParameterValue", f"Invalid access string: {text}")


def create_group(request):
    """CreateUserGroup: of users that exist, none of a name twice; of Redis OSS with one that is named `default`."""
    group_id = _new_id(request, "UserGroupId")
    engine = _engine_of(request)
    if group_id in ec._user_groups:
        raise AwsError("UserGroupAlreadyExists", f"User group {group_id} already exists.")
    user_ids = [find_user(user_id)["UserId"] for user_id in request.get("UserIds") or []]
    _check_members(engine, user_ids)
    limits.check_tags(request.get("Tags"))
    group = {
        "UserGroupId": group_id,
        "Status": "active",
        "Engine": engine,
        "UserIds": user_ids,
        "MinimumEngineVersion": "6.0",
        "ReplicationGroups": [],
        "ARN": ec._arn_user_group(group_id),
    }
    ec._user_groups[group_id] = group
    for user_id in user_ids:
        ec._users[user_id]["UserGroupIds"].append(group_id)
    _save_tags(group, request)
    return group


def modify_group(request):
    """ModifyUserGroup: at once, and under the same rules."""
    group_id = request["UserGroupId"].lower()
    group = ec._user_groups.get(group_id)
    if group is None:
        raise AwsError("UserGroupNotFound", f"User group {group_id} not found.", 404)
    added = [find_user(user_id)["UserId"] for user_id in request.get("UserIdsToAdd") or []]
    removed = [find_user(user_id)["UserId"] for user_id in request.get("UserIdsToRemove") or []]
    if not added and not removed:
        raise combination("UserIdsToAdd or UserIdsToRemove is needed.")
    members = [user_id for user_id in group["UserIds"] if user_id not in removed]
    members += [user_id for user_id in added if user_id not in members]
    _check_members(group["Engine"], members)
    for user_id in {*group["UserIds"], *members}:
        others = [item for item in ec._users[user_id]["UserGroupIds"] if item != group_id]
        ec._users[user_id]["UserGroupIds"] = [*others, group_id] if user_id in members else others
    group["UserIds"] = members
    return group


def _check_members(engine, user_ids):
    """The last message: hashicorp/terraform-provider-aws#25593."""
    users = [ec._users[user_id] for user_id in user_ids]
    names = [user["UserName"] for user in users]
    if len(set(names)) < len(names):
        raise AwsError("DuplicateUserName", "A user with this name is in the user group already.")
    if engine == "valkey" and any(user["Authentication"]["Type"] == "no-password" for user in users):
        raise AwsError("InvalidParameterValue", "User groups of Valkey take no users without a password.")
    if engine == "redis" and "default" not in names:
        raise AwsError("DefaultUserRequired", "User group needs to contain a user with the user name default.")


def _new_id(request, member):
    """40 characters: hashicorp/terraform-provider-aws, internal/service/elasticache/user.go and user_group.go."""
    return limits.new_id(request, member, 40)


def _engine_of(request):
    engine = request["Engine"].lower()
    if engine not in ENGINES:
        raise AwsError("InvalidParameterValue", f"Invalid engine {engine}. Valid values are: {' | '.join(ENGINES)}")
    return engine


def _save_tags(record, request):
    ec._tags[record["ARN"]] = [{"Key": tag["Key"], "Value": tag.get("Value", "")} for tag in request.get("Tags") or []]


ACTIONS = {
    "CreateUser": ("_create_user", create_user),
    "ModifyUser": ("_modify_user", modify_user),
    "CreateUserGroup": ("_create_user_group", create_group),
    "ModifyUserGroup": ("_modify_user_group", modify_group),
}
