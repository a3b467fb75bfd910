// The app: a stack per environment, and every one of them looked at by cdk-nag.

import { App, Stack, Tags, Validations } from "aws-cdk-lib";
import { AwsSolutionsChecks } from "cdk-nag";
import { type Environment, propsOf, readEnvironments } from "../lib/environments.ts";
import { Portcullis } from "../lib/portcullis.ts";

/** The name in CloudFormation, the same everywhere: an account and Region needs one. */
const STACK_NAME = "portcullis";

const app = new App();
for (const environment of readEnvironments(app.node)) addStack(app, environment);
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));

function addStack(app: App, { account, region, tags = {}, ...settings }: Environment): void {
  const id = app.node.tryGetContext("environments") ? `${STACK_NAME}-${account}-${region}` : STACK_NAME;
  const stack = new Stack(app, id, {
    stackName: STACK_NAME,
    env: { ...(account && { account }), ...(region && { region }) },
  });
  for (const [name, value] of Object.entries(tags)) Tags.of(stack).add(name, value);
  new Portcullis(stack, "Portcullis", propsOf(stack, settings));
}
