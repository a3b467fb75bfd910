//! From the start of a process to the revoke of a public rule, and to its alert, as they are on the wire.
//!
//! AWS answers after [`ROUND_TRIP`]. Once more with the reads that only inform answering 503: they may delay neither.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use portcullis_testkit::http::{Request, Response, Server};

use crate::account::{NOTHING, aws_error, ec2, json, xml};
use crate::process::{Process, now};

const OPENED: &str = include_str!("../../../../events/authorize-redis-to-the-world.json");

/// How long a call takes, so that what waits for what shows.
const ROUND_TRIP: Duration = Duration::from_millis(20);

const REVOKE: &str = "RevokeSecurityGroupIngress";
const PUBLISH: &str = "Publish";

const OPEN: &str = "<item><securityGroupRuleId>sgr-09167b7aa9270b2b8</securityGroupRuleId>\
    <groupId>sg-097de2bf8ebaf9d8f</groupId><groupOwnerId>111122223333</groupOwnerId>\
    <isEgress>false</isEgress><ipProtocol>tcp</ipProtocol><fromPort>6379</fromPort>\
    <toPort>6379</toPort><cidrIpv4>0.0.0.0/0</cidrIpv4></item>";

const GROUP: &str = "<item><ownerId>111122223333</ownerId><groupId>sg-097de2bf8ebaf9d8f</groupId>\
    <groupName>shop-redis</groupName><groupDescription>Redis</groupDescription>\
    <vpcId>vpc-0a1b2c3d4e5f60718</vpcId></item>";

const INTERFACE: &str = "<item><networkInterfaceId>eni-0f5e9765f50f00942</networkInterfaceId>\
    <interfaceType>interface</interfaceType><vpcId>vpc-0a1b2c3d4e5f60718</vpcId><association>\
    <publicIp>203.0.113.13</publicIp></association></item>";

/// What only informs: names and tags, network interfaces, VPC block public access.
const INFORMING: [&str; 4] = [
    "DescribeSecurityGroups",
    "DescribeNetworkInterfaces",
    "DescribeVpcBlockPublicAccessOptions",
    "DescribeVpcBlockPublicAccessExclusions",
];

/// When something was on the wire, from the start of the process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Closed {
    pub(crate) revoke: Duration,
    pub(crate) alert: Duration,
}

/// Starts the function, gives it the event of a public rule, and sees the rule go. `failing`: what only informs answers 503.
pub(crate) fn closed(command: &str, failing: bool) -> Result<Closed> {
    let (tell, called) = channel();
    let gone = Arc::new(AtomicBool::new(false));
    let account = Server::start(move |request| answer(&request, failing, &gone, &tell))?;
    let (process, _) = Process::start(command, account.address)?;
    let (_, _, text) = process.send(OPENED)?;
    ensure!(text.contains("revoked, and verified"), "it answered: {text}");
    let calls: Vec<(String, Instant)> = called.try_iter().collect();
    let at = |name: &str| {
        let call = calls.iter().find(|(call, _)| call == name);
        call.map(|(_, at)| *at - process.started).with_context(|| format!("no {name}"))
    };
    Ok(Closed { revoke: at(REVOKE)?, alert: at(PUBLISH)? })
}

/// Answers as EC2, SNS and DynamoDB do, of a group with one public rule until that is revoked.
fn answer(
    request: &Request,
    failing: bool,
    gone: &AtomicBool,
    tell: &Sender<(String, Instant)>,
) -> Option<Response> {
    let called = now();
    let name = request.call()?;
    tell.send((name.to_owned(), called)).ok()?;
    thread::sleep(ROUND_TRIP);
    if failing && INFORMING.contains(&name) {
        return Some(xml(503, aws_error("Unavailable", name)));
    }
    let set = |of: &str, inner: &str| xml(200, ec2(name, &format!("<{of}>{inner}</{of}>")));
    Some(match name {
        "Query" => json(NOTHING),
        "UpdateItem" => json(COUNTED),
        "PutItem" => json("{}"),
        "DescribeSecurityGroupRules" => {
            let open = if gone.load(Ordering::Relaxed) { "" } else { OPEN };
            set("securityGroupRuleSet", open)
        }
        REVOKE => {
            gone.store(true, Ordering::Relaxed);
            xml(200, ec2(name, "<return>true</return>"))
        }
        "DescribeSecurityGroups" => set("securityGroupInfo", GROUP),
        "DescribeNetworkInterfaces" => set("networkInterfaceSet", INTERFACE),
        "DescribeVpcBlockPublicAccessOptions" => {
            let off = "<internetGatewayBlockMode>off</internetGatewayBlockMode>";
            set("vpcBlockPublicAccessOptions", off)
        }
        "DescribeVpcBlockPublicAccessExclusions" => set("vpcBlockPublicAccessExclusionSet", ""),
        PUBLISH => {
            let result = "<PublishResult><MessageId>1</MessageId></PublishResult>";
            xml(200, format!("<PublishResponse>{result}</PublishResponse>"))
        }
        other => xml(403, aws_error("UnauthorizedOperation", other)),
    })
}

/// Of this minute.
const COUNTED: &str = r#"{"Attributes":{"actions":{"N":"1"},"alerts":{"N":"1"}}}"#;
