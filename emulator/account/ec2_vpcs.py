"""EC2: the address space of VPCs, and the VPCs that security groups are associated with besides their own.

AWS: API_DescribeVpcs, API_AssociateVpcCidrBlock, API_DescribeSecurityGroupVpcAssociations and those beside them in
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/. Associations are there at once, where AWS takes some seconds.
"""

import ipaddress
import secrets

from ministack.core.responses import AccountRegionScopedDict, get_account_id
from ministack.services import ec2

from . import patching
from .wire import AwsError, endpoint, paged

#: By group and VPC.
_ASSOCIATIONS = AccountRegionScopedDict()


def find_vpc(vpc_id):
    if vpc_id not in ec2._vpcs:
        raise AwsError("InvalidVpcID.NotFound", f"The vpc ID '{vpc_id}' does not exist")
    return ec2._vpcs[vpc_id]


def _named(blocks):
    """The same list, each block with an association id: a seeded document may leave it out."""
    for block in blocks:
        block.setdefault("AssociationId", f"vpc-cidr-assoc-0{secrets.token_hex(8)}")
    return blocks


def _v4(vpc):
    """The blocks of IPv4, the one that the VPC was made with first."""
    first = {"CidrBlock": vpc["CidrBlock"], "CidrBlockState": {"State": "associated"}}
    return _named(vpc.setdefault("CidrBlockAssociationSet", [first]))


def _v6(vpc):
    return _named(vpc.setdefault("Ipv6CidrBlockAssociationSet", []))


def vpc_view(vpc):
    _v4(vpc), _v6(vpc)
    shown = {name: value for name, value in vpc.items() if not name.startswith("_") and name != "MainRouteTableId"}
    return {**shown, "Tags": list(ec2._tags.get(vpc["VpcId"]) or [])}


def describe_vpcs(request):
    """DescribeVpcs: one id that is not there, and the call fails."""
    ids = request.get("VpcIds") or []
    for vpc_id in ids:
        find_vpc(vpc_id)
    filters = {item["Name"]: item.get("Values") or [] for item in request.get("Filters") or []}
    chosen = [vpc for vpc in ec2._vpcs.values() if not ids or vpc["VpcId"] in ids]
    views = [vpc_view(vpc) for vpc in chosen if ec2._matches_vpc_filters(vpc, filters)]
    page, token = paged(views, request.get("MaxResults"), request.get("NextToken"))
    return {"Vpcs": page, "NextToken": token}


def associate_block(request):
    """AssociateVpcCidrBlock: a /16 to /28 of IPv4, or a /56 of Amazon's IPv6."""
    vpc = find_vpc(request["VpcId"])
    if request.get("AmazonProvidedIpv6CidrBlock"):
        block = {
            "Ipv6CidrBlock": f"2600:1f18:{secrets.token_hex(2)}:{secrets.token_hex(1)}00::/56",
            "Ipv6CidrBlockState": {"State": "associated"},
            "Ipv6Pool": "Amazon",
        }
        _v6(vpc).extend(_named([block]))
        return {"VpcId": vpc["VpcId"], "Ipv6CidrBlockAssociation": block}
    if not request.get("CidrBlock"):
        raise AwsError("MissingParameter", "The request must contain the parameter cidrBlock")
    network = ipaddress.ip_network(request["CidrBlock"], strict=False)
    if not 16 <= network.prefixlen <= 28:
        raise AwsError("InvalidVpc.Range", f"The CIDR '{request['CidrBlock']}' is invalid.")
    block = {"CidrBlock": str(network), "CidrBlockState": {"State": "associated"}}
    _v4(vpc).extend(_named([block]))
    return {"VpcId": vpc["VpcId"], "CidrBlockAssociation": block}


def disassociate_block(request):
    """DisassociateVpcCidrBlock: not of the block that the VPC was made with."""
    for vpc in ec2._vpcs.values():
        for blocks in (_v4(vpc)[1:], _v6(vpc)):
            for block in blocks:
                if block["AssociationId"] == request["AssociationId"]:
                    (_v6(vpc) if "Ipv6CidrBlock" in block else _v4(vpc)).remove(block)
                    return {"VpcId": vpc["VpcId"]}
    message = f"The vpc CIDR block association ID '{request['AssociationId']}' does not exist"
    raise AwsError("InvalidVpcCidrBlockAssociationID.NotFound", message)


def associate_group(request):
    """AssociateSecurityGroupVpc: with a VPC that is not the group's own."""
    group = ec2._security_groups.get(request["GroupId"])
    if group is None:
        raise AwsError("InvalidGroup.NotFound", f"The security group '{request['GroupId']}' does not exist")
    vpc = find_vpc(request["VpcId"])
    if group["VpcId"] == vpc["VpcId"] or group["GroupName"] == "default":
        raise AwsError("InvalidParameterValue", "The security group cannot be associated with this VPC.")
    seed_association({"GroupId": group["GroupId"], "VpcId": vpc["VpcId"]})
    return {"State": "associating"}


def seed_association(item):
    defaults = {"VpcOwnerId": get_account_id(), "GroupOwnerId": get_account_id(), "State": "associated"}
    _ASSOCIATIONS[(item["GroupId"], item["VpcId"])] = {**defaults, **item}


def disassociate_group(request):
    """DisassociateSecurityGroupVpc."""
    if _ASSOCIATIONS.pop((request["GroupId"], request["VpcId"]), None) is None:
        raise AwsError("InvalidParameterValue", "The security group is not associated with this VPC.")
    return {"State": "disassociating"}


def describe_associations(request):
    """DescribeSecurityGroupVpcAssociations: all, or those of some groups or VPCs."""
    members = {"group-id": "GroupId", "vpc-id": "VpcId", "vpc-owner-id": "VpcOwnerId", "state": "State"}
    filters = {item["Name"]: item.get("Values") or [] for item in request.get("Filters") or []}
    for name in filters:
        if name not in members:
            raise AwsError("InvalidParameterValue", f"The filter '{name}' is invalid")
    found = [
        association
        for association in _ASSOCIATIONS.values()
        if all(association[members[name]] in values for name, values in filters.items())
    ]
    page, token = paged(found, request.get("MaxResults"), request.get("NextToken"))
    return {"SecurityGroupVpcAssociations": page, "NextToken": token}


ACTIONS = {"DescribeVpcs": describe_vpcs}
ADDED = {
    "AssociateVpcCidrBlock": associate_block,
    "DisassociateVpcCidrBlock": disassociate_block,
    "AssociateSecurityGroupVpc": associate_group,
    "DisassociateSecurityGroupVpc": disassociate_group,
    "DescribeSecurityGroupVpcAssociations": describe_associations,
}


def install():
    """Put these actions in place of MiniStack's."""
    patching.require(ec2, "_vpcs", "_tags", "_matches_vpc_filters")
    for action, function in ACTIONS.items():
        patching.replace_action(ec2._ACTION_MAP, action, endpoint("ec2", action, function))
    for action, function in ADDED.items():
        ec2._ACTION_MAP[action] = endpoint("ec2", action, function)
