// `sam deploy` and `cdk deploy` must make the same stack: every resource, every property, every logical id.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import type { Stack } from "aws-cdk-lib";
import { ManagedPolicy } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Architecture } from "aws-cdk-lib/aws-lambda";
import { Topic } from "aws-cdk-lib/aws-sns";
import { choicesOf } from "../lib/parameters.ts";
import type { PortcullisProps } from "../lib/props.ts";
import { readTemplate } from "../lib/template.ts";
import { type Data, PYTHON, portcullis, synthesise } from "./synth.ts";

const TOPIC = "arn:aws:sns:eu-west-1:111122223333:security";
const ELSEWHERE = "arn:aws:sns:us-east-1:444455556666:security";
const KEY = "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d-0000-4000-8000-000000000000";
const BOUNDARY = "arn:aws:iam::111122223333:policy/boundary";

interface Case {
  readonly name: string;
  readonly parameters: Record<string, string | number>;
  readonly props: (stack: Stack) => PortcullisProps;
}

const CASES: Case[] = [
  { name: "the defaults", parameters: {}, props: () => ({}) },
  {
    name: "everything, with a topic of its own",
    parameters: {
      ...{ Mode: "observe", AlertEmail: "ops@example.com", OrganizationId: "o-abcdefghij", Alarms: "essential" },
      ...{ ActionsPerEvent: 5, ActionsPerMinute: 50, ComebacksPerHour: 2, ChatTopic: "yes", AlertsPerMinute: 4 },
      ...{ MoveCaches: "fresh", CachePort: "17321", ApprovalPage: "yes", AnswerDays: 3, HardenMemcached: "ask" },
      ...{ HardenTag: "yes", KnownNetworks: "pl-0a1b,203.0.113.0/24", Sweep: "enforce", SweepHours: "1" },
      ...{ SweepNoticeHours: 48 },
      ...{ Dashboard: "no", Tracing: "yes", LogRetentionDays: 365, KmsKeyArn: KEY, PermissionsBoundaryArn: BOUNDARY },
      ...{ Architecture: "x86_64", ReservedConcurrency: "5" },
    },
    props: (stack) => ({
      ...{ mode: "observe", alertEmail: "ops@example.com", organizationId: "o-abcdefghij", alarms: "essential" },
      ...{ actionsPerEvent: 5, actionsPerMinute: 50, comebacksPerHour: 2, chatTopic: true, alertsPerMinute: 4 },
      ...{ moveCaches: "fresh", cachePort: 17321, approvalPage: true, answerDays: 3, hardenMemcached: "ask" },
      ...{ hardenTag: "yes", knownNetworks: "pl-0a1b,203.0.113.0/24", sweep: "enforce", sweepHours: 1, sweepNoticeHours: 48 },
      ...{ dashboard: false, tracing: true, logRetentionDays: 365, kmsKey: Key.fromKeyArn(stack, "Key", KEY) },
      permissionsBoundary: ManagedPolicy.fromManagedPolicyArn(stack, "Boundary", BOUNDARY),
      ...{ architecture: Architecture.X86_64, reservedConcurrency: 5 },
    }),
  },
  { name: "no sweep", parameters: { Sweep: "off" }, props: () => ({ sweep: "off" }) },
  { name: "servers that are asked", parameters: { HardenMemcached: "report" }, props: () => ({ hardenMemcached: "report" }) },
  {
    name: "servers that people are asked about, on a page",
    parameters: { HardenMemcached: "ask", ApprovalPage: "yes" },
    props: () => ({ hardenMemcached: "ask", approvalPage: true }),
  },
  { name: "moves on request", parameters: { MoveCaches: "on-request" }, props: () => ({ moveCaches: "on-request" }) },
  {
    name: "moves that are asked about, on a page",
    parameters: { MoveCaches: "ask", ApprovalPage: "yes" },
    props: () => ({ moveCaches: "ask", approvalPage: true }),
  },
  {
    name: "a topic of this Region",
    parameters: { AlertTopicArn: TOPIC },
    props: (stack) => ({ alertTopic: Topic.fromTopicArn(stack, "Topic", TOPIC) }),
  },
  {
    name: "a topic of another Region and account, and no alarms",
    parameters: { AlertTopicArn: ELSEWHERE, Alarms: "none" },
    props: (stack) => ({ alertTopic: Topic.fromTopicArn(stack, "Topic", ELSEWHERE), alarms: "none" }),
  },
];

/** Both templates of each case, translated. */
const both = (() => {
  const cases = CASES.map(({ parameters, props }) => ({ parameters, synthesised: synthesise(portcullis(props)) }));
  const script = join(import.meta.dirname, "translate.py");
  const output = execFileSync(PYTHON, [script], { input: JSON.stringify(cases), maxBuffer: 1 << 26 });
  return JSON.parse(output.toString()) as { sam: Data; cdk: Data }[];
})();

CASES.forEach(({ name }, index) => {
  test(`SAM and CDK agree: ${name}`, () => {
    const { sam, cdk } = both[index]!;
    assert.ok(Object.keys(sam["Resources"]).length > 20);
    assert.deepEqual(differences(sam, cdk), []);
  });
});

test("every parameter is set to something other than its default in some case", () => {
  const set = new Set(CASES.flatMap(({ parameters }) => Object.keys(parameters)));
  assert.deepEqual([...set].sort(), Object.keys(readTemplate().Parameters).sort());
  assert.deepEqual(Object.keys(choicesOf({})).sort(), [...set].sort());
});

test("the cases differ, so parameters do reach the translated templates", () => {
  for (const { cdk } of both.slice(1)) assert.notDeepEqual(differences(both[0]!.cdk, cdk), []);
});

test("whatever is dropped or changed is told", () => {
  for (const { sam, cdk } of both) {
    for (const path of places(cdk)) {
      const dropped = structuredClone(cdk);
      const [last, ...above] = [...path].reverse();
      const parent = above.reverse().reduce((item, key) => item[key] as Data, dropped);
      if (Array.isArray(parent)) parent.splice(Number(last), 1);
      else delete parent[last!];
      assert.notDeepEqual(differences(sam, dropped), [], `${path.join(".")} was dropped`);
    }
  }
  const changed = structuredClone(both[0]!.cdk);
  changed["Resources"].UndeliveredQueue.Properties.MessageRetentionPeriod = 1209601;
  assert.deepEqual(differences(both[0]!.sam, changed), [
    "Resources.UndeliveredQueue.Properties.MessageRetentionPeriod: 1209600 in SAM, 1209601 in CDK",
  ]);
});

/** Where two templates differ, by path. */
function differences(sam: unknown, cdk: unknown, path = ""): string[] {
  if (!isData(sam) || !isData(cdk) || Array.isArray(sam) !== Array.isArray(cdk)) {
    const [left, right] = [JSON.stringify(sam), JSON.stringify(cdk)];
    // CloudFormation takes "5" for 5, which is what a parameter of type String gives where a number is asked for.
    return left === right || (sam !== undefined && `"${sam}"` === `"${cdk}"`)
      ? []
      : [`${path}: ${left ?? "nothing"} in SAM, ${right ?? "nothing"} in CDK`];
  }
  const keys = new Set([...Object.keys(sam), ...Object.keys(cdk)]);
  return [...keys].flatMap((key) => differences(sam[key], cdk[key], path ? `${path}.${key}` : key));
}

/** The path of every section, resource and property, and of what is in them a level deep. */
function places(item: unknown, path: string[] = []): string[][] {
  if (!isData(item) || path.length > 4) return [];
  return Object.entries(item).flatMap(([key, value]) => [[...path, key], ...places(value, [...path, key])]);
}

function isData(item: unknown): item is Data {
  return typeof item === "object" && item !== null;
}
