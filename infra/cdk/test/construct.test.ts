import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type App, Stack, Tags } from "aws-cdk-lib";
import { ManagedPolicy, PolicyStatement } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Portcullis } from "../lib/portcullis.ts";
import { ALARMS, HARDEN_MEMCACHED, LOG_RETENTION_DAYS, MODES, MOVE_CACHES, SWEEP_HOURS, SWEEPS } from "../lib/props.ts";
import { readTemplate } from "../lib/template.ts";
import { app, built, type Data, portcullis, program, scratch, synthesise } from "./synth.ts";

const TOPIC = "arn:aws:sns:eu-west-1:111122223333:security";
const HERE = { account: "111122223333", region: "eu-west-1" };
const EVERYTHING = new PolicyStatement({ actions: ["*"], resources: ["*"] });

test("nothing is left to be asked for, decided or built at deployment", () => {
  const template = synthesise(portcullis());
  assert.deepEqual(Object.keys(template["Parameters"]), ["BootstrapVersion"]);
  assert.deepEqual(Object.keys(template["Rules"]), ["CheckBootstrapVersion"]);
  assert.equal(template["Conditions"], undefined);
  assert.equal(template["Metadata"], undefined);
  assert.doesNotMatch(JSON.stringify(template), /Fn::If|BuildMethod|"CodeUri":"|Custom::|AWS::CDK::Metadata/);
  assert.deepEqual(template["Transform"], "AWS::Serverless-2016-10-31");
});

test("the code of each function is its binary, as bootstrap, and nothing else", () => {
  const construct = portcullis();
  const assembly = (construct.node.root as App).synth();
  const { Resources } = assembly.getStackArtifact(Stack.of(construct).artifactId).template as Data;
  for (const binary of ["Ingress", "Cache", "Digest", "Trail", "Sweep"]) {
    const { Key } = Resources[`${binary}Function`].Properties.CodeUri;
    const directory = join(assembly.directory, `asset.${Key.replace(".zip", "")}`);
    assert.deepEqual(readdirSync(directory), ["bootstrap"]);
    assert.deepEqual(readFileSync(join(directory, "bootstrap")), program("arm64", binary.toLowerCase()));
    assert.ok(statSync(join(directory, "bootstrap")).mode & 0o111, "it can be executed");
  }
});

test("the exceptions are a layer of the functions that decide", () => {
  const exceptionsDirectory = scratch();
  writeFileSync(join(exceptionsDirectory, "ours.cedar"), "permit (principal, action, resource);");
  const construct = portcullis(() => ({ exceptionsDirectory }));
  const assembly = (construct.node.root as App).synth();
  const { Resources } = assembly.getStackArtifact(Stack.of(construct).artifactId).template as Data;
  const { Key } = Resources.Exceptions.Properties.ContentUri;
  assert.deepEqual(readdirSync(join(assembly.directory, `asset.${Key.replace(".zip", "")}`)), ["ours.cedar"]);
  const having = Object.keys(Resources).filter((id) => Resources[id].Properties?.Layers);
  assert.deepEqual(having.sort(), ["CacheFunction", "IngressFunction", "SweepFunction"]);
  for (const id of having) {
    const { Layers, Environment } = Resources[id].Properties;
    assert.deepEqual(Layers, [{ Ref: "Exceptions" }]);
    assert.equal(Environment.Variables.PORTCULLIS_EXCEPTIONS_DIR, "/opt");
  }
});

test("the topic for chat is there on request", () => {
  const construct = portcullis(() => ({ chatTopic: true }));
  assert.deepEqual(Stack.of(construct).resolve(construct.chatTopic?.topicArn), { Ref: "ChatAlerts" });
  const plain = portcullis();
  assert.equal(plain.chatTopic, undefined);
  assert.doesNotMatch(JSON.stringify(synthesise(plain)), /ChatAlerts|CHAT_TOPIC/);
});

test("the attributes are what the stack makes", () => {
  const construct = portcullis();
  const resolve = (value: unknown) => Stack.of(construct).resolve(value);
  assert.deepEqual(resolve(construct.alertTopic.topicArn), { Ref: "AlertTopic" });
  assert.deepEqual(resolve(construct.ingressFunctionName), { Ref: "IngressFunction" });
  assert.deepEqual(resolve(construct.cacheFunctionName), { Ref: "CacheFunction" });
  assert.deepEqual(resolve(construct.digestFunctionName), { Ref: "DigestFunction" });
  assert.deepEqual(resolve(construct.ledgerTableName), { Ref: "Ledger" });
  assert.deepEqual(resolve(construct.trailFunctionName), { Ref: "TrailFunction" });
  assert.match(JSON.stringify(resolve(construct.sweepFunctionName)), /SweepFunction/);
  assert.deepEqual(resolve(construct.undeliveredQueue.queueUrl), { Ref: "UndeliveredQueue" });
  assert.deepEqual(resolve(construct.failureQueue.queueArn), { "Fn::GetAtt": ["FailureQueue", "Arn"] });
  assert.match(JSON.stringify(resolve(construct.dashboardUrl)), /\$\{OwnersDashboard\}/);
});

test("the workflow of a move is an asset, with what it is to call", () => {
  const construct = portcullis(() => ({ moveCaches: "on-request", approvalPage: true }));
  const resolve = (value: unknown) => Stack.of(construct).resolve(value);
  assert.deepEqual(resolve(construct.recreateStateMachineArn), { Ref: "RecreateStateMachine" });
  assert.deepEqual(resolve(construct.movesTableName), { Ref: "MovesTable" });
  assert.deepEqual(resolve(construct.approvalPageUrl), { "Fn::GetAtt": ["ApproveFunctionUrl", "FunctionUrl"] });
  const assembly = (construct.node.root as App).synth();
  const { Resources } = assembly.getStackArtifact(Stack.of(construct).artifactId).template as Data;
  const { DefinitionUri, DefinitionSubstitutions } = Resources.RecreateStateMachine.Properties;
  const definition = readFileSync(join(assembly.directory, `asset.${DefinitionUri.Key}`), "utf8");
  assert.equal(definition, readFileSync(join(import.meta.dirname, "../../recreate.asl.json"), "utf8"));
  const names = [...definition.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name);
  assert.deepEqual([...new Set(names)].sort(), Object.keys(DefinitionSubstitutions).sort());
});

test("the key of the links is for the role that signs and the one that checks, whatever IAM policies say", () => {
  const { Resources } = synthesise(portcullis(() => ({ moveCaches: "on-request", approvalPage: true })));
  const denied = Resources.LinkKey.Properties.KeyPolicy.Statement.filter(({ Effect }: Data) => Effect === "Deny");
  const byOthers = (who: Data) => ({ ArnNotEquals: { "aws:PrincipalArn": who } });
  const arn = (role: string) => ({ "Fn::GetAtt": [role, "Arn"] });
  const all = { Effect: "Deny", Principal: { AWS: "*" }, Resource: "*" };
  assert.deepEqual(
    denied.map(({ Sid, ...statement }: Data) => statement),
    [
      { ...all, Action: "kms:GenerateMac", Condition: byOthers([arn("RecreateRole")]) },
      { ...all, Action: "kms:VerifyMac", Condition: byOthers(arn("ApproveRole")) },
    ],
  );
  for (const [id, role, action] of [
    ["RecreateSignsLinks", "RecreateRole", "kms:GenerateMac"],
    ["ApproveChecksLinks", "ApproveRole", "kms:VerifyMac"],
  ] as const) {
    const { Roles, PolicyDocument } = Resources[id].Properties;
    assert.deepEqual(Roles, [{ Ref: role }]);
    assert.deepEqual(PolicyDocument.Statement, [
      { Effect: "Allow", Action: action, Resource: { "Fn::GetAtt": ["LinkKey", "Arn"] } },
    ]);
  }
});

test("without moves nothing of them is there", () => {
  const plain = portcullis();
  assert.equal(plain.recreateStateMachineArn, undefined);
  assert.equal(plain.movesTableName, undefined);
  assert.equal(plain.approvalPageUrl, undefined);
  const text = JSON.stringify(synthesise(plain));
  assert.doesNotMatch(text, /Recreate|Approve|Moves|RECREATE|LinkKey|StepFunctions/);
});

test("the document for Memcached servers runs the script, and is there on request", () => {
  const construct = portcullis(() => ({ hardenMemcached: "report" }));
  assert.deepEqual(Stack.of(construct).resolve(construct.hardenDocumentName), { Ref: "HardenDocument" });
  const { Content } = synthesise(construct)["Resources"].HardenDocument.Properties;
  const script = readFileSync(join(import.meta.dirname, "../../documents/harden-memcached.sh"), "utf8");
  assert.equal(Content.mainSteps[0].inputs.runCommand.at(-1), script);
  const plain = portcullis();
  assert.equal(plain.hardenDocumentName, undefined);
  assert.doesNotMatch(JSON.stringify(synthesise(plain)), /Harden|SSM::Document/);
});

test("moves without a page have no type that some Regions do not know", () => {
  const { Resources } = synthesise(portcullis(() => ({ moveCaches: "ask" })));
  assert.ok(Resources.RecreateStateMachine);
  assert.doesNotMatch(JSON.stringify(Resources), /AWS::Lambda::Url|ApproveFunction/);
});

test("what is not made has no attribute", () => {
  const construct = portcullis((stack) => ({
    alertTopic: Topic.fromTopicArn(stack, "Topic", TOPIC),
    dashboard: false,
  }));
  assert.equal(construct.alertTopic.topicArn, TOPIC);
  assert.equal(construct.dashboardUrl, undefined);
  assert.equal(synthesise(construct)["Resources"].AlertTopic, undefined);
});

test("topic, key and boundary can be made in the same stack", () => {
  const construct = portcullis((stack) => ({
    alertTopic: new Topic(stack, "Topic"),
    kmsKey: new Key(stack, "Key"),
    permissionsBoundary: new ManagedPolicy(stack, "Boundary", { statements: [EVERYTHING] }),
  }));
  const stack = Stack.of(construct);
  const { Conditions, Resources, Globals } = synthesise(construct);
  const [topic, key] = ["Topic", "Key"].map((id) =>
    stack.getLogicalId(stack.node.findChild(id).node.defaultChild as never),
  );
  assert.equal(Conditions, undefined);
  assert.equal(Resources.AlertTopic, undefined);
  assert.deepEqual(Globals.Function.Environment.Variables.PORTCULLIS_ALERT_TOPIC_ARN, { Ref: topic });
  assert.deepEqual(Resources.LostAlarm.Properties.AlarmActions, [{ Ref: topic }]);
  assert.deepEqual(Resources.FailureQueue.Properties.KmsMasterKeyId, { "Fn::GetAtt": [key, "Arn"] });
  assert.ok(Resources.IngressRole.Properties.PermissionsBoundary.Ref);
  assert.ok(Resources.UseKey);
});

test("a key that is made here admits the services that use it, as each of them asks for it", () => {
  const statements = (env: object) => {
    const { Resources } = synthesise(portcullis((stack) => ({ kmsKey: new Key(stack, "Key") }), env));
    const key = Object.values(Resources as Data).find(({ Type }) => Type === "AWS::KMS::Key");
    const found = key!["Properties"].KeyPolicy.Statement.filter(({ Principal }: Data) => Principal["Service"]);
    return found.map(({ Principal, Condition }: Data) => [Principal["Service"], Condition]);
  };
  const logs = { "Fn::Join": ["", ["arn:", { Ref: "AWS::Partition" }, ":logs:eu-west-1:111122223333:log-group:*"]] };
  assert.deepEqual(statements(HERE), [
    ["cloudwatch.amazonaws.com", { StringEquals: { "aws:SourceAccount": "111122223333" } }],
    // EventBridge sends no account to KMS: with a condition it could not use the key.
    ["events.amazonaws.com", undefined],
    ["logs.eu-west-1.amazonaws.com", { ArnLike: { "kms:EncryptionContext:aws:logs:arn": logs } }],
  ]);
  const [, , [anywhere]] = statements({});
  assert.deepEqual(anywhere, { "Fn::Join": ["", ["logs.", { Ref: "AWS::Region" }, ".amazonaws.com"]] });
});

test("alarms are sent to a topic of the stack's own Region only", () => {
  const actions = (region: string, env = {}) => {
    const arn = TOPIC.replace("eu-west-1", region);
    const template = synthesise(portcullis((stack) => ({ alertTopic: Topic.fromTopicArn(stack, "Topic", arn) }), env));
    return [template["Resources"].LostAlarm.Properties.AlarmActions, template["Conditions"]?.AlarmsTell];
  };
  assert.deepEqual(actions("eu-west-1", HERE), [["arn:aws:sns:eu-west-1:111122223333:security"], undefined]);
  assert.deepEqual(actions("us-east-1", HERE), [undefined, undefined]);
  // Where the Region of the stack is only known at deployment, CloudFormation decides.
  const [undecided, condition] = actions("us-east-1");
  assert.equal(undecided["Fn::If"][0], "AlarmsTell");
  assert.deepEqual(condition, { "Fn::Equals": ["us-east-1", { Ref: "AWS::Region" }] });
});

test("a topic of another stack of the app is referred to", () => {
  const root = app();
  const topic = new Topic(new Stack(root, "Topics", { env: HERE }), "Topic");
  const stack = new Stack(root, "Portcullis", { env: HERE });
  new Portcullis(stack, "Portcullis", { functionsDirectory: built(), alertTopic: topic });
  const { Resources, Conditions } = root.synth().getStackByName("Portcullis").template as Data;
  assert.equal(Conditions, undefined);
  assert.ok(Resources.LostAlarm.Properties.AlarmActions[0]["Fn::ImportValue"]);
});

test("tags reach everything that can carry them", () => {
  const construct = portcullis();
  Tags.of(construct).add("owner", "security");
  const { Resources } = synthesise(construct) as { Resources: Data };
  const owned = Object.entries(Resources).filter(([, { Properties }]) =>
    Array.isArray(Properties.Tags)
      ? Properties.Tags.some(({ Key, Value }: Data) => Key === "owner" && Value === "security")
      : Properties.Tags?.owner === "security",
  );
  const types = owned.map(([, { Type }]) => Type);
  assert.deepEqual([...new Set(types)].sort(), [
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::IAM::Role",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::Scheduler::ScheduleGroup",
    "AWS::Serverless::Function",
  ]);
  assert.equal(types.filter((type) => type === "AWS::Serverless::Function").length, 5);
});

test("the types of the properties are the template's allowed values", () => {
  const { Parameters } = readTemplate();
  assert.deepEqual(Parameters["LogRetentionDays"]!.AllowedValues, LOG_RETENTION_DAYS);
  assert.deepEqual(Parameters["Mode"]!.AllowedValues, MODES);
  assert.deepEqual(Parameters["MoveCaches"]!.AllowedValues, MOVE_CACHES);
  assert.deepEqual(Parameters["Sweep"]!.AllowedValues, SWEEPS);
  assert.deepEqual(Parameters["SweepHours"]!.AllowedValues, SWEEP_HOURS.map(String));
  assert.deepEqual(Parameters["HardenMemcached"]!.AllowedValues, HARDEN_MEMCACHED);
  assert.deepEqual(Parameters["Alarms"]!.AllowedValues, ALARMS);
});
