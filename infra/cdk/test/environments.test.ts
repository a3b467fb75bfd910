import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Stack } from "aws-cdk-lib";
import { propsOf, readEnvironments } from "../lib/environments.ts";
import { app, scratch } from "./synth.ts";

function environments(context: Record<string, unknown>, entries?: unknown) {
  if (entries === undefined) return readEnvironments(app(context).node);
  const file = join(scratch(), "environments.json");
  writeFileSync(file, JSON.stringify(entries));
  return readEnvironments(app({ ...context, environments: file }).node);
}

test("the command line's text becomes what the properties are", () => {
  delete process.env["CDK_DEFAULT_ACCOUNT"];
  delete process.env["CDK_DEFAULT_REGION"];
  const context = {
    mode: "observe",
    dashboard: "no",
    tracing: "true",
    logRetentionDays: "30",
    reservedConcurrency: "5",
    approvalPage: "yes",
    cachePort: "17321",
    answerDays: "3",
    chatTopic: "yes",
    alertsPerMinute: "4",
    alertEmail: "",
  };
  const typed = {
    ...{ mode: "observe", dashboard: false, tracing: true, logRetentionDays: 30, reservedConcurrency: 5 },
    ...{ approvalPage: true, cachePort: 17321, answerDays: 3, chatTopic: true, alertsPerMinute: 4 },
  };
  assert.deepEqual(environments(context), [typed]);
});

test("without a file there is one stack, where the credentials are", () => {
  process.env["CDK_DEFAULT_ACCOUNT"] = "111122223333";
  process.env["CDK_DEFAULT_REGION"] = "eu-west-1";
  assert.deepEqual(environments({}), [{ account: "111122223333", region: "eu-west-1" }]);
});

test("an entry's own settings go before those for all", () => {
  const [first, second] = environments({ mode: "observe", logRetentionDays: "30" }, [
    { account: "111122223333", region: "eu-west-1", tags: { owner: "security" }, mode: "enforce", tracing: "yes" },
    { account: "444455556666", region: "us-east-1" },
  ]);
  const all = { mode: "observe", logRetentionDays: 30 };
  assert.deepEqual(first, {
    ...{ account: "111122223333", region: "eu-west-1", tags: { owner: "security" } },
    ...{ ...all, mode: "enforce", tracing: true },
  });
  assert.deepEqual(second, { account: "444455556666", region: "us-east-1", ...all });
});

test("wrong settings are named", () => {
  const where = { account: "111122223333", region: "eu-west-1" };
  assert.throws(() => environments({ dashboard: "maybe" }), /`dashboard` is `maybe` and must be yes or no/);
  assert.throws(() => environments({ logRetentionDays: "x" }), /`logRetentionDays` is `x` and must be a number/);
  assert.throws(
    () => environments({}, [where, { ...where, mood: "observe" }]),
    /entry 2: no such setting: mood; there are account,/,
  );
  assert.throws(() => environments({}, [{ region: "eu-west-1" }]), /entry 1: account and region are needed/);
});

test("ARNs become what the construct takes", () => {
  const props = propsOf(new Stack(app(), "Stack"), {
    mode: "observe",
    alertTopicArn: "arn:aws:sns:eu-west-1:111122223333:security",
    kmsKeyArn: "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d",
    permissionsBoundaryArn: "arn:aws:iam::111122223333:policy/boundary",
    architecture: "x86_64",
  });
  assert.equal(props.mode, "observe");
  assert.equal(props.alertTopic?.env.region, "eu-west-1");
  assert.equal(props.kmsKey?.keyArn, "arn:aws:kms:eu-west-1:111122223333:key/0a1b2c3d");
  assert.equal(props.permissionsBoundary?.managedPolicyArn, "arn:aws:iam::111122223333:policy/boundary");
  assert.equal(props.architecture?.name, "x86_64");
});
