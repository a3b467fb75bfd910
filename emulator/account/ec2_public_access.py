"""EC2: VPC block public access. Settings are kept and shown; no traffic is there to be blocked.

AWS: API_ModifyVpcBlockPublicAccessOptions, API_CreateVpcBlockPublicAccessExclusion and the Describe actions beside
them in https://docs.aws.amazon.com/AWSEC2/latest/APIReference/
"""

import secrets
import time

from ministack.core.responses import AccountRegionScopedDict, get_account_id, get_region
from ministack.services import ec2

from .ec2_rules import new_tags
from .wire import AwsError, endpoint, paged

MODES = ("off", "block-bidirectional", "block-ingress")
EXCLUSION_MODES = ("allow-bidirectional", "allow-egress")
_SETTINGS = AccountRegionScopedDict()
_EXCLUSIONS = AccountRegionScopedDict()


def describe_options(request):
    """DescribeVpcBlockPublicAccessOptions: off until somebody says otherwise."""
    default = {
        "AwsAccountId": get_account_id(),
        "AwsRegion": get_region(),
        "State": "default-state",
        "InternetGatewayBlockMode": "off",
        "ManagedBy": "account",
        "ExclusionsAllowed": "allowed",
    }
    return {"VpcBlockPublicAccessOptions": _SETTINGS.get("options", default)}


def modify_options(request):
    """ModifyVpcBlockPublicAccessOptions: in force at once, where AWS takes minutes."""
    mode = request.get("InternetGatewayBlockMode")
    if mode not in MODES:
        raise AwsError("InvalidParameterValue", f"The value '{mode}' for InternetGatewayBlockMode is invalid.")
    options = {
        **describe_options({})["VpcBlockPublicAccessOptions"],
        "State": "update-complete",
        "InternetGatewayBlockMode": mode,
        "LastUpdateTimestamp": time.time(),
    }
    _SETTINGS["options"] = options
    return {"VpcBlockPublicAccessOptions": {**options, "State": "update-in-progress"}}


def create_exclusion(request):
    """CreateVpcBlockPublicAccessExclusion: of one VPC or one subnet."""
    vpc_id, subnet_id = request.get("VpcId"), request.get("SubnetId")
    if bool(vpc_id) == bool(subnet_id):
        raise AwsError("InvalidParameterCombination", "Specify either VpcId or SubnetId.")
    if vpc_id and vpc_id not in ec2._vpcs:
        raise AwsError("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")
    if subnet_id and subnet_id not in ec2._subnets:
        raise AwsError("InvalidSubnetID.NotFound", f"The subnet ID '{subnet_id}' does not exist")
    mode = request.get("InternetGatewayExclusionMode")
    if mode not in EXCLUSION_MODES:
        raise AwsError("InvalidParameterValue", f"The value '{mode}' for InternetGatewayExclusionMode is invalid.")
    kind, resource_id = ("vpc", vpc_id) if vpc_id else ("subnet", subnet_id)
    exclusion = {
        "ExclusionId": f"vpcbpa-exclude-0{secrets.token_hex(8)}",
        "InternetGatewayExclusionMode": mode,
        "ResourceArn": f"arn:aws:ec2:{get_region()}:{get_account_id()}:{kind}/{resource_id}",
        "State": "create-complete",
        "CreationTimestamp": time.time(),
        "Tags": new_tags(request, "vpc-block-public-access-exclusion"),
    }
    _EXCLUSIONS[exclusion["ExclusionId"]] = exclusion
    return {"VpcBlockPublicAccessExclusion": {**exclusion, "State": "create-in-progress"}}


def delete_exclusion(request):
    """DeleteVpcBlockPublicAccessExclusion."""
    exclusion = _EXCLUSIONS.pop(request["ExclusionId"], None)
    if exclusion is None:
        message = f"The exclusion '{request['ExclusionId']}' does not exist"
        raise AwsError("InvalidVpcBlockPublicAccessExclusionId.NotFound", message)
    return {"VpcBlockPublicAccessExclusion": {**exclusion, "State": "delete-in-progress"}}


def describe_exclusions(request):
    """DescribeVpcBlockPublicAccessExclusions: all, or those asked for; filters are not there."""
    ids = request.get("ExclusionIds") or []
    found = [exclusion for exclusion in _EXCLUSIONS.values() if not ids or exclusion["ExclusionId"] in ids]
    page, token = paged(found, request.get("MaxResults"), request.get("NextToken"))
    return {"VpcBlockPublicAccessExclusions": page, "NextToken": token}


#: MiniStack does not know these; adding them replaces nothing.
ADDED = {
    "DescribeVpcBlockPublicAccessOptions": describe_options,
    "ModifyVpcBlockPublicAccessOptions": modify_options,
    "CreateVpcBlockPublicAccessExclusion": create_exclusion,
    "DeleteVpcBlockPublicAccessExclusion": delete_exclusion,
    "DescribeVpcBlockPublicAccessExclusions": describe_exclusions,
}


def install():
    for action, function in ADDED.items():
        ec2._ACTION_MAP[action] = endpoint("ec2", action, function)
