// cdk-nag's pack AwsSolutions, and the CDK's own checks, find nothing that lib/nag.ts gives no reason for.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Stack, Validations } from "aws-cdk-lib";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import { Topic } from "aws-cdk-lib/aws-sns";
import { AwsSolutionsChecks } from "cdk-nag";
import { decide } from "../lib/decide.ts";
import { ACKNOWLEDGED, acknowledge, REFER_TO_EVENTS } from "../lib/nag.ts";
import { parametersOf } from "../lib/parameters.ts";
import { Portcullis } from "../lib/portcullis.ts";
import { include, readTemplate } from "../lib/template.ts";
import { app, built, type Data, PYTHON, portcullis, scratch, synthesise } from "./synth.ts";

const NEEDED = ACKNOWLEDGED.flatMap(({ resource, ids }) => ids.map((id) => `${resource} ${id}`)).sort();
/** With everything that asks for more rights or more resources. */
const MOST = {
  ...{ tracing: true, alertEmail: "ops@example.com", organizationId: "o-abcdefghij" },
  ...({ moveCaches: "fresh", approvalPage: true, chatTopic: true, hardenMemcached: "ask", sweep: "enforce" } as const),
};

/** What cdk-nag objects to below this construct, as resource and rule. */
function objections(scope: CfnInclude): string[] {
  const { violations } = new AwsSolutionsChecks(scope.node.root).validateScope(scope);
  return violations
    .flatMap(({ ruleName, violatingResources }) =>
      violatingResources.map(({ constructPath }) => `${constructPath!.split("/").at(-1)} ${ruleName}`),
    )
    .sort();
}

/** The template as SAM translates it, in plain CloudFormation. */
function translated(): string {
  const construct = portcullis(() => MOST);
  const cases = [{ parameters: {}, synthesised: synthesise(construct) }];
  const output = execFileSync(PYTHON, [join(import.meta.dirname, "translate.py")], { input: JSON.stringify(cases) });
  const file = join(scratch(), "translated.json");
  writeFileSync(file, JSON.stringify((JSON.parse(output.toString()) as { cdk: Data }[])[0]!.cdk));
  return file;
}

test("cdk-nag objects to exactly what is acknowledged, and so to nothing else", () => {
  const template = readTemplate();
  const parameters = parametersOf(MOST, template);
  const included = include(
    new Stack(app(), "Bare"),
    template,
    parameters,
    decide(template, parameters, { AlarmsTell: true }),
  );
  assert.deepEqual(objections(included), NEEDED);
  acknowledge(included);
  assert.deepEqual(objections(included), []);
});

test("the same holds for what SAM makes of the template", () => {
  const included = new CfnInclude(new Stack(app(), "Translated"), "Template", { templateFile: translated() });
  assert.ok(included.node.tryFindChild("IngressFunctionCalls"), "it is translated");
  assert.deepEqual(objections(included), NEEDED);
  acknowledge(included);
  assert.deepEqual(objections(included), []);
});

test("every reason is given once, and in words", () => {
  assert.equal(new Set(NEEDED).size, NEEDED.length);
  for (const { reason } of ACKNOWLEDGED) assert.match(reason, /^[A-Z].{30,}\.$/);
});

test("an app with stacks of all kinds is synthesised without an objection or a warning", () => {
  process.env["CDK_VALIDATION"] = "true";
  const root = app();
  Validations.of(root).addPlugins(new AwsSolutionsChecks(root));
  const functionsDirectory = built();
  const add = (id: string, choose: (stack: Stack) => object) => {
    const stack = new Stack(root, id, { env: { account: "111122223333", region: "eu-west-1" } });
    new Portcullis(stack, "Portcullis", { functionsDirectory, ...choose(stack) });
  };
  add("Defaults", () => ({}));
  add("Most", () => MOST);
  add("Least", () => ({ alarms: "none", dashboard: false }));
  add("Moves", () => ({ moveCaches: "ask" }));
  for (const region of ["eu-west-1", "us-east-1"]) {
    const arn = `arn:aws:sns:${region}:444455556666:security`;
    add(`TopicIn-${region}`, (stack) => ({ alertTopic: Topic.fromTopicArn(stack, "Topic", arn) }));
  }
  assert.deepEqual(new AwsSolutionsChecks(root).validateScope(root), { success: true, violations: [] });
  const { directory } = root.synth();
  const { pluginReports } = JSON.parse(readFileSync(join(directory, "validation-report.json"), "utf8")) as Data;
  const report = pluginReports.find(({ pluginName }: Data) => pluginName === "CloudFormation Validate");
  assert.deepEqual(report.violations, []);
  const acknowledged = report.suppressedViolations.flatMap(({ violatingConstructs }: Data) => violatingConstructs);
  const resources = acknowledged.map(({ constructPath }: Data) => constructPath.split("/").at(-1));
  assert.deepEqual([...new Set(resources)].sort(), [...REFER_TO_EVENTS].sort());
});
