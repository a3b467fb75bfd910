"""IAM where MiniStack does not look: tags of EC2 resources, and deliveries between services.

AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-resourcetag,
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html and
https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from ministack import app
from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id, get_region
from ministack.services import ec2, iam, sqs, tagging

from . import patching

#: Id prefixes and resource types of the EC2 resources whose tags a policy may ask for.
EC2_TYPES = {
    "sg": "security-group",
    "sgr": "security-group-rule",
    "pl": "prefix-list",
    "eni": "network-interface",
    "vpc": "vpc",
    "subnet": "subnet",
}
#: Services with a condition key of their own for what aws:ResourceTag says too.
OWN_TAG_KEYS = ("ec2", "secretsmanager")


def install():
    patching.require(tagging, "resource_tags")
    patching.require(tagging, "_RESOURCE_TAG_COLLECTORS", "_collect_elasticache")
    patching.require(iam_evaluator, "EvalContext", "evaluate", "evaluate_resource_policy", "_gather_role_policies")
    patching.require(iam_evaluator, "_permissions_boundary", "_resource_policy", "combine_resource_policy")
    patching.require(sqs, "queue_policy_allows")
    patching.require(iam_evaluator, "resolve_principal", "PrincipalInfo", "_role_name_from_assumed_arn")
    condition_key = patching.original(iam_evaluator, "_resolve_condition_key")

    def condition_key_as_aws(key, context):
        # AWS's endpoints are HTTPS, and loopback here stands for them.
        if key.lower() == "aws:securetransport":
            return "true"
        # Also where MiniStack asks a queue's policy, and calls every caller the root user.
        if key.lower() == "aws:principalarn":
            return role_of(context.principal_arn)
        service, _, tag = key.partition(":ResourceTag/")
        if tag and service in OWN_TAG_KEYS:
            return (tagging.resource_tags(context.resource_arn) or {}).get(tag)
        return condition_key(key, context)

    iam_evaluator._resolve_condition_key = condition_key_as_aws
    deny_the_root_user(patching.original(iam_evaluator, "enforce"))
    tagging._RESOURCE_TAG_COLLECTORS["ec2"] = tags_of_ec2
    tagging._RESOURCE_TAG_COLLECTORS["elasticache"] = tagging._collect_elasticache


def role_of(principal_arn):
    """The role's own ARN, which is what a session has as aws:PrincipalArn.

    AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalarn
    """
    if ":assumed-role/" not in principal_arn:
        return principal_arn
    role = iam._roles.get(iam_evaluator._role_name_from_assumed_arn(principal_arn))
    return role["Arn"] if role else principal_arn


def deny_the_root_user(enforce):
    """A key's policy is for the root user, too: what it denies, nobody of the account may do.

    AWS: https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html ("no AWS principal, including the
    account root user or key creator, has any permissions to a KMS key unless they are explicitly allowed").
    """

    def enforce_keys(access_key, action, service, region, resource_arn="*", service_context=None):
        refused = enforce(access_key, action, service, region, resource_arn, service_context)
        found = None if refused or service != "kms" else iam_evaluator._resource_policy(service, resource_arn)
        principal = found and iam_evaluator.resolve_principal(access_key or "", get_account_id())
        if not isinstance(principal, iam_evaluator.PrincipalInfo) or principal.policies is not None:
            return refused
        context = iam_evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=action,
            resource_arn=resource_arn,
            region=region,
        )
        decision = iam_evaluator.evaluate_resource_policy(found[0], context)
        if decision.decision != "Deny":
            return None
        decision.principal_arn, decision.resource_policy_arn = principal.arn, resource_arn
        return decision

    iam_evaluator.enforce = enforce_keys


def tags_of_ec2():
    """(ARN, tags) of everything tagged in EC2, for the condition key aws:ResourceTag."""
    for resource_id, tags in ec2._tags.items():
        kind = EC2_TYPES.get(resource_id.split("-", 1)[0])
        if kind:
            yield f"arn:aws:ec2:{get_region()}:{get_account_id()}:{kind}/{resource_id}", tags


def role_allows(role_arn, action, resource_arn, keys=None):
    """Whether a function's role may do this; always, when IAM is not enforced."""
    if not app.AUTH:
        return True
    role_name = role_arn.rsplit("/", 1)[-1]
    context = iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=get_account_id(),
        action=action,
        resource_arn=resource_arn,
        region=get_region(),
        service_context={key.lower(): value for key, value in (keys or {}).items()},
    )
    policies = iam_evaluator._gather_role_policies(role_name, get_account_id())
    limits = iam_evaluator._permissions_boundary(iam._roles, role_name, get_account_id())
    decision = iam_evaluator.evaluate(context, policies, *limits)
    found = iam_evaluator._resource_policy(action.split(":")[0], resource_arn)
    if found is not None:
        decision = iam_evaluator.combine_resource_policy(decision, context, *found, limits=limits)
    return decision.decision == "Allow"


def events_may_send(queue_arn, rule_arn):
    """Whether the queue's policy lets EventBridge send for this rule."""
    return sqs.queue_policy_allows(queue_arn, "events.amazonaws.com", rule_arn, get_account_id())


def of_service(action, resource_arn, source_arn):
    """A call that a service of AWS makes for one of its resources in this account."""
    return iam_evaluator.EvalContext(
        principal_arn="*",
        principal_type="Service",
        principal_account="",
        action=action,
        resource_arn=resource_arn,
        region=get_region(),
        service_context={"aws:sourcearn": source_arn, "aws:sourceaccount": get_account_id()},
    )


def events_may_invoke(function, function_arn, rule_arn):
    """Whether the function's policy lets EventBridge invoke it for this rule."""
    if not app.AUTH:
        return True
    context = of_service("lambda:InvokeFunction", function_arn, rule_arn)
    answer = iam_evaluator.evaluate_resource_policy(function.get("policy"), context, service="events.amazonaws.com")
    return answer.decision == "Allow"
