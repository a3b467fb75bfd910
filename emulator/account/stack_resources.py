"""CloudFormation: properties of resources that MiniStack's CloudFormation leaves out, and code that is missing.

AWS: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html
"""

import json

from ministack.services import cloudwatch_logs, dynamodb, iam, lambda_svc, sns
from ministack.services.cloudformation import provisioners

from . import patching
from .sqs import check_redrive


def install():
    patching.require(provisioners, "_RESOURCE_HANDLERS", "_STACK_TAG_PROPERTY")
    patching.require(lambda_svc, "_functions", "_fetch_code_from_s3", "invalidate_worker")
    patching.require(cloudwatch_logs, "_log_groups")
    patching.require(
        dynamodb, "_tables", "_update_ttl", "_ttl_settings", "_pitr_settings", "_sse_description_from_spec"
    )
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-events-rule.html
    provisioners._STACK_TAG_PROPERTY.setdefault("AWS::Events::Rule", ("Tags", "list"))
    complete("AWS::Lambda::Function", function_properties, check_code)
    complete("AWS::IAM::Role", role_properties, check_boundary)
    complete("AWS::SNS::Topic", topic_properties)
    complete("AWS::SQS::Queue", lambda url, props: None, check_dead_letters)
    complete("AWS::DynamoDB::Table", table_properties)


def complete(resource_type, apply, check=lambda props: None):
    """Have ``apply(physical_id, properties)`` run after each creation and update, and ``check`` before."""
    handlers = provisioners._RESOURCE_HANDLERS.get(resource_type) or {}
    if not {"create", "update"} <= set(handlers):
        raise patching.IncompatibleMiniStack(f"CloudFormation does not create and update {resource_type}")
    create, update = handlers["create"], handlers["update"]

    def create_whole(logical_id, props, stack_name):
        check(props)
        physical_id, attributes = create(logical_id, props, stack_name)
        apply(physical_id, props)
        return physical_id, attributes

    def update_whole(physical_id, old_props, new_props, *rest, **named):
        check(new_props)
        new_id, attributes = update(physical_id, old_props, new_props, *rest, **named)
        apply(new_id, new_props)
        return new_id, attributes

    handlers.update(create=create_whole, update=update_whole)


def function_properties(name, props):
    function = lambda_svc._functions[name]
    function["config"]["KMSKeyArn"] = props.get("KmsKeyArn", "")
    reserved = props.get("ReservedConcurrentExecutions")
    function["concurrency"] = None if reserved in (None, "") else int(reserved)
    if "DeadLetterConfig" in props:
        function["config"]["DeadLetterConfig"] = props["DeadLetterConfig"]


def check_code(props):
    """A function cannot be made of an object that is not there."""
    code = props.get("Code") or {}
    bucket, key = code.get("S3Bucket"), code.get("S3Key")
    if bucket and key and not lambda_svc._fetch_code_from_s3(bucket, key, version_id=code.get("S3ObjectVersion")):
        why = "S3 Error Code: NoSuchKey. S3 Error Message: The specified key does not exist."
        raise ValueError(f"Error occurred while GetObject. {why} (Service: Lambda, Status Code: 400)")


def role_properties(name, props):
    iam._roles[name]["PermissionsBoundary"] = props.get("PermissionsBoundary") or None


def check_boundary(props):
    boundary = props.get("PermissionsBoundary")
    if boundary and iam._boundary_policy_error(boundary):
        raise ValueError(f"Scope ARN: {boundary} does not exist or is not attachable. (Service: Iam, Status Code: 404)")


def check_dead_letters(props):
    """A queue without a name of its own is in nobody's list: CloudFormation makes up another one each time."""
    policies = {name: props[name] for name in ("RedrivePolicy", "RedriveAllowPolicy") if props.get(name)}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in policies.items()}
    check_redrive(texts, props.get("QueueName") or "")


def topic_properties(arn, props):
    attributes = sns._topics[arn]["attributes"]
    attributes.pop("KmsMasterKeyId", None)
    if props.get("KmsMasterKeyId"):
        attributes["KmsMasterKeyId"] = props["KmsMasterKeyId"]


def table_properties(name, props):
    encryption = dict(props.get("SSESpecification") or {})
    encryption["Enabled"] = encryption.pop("SSEEnabled", None)
    described = dynamodb._sse_description_from_spec(encryption) if truth(encryption["Enabled"]) else None
    dynamodb._tables[name]["SSEDescription"] = described
    recovery = props.get("PointInTimeRecoverySpecification") or {}
    dynamodb._pitr_settings[name] = truth(recovery.get("PointInTimeRecoveryEnabled"))
    dynamodb._tables[name]["DeletionProtectionEnabled"] = truth(props.get("DeletionProtectionEnabled"))
    expiry = props.get("TimeToLiveSpecification")
    if expiry:
        expiry = {**expiry, "Enabled": truth(expiry.get("Enabled"))}
        dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": expiry})
    else:
        dynamodb._ttl_settings.pop(name, None)


def truth(value):
    """Booleans of templates are sometimes texts."""
    return str(value).lower() == "true"
