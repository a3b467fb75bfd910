//! An AWS account with one security group and one cache, in which nothing is at fault.

use portcullis_testkit::http::{Request, Response};

const RULE: &str = "<item><securityGroupRuleId>sgr-05aa46accf05ff2c9</securityGroupRuleId>\
    <groupId>sg-024d6b5c42b65ce28</groupId><groupOwnerId>111122223333</groupOwnerId>\
    <isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>6379</fromPort>\
    <toPort>6379</toPort><cidrIpv4>10.20.0.0/16</cidrIpv4></item>";

/// The same rule in the older form, which Cloud Custodian reads.
const GROUP: &str = "<item><ownerId>111122223333</ownerId><groupId>sg-024d6b5c42b65ce28</groupId>\
    <groupName>cart-redis</groupName><groupDescription>Redis</groupDescription>\
    <vpcId>vpc-0a1b2c3d4e5f60718</vpcId><ipPermissions><item><ipProtocol>tcp</ipProtocol>\
    <fromPort>6379</fromPort><toPort>6379</toPort><ipRanges><item><cidrIp>10.20.0.0/16</cidrIp>\
    </item></ipRanges></item></ipPermissions></item>";

const CACHE: &str = "<member><ServerlessCacheName>feed</ServerlessCacheName>\
    <Status>available</Status><Engine>valkey</Engine><SecurityGroupIds>\
    <SecurityGroupId>sg-024d6b5c42b65ce28</SecurityGroupId></SecurityGroupIds>\
    <UserGroupId>feed-users</UserGroupId><Endpoint><Address>feed</Address><Port>6379</Port>\
    </Endpoint><ReaderEndpoint><Address>feed</Address><Port>6380</Port></ReaderEndpoint></member>";

/// Of the ledger, which remembers nothing of either.
pub(crate) const NOTHING: &str = r#"{"Items":[],"Count":0,"ScannedCount":0}"#;

/// Answers as EC2, ElastiCache or DynamoDB; any call that a clean event does not need is refused.
pub(crate) fn answer(request: Request) -> Option<Response> {
    // Of these, only DynamoDB is asked in JSON, and of its calls only Query has such a condition.
    if request.body.contains("\"KeyConditionExpression\"") {
        return Some(json(NOTHING));
    }
    let (status, body) = match request.call().unwrap_or_default() {
        name @ "DescribeSecurityGroupRules" => {
            (200, ec2(name, &format!("<securityGroupRuleSet>{RULE}</securityGroupRuleSet>")))
        }
        name @ "DescribeSecurityGroups" => {
            (200, ec2(name, &format!("<securityGroupInfo>{GROUP}</securityGroupInfo>")))
        }
        name @ "DescribeServerlessCaches" => {
            let caches = format!("<ServerlessCaches>{CACHE}</ServerlessCaches>");
            (200, format!("<{name}Response><{name}Result>{caches}</{name}Result></{name}Response>"))
        }
        other => (403, aws_error("UnauthorizedOperation", other)),
    };
    Some(xml(status, body))
}

pub(crate) fn xml(status: u16, body: String) -> Response {
    Response { status, headers: vec![("content-type".to_owned(), "text/xml".to_owned())], body }
}

pub(crate) fn json(body: &str) -> Response {
    let headers = vec![("content-type".to_owned(), "application/x-amz-json-1.0".to_owned())];
    Response { status: 200, headers, body: body.to_owned() }
}

/// An error as EC2 has it.
pub(crate) fn aws_error(code: &str, message: &str) -> String {
    let error = format!("<Code>{code}</Code><Message>{message}</Message>");
    format!("<Response><Errors><Error>{error}</Error></Errors></Response>")
}

pub(crate) fn ec2(name: &str, inner: &str) -> String {
    format!("<{name}Response><requestId>1</requestId>{inner}</{name}Response>")
}
