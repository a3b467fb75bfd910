// What a reviewer's tool would object to, and why it is so. Every entry must be needed: a test sees to that.

import { Validations } from "aws-cdk-lib";
import type { CfnInclude } from "aws-cdk-lib/cloudformation-include";

interface Reason {
  readonly resource: string;
  readonly ids: readonly string[];
  readonly reason: string;
}

/** Of cdk-nag's pack AwsSolutions. */
export const ACKNOWLEDGED: readonly Reason[] = [
  {
    resource: "UndeliveredQueue",
    ids: ["AwsSolutions-SQS3"],
    reason: "It is itself the dead-letter queue, of the rules that SAM makes of the functions' events.",
  },
  {
    resource: "CloseIngress",
    ids: [
      "AwsSolutions-IAM5[Resource::*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:*:prefix-list/*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:security-group/*]",
    ],
    reason:
      "Any group of the account may be opened. EC2's Describe actions know no resources, prefix lists may belong " +
      "to others, and groups are revoked from unless they carry the tag portcullis:protect.",
  },
  {
    resource: "IngressRole",
    ids: [
      "AwsSolutions-IAM5[Resource::*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:prefix-list/*]",
    ],
    reason: "Any prefix list of the account may be edited. EC2's Describe actions know no resources. It only reads.",
  },
  {
    resource: "CacheRole",
    ids: ["cluster", "replicationgroup", "serverlesscache", "subnetgroup"]
      .map(
        (kind) =>
          `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:elasticache:<AWS::Region>:<AWS::AccountId>:${kind}:*]`,
      )
      .concat("AwsSolutions-IAM5[Resource::*]"),
    reason:
      "Any cache of the account and Region may be new, in any subnet. EC2's Describe actions know no resources. It only reads.",
  },
  {
    resource: "LookFurther",
    ids: ["AwsSolutions-IAM5[Resource::*]"],
    reason: "EC2's Describe actions know no resources. It only reads.",
  },
  {
    resource: "Remember",
    ids: [
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/<RevisitGroup>/*]",
    ],
    reason: "Each revisit is a schedule of its own, and all of them are in the stack's own group.",
  },
  {
    resource: "MoveCache",
    ids: [
      ...["", "cluster:", "replicationgroup:", "snapshot:", "parametergroup:", "subnetgroup:", "securitygroup:", "usergroup:"].map(
        (kind) => `elasticache:<AWS::Region>:<AWS::AccountId>:${kind}*`,
      ),
    ].map((resource) => `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:${resource}]`),
    reason:
      "Any cache of the account and Region may move. What is made, changed or deleted is bound by tags.",
  },
  {
    resource: "MoveSurroundings",
    ids: [
      ...["security-group", "security-group-rule"].map((kind) => `ec2:<AWS::Region>:<AWS::AccountId>:${kind}/*`),
      "secretsmanager:<AWS::Region>:<AWS::AccountId>:secret:*",
      "firehose:<AWS::Region>:<AWS::AccountId>:deliverystream/*",
      "kms:<AWS::Region>:*:key/*",
    ]
      .map((resource) => `AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:${resource}]`)
      .concat("AwsSolutions-IAM5[Resource::*]"),
    reason:
      "Any cache of the account and Region may move. Which group is opened and which secret is read is bound by tags; " +
      "what knows no resources, to the Region; keys, to the service that uses them.",
  },
  {
    resource: "RecreateRole",
    ids: [
      "AwsSolutions-IAM5[Resource::*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<AWS::StackName>-recreate:*]",
    ],
    reason: "It asks after other moves. SendTaskSuccess knows no resources: the token says which task is meant.",
  },
  {
    resource: "RecreateStateMachineRole",
    ids: ["AwsSolutions-IAM5[Resource::*]"],
    reason: "The delivery of a workflow's logs and traces knows no resources.",
  },
  {
    resource: "HardenStateMachineRole",
    ids: [
      "AwsSolutions-IAM5[Resource::*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:instance/*]",
    ],
    reason:
      "Any instance may be behind a rule; a tag bounds it, if one is chosen. Reading commands and delivering logs know no resources.",
  },
  {
    resource: "HardenAskStateMachineRole",
    ids: [
      "AwsSolutions-IAM5[Resource::*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:instance/*]",
    ],
    reason: "The same as above: any instance, or those with a tag.",
  },
  {
    resource: "HardenRole",
    ids: ["AwsSolutions-IAM5[Resource::*]"],
    reason: "SendTaskSuccess knows no resources: the token says which task is meant.",
  },
  {
    resource: "IngressAsksServers",
    ids: [
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>:execution:<AWS::StackName>-harden:*]",
    ],
    reason: "Each execution asks one instance, and is named after it.",
  },
  {
    resource: "ApproveRole",
    ids: ["AwsSolutions-IAM5[Resource::*]"],
    reason: "SendTaskSuccess knows no resources: the token says which task is meant, and wakes it, no more.",
  },
  {
    resource: "TrailRole",
    ids: [
      "AwsSolutions-IAM5[Resource::*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:cloudtrail:*:*:trail/*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/<RevisitGroup>/*]",
    ],
    reason:
      "DescribeTrails knows no resources, and a trail may belong to another account of the organization, or to " +
      "another Region. Each revisit is a schedule of its own, in the stack's own group.",
  },
  {
    resource: "SweepRole",
    ids: [
      "AwsSolutions-IAM5[Resource::*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:*:prefix-list/*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:scheduler:<AWS::Region>:<AWS::AccountId>:schedule/<RevisitGroup>/*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:elasticache:<AWS::Region>:<AWS::AccountId>:cluster:*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:elasticache:<AWS::Region>:<AWS::AccountId>:replicationgroup:*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:elasticache:<AWS::Region>:<AWS::AccountId>:serverlesscache:*]",
      "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:elasticache:<AWS::Region>:<AWS::AccountId>:subnetgroup:*]",
    ],
    reason:
      "It looks at every group and cache of this account and Region; EC2's Describe actions know no resources. Its follow-up is a " +
      "schedule in the stack's own group.",
  },
  {
    resource: "CloseOlder",
    ids: ["AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:ec2:<AWS::Region>:<AWS::AccountId>:security-group/*]"],
    reason: "With Sweep=enforce, any group may have an older public rule; a tag keeps it out of one.",
  },
  {
    resource: "Trace",
    ids: ["AwsSolutions-IAM5[Resource::*]"],
    reason: "X-Ray's actions know no resources.",
  },
];

/** The CDK's own check of references sees the template before SAM makes the rules of events. */
export const REFER_TO_EVENTS = ["LostAlarm", "TrailFunction", "TrailRole", "UndeliveredQueuePolicy"];
const TRANSLATED = {
  id: "CloudFormation-Validate::F1020",
  reason: "It refers to the rule that SAM makes of a function's event.",
};

/** What is not in the stack, such as tracing that is off, needs no reason. */
export function acknowledge(included: CfnInclude): void {
  const resource = (id: string) => included.node.tryFindChild(id);
  for (const { resource: id, ids, reason } of ACKNOWLEDGED) {
    const found = resource(id);
    if (found) Validations.of(found).acknowledge(...ids.map((rule) => ({ id: rule, reason })));
  }
  for (const found of REFER_TO_EVENTS.map(resource)) if (found) Validations.of(found).acknowledge(TRANSLATED);
}
