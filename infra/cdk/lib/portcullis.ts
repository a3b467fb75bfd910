// Portcullis as a construct, over the SAM template of this repository.

import { Stack, Token } from "aws-cdk-lib";
import type { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { Architecture } from "aws-cdk-lib/aws-lambda";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import type { CfnFunction, CfnLayerVersion, CfnStateMachine } from "aws-cdk-lib/aws-sam";
import { type ITopic, Topic } from "aws-cdk-lib/aws-sns";
import { type IQueue, Queue } from "aws-cdk-lib/aws-sqs";
import { Construct } from "constructs";
import { builtByCargoLambda, codeOf, policiesIn } from "./code.ts";
import { decide, type Decisions } from "./decide.ts";
import { admitServices } from "./key.ts";
import { acknowledge } from "./nag.ts";
import { parametersOf } from "./parameters.ts";
import type { PortcullisProps } from "./props.ts";
import { functionsOf, include, layersOf, readTemplate, type Template, workflowsOf } from "./template.ts";

/**
 * Closes public security-group ingress and reports ElastiCache caches on their default ports, in the account
 * and Region of its stack. One is enough for an account and Region, and a stack can hold one only. The Region
 * needs a CloudTrail trail that logs management events.
 */
export class Portcullis extends Construct {
  /** The topic of the alerts: the stack's own, or the one that was given. */
  readonly alertTopic: ITopic;
  /** The topic of the alerts for chat; undefined without it. */
  readonly chatTopic: ITopic | undefined;
  /** The function for security groups. */
  readonly ingressFunctionName: string;
  /** The function for caches. */
  readonly cacheFunctionName: string;
  /** The function that sends digests. */
  readonly digestFunctionName: string;
  /** The ledger. */
  readonly ledgerTableName: string;
  /** The function that checks the trail. */
  readonly trailFunctionName: string;
  /** The function that looks at what is there; undefined with `sweep: "off"`. */
  readonly sweepFunctionName: string | undefined;
  /** The dead-letter queue: events that EventBridge could not deliver, each with the reason. */
  readonly undeliveredQueue: IQueue;
  /** The on-failure queue: events for which a function failed three times, each with its error. */
  readonly failureQueue: IQueue;
  /** The dashboard; undefined without it. */
  readonly dashboardUrl: string | undefined;
  /** The workflow of re-creations; undefined without `moveCaches`. */
  readonly recreateStateMachineArn: string | undefined;
  /** The table of re-creations; undefined without `moveCaches`. */
  readonly movesTableName: string | undefined;
  /** The document for Memcached servers; undefined without `hardenMemcached`. */
  readonly hardenDocumentName: string | undefined;
  /** The approval page; undefined without it. */
  readonly approvalPageUrl: string | undefined;

  constructor(scope: Construct, id: string, props: PortcullisProps = {}) {
    super(scope, id);
    checkName(Stack.of(this).stackName);
    const template = readTemplate();
    const parameters = parametersOf(props, template);
    const decisions = decide(template, parameters, { AlarmsTell: alarmsTell(props.alertTopic, Stack.of(this)) });
    const included = include(this, template, parameters, decisions);
    this.addCode(included, template, props);
    this.addExceptions(included, template, props);
    this.addWorkflows(included, template);
    if (props.kmsKey) admitServices(props.kmsKey, Stack.of(this));
    acknowledge(included);

    this.alertTopic =
      props.alertTopic ?? Topic.fromTopicArn(this, "AlertTopic", included.getResource("AlertTopic").ref);
    this.chatTopic = props.chatTopic
      ? Topic.fromTopicArn(this, "ChatAlerts", included.getResource("ChatAlerts").ref)
      : undefined;
    this.ingressFunctionName = included.getResource("IngressFunction").ref;
    this.cacheFunctionName = included.getResource("CacheFunction").ref;
    this.digestFunctionName = included.getResource("DigestFunction").ref;
    this.ledgerTableName = included.getResource("Ledger").ref;
    this.trailFunctionName = included.getResource("TrailFunction").ref;
    this.undeliveredQueue = this.queue(included, "UndeliveredQueue", props);
    this.failureQueue = this.queue(included, "FailureQueue", props);
    const output = (id: string, there: boolean) => (there ? (included.getOutput(id).value as string) : undefined);
    const moves = (props.moveCaches ?? "no") !== "no";
    this.dashboardUrl = output("DashboardUrl", props.dashboard !== false);
    this.recreateStateMachineArn = output("RecreateStateMachineArn", moves);
    this.movesTableName = output("MovesTableName", moves || props.hardenMemcached === "ask");
    this.sweepFunctionName = output("SweepFunctionName", props.sweep !== "off");
    this.hardenDocumentName = output("HardenDocumentName", (props.hardenMemcached ?? "no") !== "no");
    this.approvalPageUrl = output("ApprovalPageUrl", props.approvalPage === true);
  }

  private addCode(included: CfnInclude, template: Template, props: PortcullisProps): void {
    const directory = props.functionsDirectory ?? builtByCargoLambda();
    for (const [id, binary] of functionsOf(template)) {
      const resource = included.node.tryFindChild(id) as CfnFunction | undefined;
      if (!resource) continue;
      const asset = codeOf(this, binary, directory, props.architecture ?? Architecture.ARM_64);
      resource.codeUri = { bucket: asset.s3BucketName, key: asset.s3ObjectKey };
      asset.addResourceMetadata(resource, "CodeUri");
    }
  }

  private addExceptions(included: CfnInclude, template: Template, props: PortcullisProps): void {
    for (const [id, directory] of layersOf(template)) {
      const resource = included.getResource(id) as CfnLayerVersion;
      const asset = policiesIn(this, id, props.exceptionsDirectory ?? directory);
      resource.contentUri = { bucket: asset.s3BucketName, key: asset.s3ObjectKey };
      asset.addResourceMetadata(resource, "ContentUri");
    }
  }

  private addWorkflows(included: CfnInclude, template: Template): void {
    for (const [id, path] of workflowsOf(template)) {
      const resource = included.node.tryFindChild(id) as CfnStateMachine | undefined;
      if (!resource) continue;
      const asset = new Asset(this, `Definition-${id}`, { path });
      resource.definitionUri = { bucket: asset.s3BucketName, key: asset.s3ObjectKey };
      asset.addResourceMetadata(resource, "DefinitionUri");
    }
  }

  private queue(included: CfnInclude, id: string, props: PortcullisProps): IQueue {
    const resource = included.getResource(id);
    return Queue.fromQueueAttributes(this, id, {
      queueArn: resource.getAtt("Arn").toString(),
      queueUrl: resource.ref,
      ...(props.kmsKey && { keyArn: props.kmsKey.keyArn }),
    });
  }
}

/** AWS takes 80 characters of a state machine's name, which is that of the stack with `-recreate`. */
function checkName(name: string): void {
  if (Token.isUnresolved(name) || name.length <= 71) return;
  throw new Error(`the stack's name \`${name}\` has ${name.length} characters, and must have at most 71`);
}

/** Whether the topic is in the stack's Region, as it must be for alarms; not always known before deployment. */
function alarmsTell(topic: ITopic | undefined, stack: Stack): Decisions[string] {
  if (!topic || topic.env.region === stack.region) return true;
  const known = !Token.isUnresolved(topic.env.region) && !Token.isUnresolved(stack.region);
  return known ? false : { "Fn::Equals": [topic.env.region, stack.region] };
}
