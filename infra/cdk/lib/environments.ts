// Where the stacks go and with what settings, as written on the command line or in a file.

import { readFileSync } from "node:fs";
import { ManagedPolicy } from "aws-cdk-lib/aws-iam";
import { Key } from "aws-cdk-lib/aws-kms";
import { Architecture } from "aws-cdk-lib/aws-lambda";
import { Topic } from "aws-cdk-lib/aws-sns";
import type { Construct, Node } from "constructs";
import type { PortcullisProps } from "./props.ts";

/** The properties of the construct, with ARNs for what is made elsewhere. */
export type Settings = Omit<PortcullisProps, "alertTopic" | "kmsKey" | "permissionsBoundary" | "architecture"> & {
  readonly alertTopicArn?: string;
  readonly kmsKeyArn?: string;
  readonly permissionsBoundaryArn?: string;
  readonly architecture?: "arm64" | "x86_64";
};

/** One stack. Without account and Region it goes to those of the caller's credentials. */
export interface Environment extends Settings {
  readonly account?: string;
  readonly region?: string;
  /** Tags of the stack, and so of all that is in it. */
  readonly tags?: Record<string, string>;
}

const SETTINGS: readonly (keyof Settings)[] = [
  ...(["mode", "actionsPerEvent", "actionsPerMinute", "comebacksPerHour", "knownNetworks"] as const),
  ...(["alertEmail", "alertTopicArn", "organizationId", "chatTopic", "alertsPerMinute", "sweep", "sweepHours", "sweepNoticeHours"] as const),
  ...(["moveCaches", "cachePort", "approvalPage", "answerDays", "hardenMemcached", "hardenTag", "alarms", "dashboard", "tracing"] as const),
  ...(["logRetentionDays", "kmsKeyArn", "permissionsBoundaryArn", "architecture"] as const),
  ...(["reservedConcurrency", "functionsDirectory", "exceptionsDirectory"] as const),
];
const PLACES: readonly (keyof Environment)[] = ["account", "region", "tags"];

/**
 * `-c mode=observe` and the like hold for every stack; `-c environments=FILE` names a JSON list of environments, whose
 * own settings go first. Without it there is one stack.
 */
export function readEnvironments(node: Node): Environment[] {
  const everywhere = pick((name) => node.tryGetContext(name));
  const file = node.tryGetContext("environments") as string | undefined;
  if (file === undefined) {
    const [account, region] = [process.env["CDK_DEFAULT_ACCOUNT"], process.env["CDK_DEFAULT_REGION"]];
    return [{ ...everywhere, ...(account && { account }), ...(region && { region }) }];
  }
  const entries = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>[];
  return entries.map((entry, index) => {
    const where = `${file}, entry ${index + 1}`;
    const strangers = Object.keys(entry).filter(
      (name) => ![...PLACES, ...SETTINGS].includes(name as keyof Environment),
    );
    if (strangers.length > 0) {
      throw new Error(
        `${where}: no such setting: ${strangers.join(", ")}; there are ${[...PLACES, ...SETTINGS].join(", ")}`,
      );
    }
    if (!entry["account"] || !entry["region"]) throw new Error(`${where}: account and region are needed`);
    return { ...everywhere, ...entry, ...pick((name) => entry[name]) };
  });
}

/** The properties that these settings mean. */
export function propsOf(scope: Construct, settings: Settings): PortcullisProps {
  const { alertTopicArn, kmsKeyArn, permissionsBoundaryArn, architecture, ...same } = settings;
  return {
    ...same,
    ...(alertTopicArn && { alertTopic: Topic.fromTopicArn(scope, "Topic", alertTopicArn) }),
    ...(kmsKeyArn && { kmsKey: Key.fromKeyArn(scope, "Key", kmsKeyArn) }),
    ...(permissionsBoundaryArn && {
      permissionsBoundary: ManagedPolicy.fromManagedPolicyArn(scope, "Boundary", permissionsBoundaryArn),
    }),
    ...(architecture && { architecture: Architecture.custom(architecture) }),
  };
}

/** The settings that are given, as what they are: on the command line everything is text. */
function pick(value: (name: string) => unknown): Settings {
  const given = SETTINGS.map((name) => [name, value(name)] as const).filter(
    ([, item]) => item !== undefined && item !== "",
  );
  return Object.fromEntries(given.map(([name, item]) => [name, typed(name, String(item))])) as Settings;
}

function typed(name: keyof Settings, text: string): string | number | boolean {
  switch (name) {
    case "approvalPage":
    case "chatTopic":
    case "dashboard":
    case "tracing":
      if (["yes", "true"].includes(text)) return true;
      if (["no", "false"].includes(text)) return false;
      throw new Error(`\`${name}\` is \`${text}\` and must be yes or no`);
    case "actionsPerEvent":
    case "actionsPerMinute":
    case "alertsPerMinute":
    case "answerDays":
    case "cachePort":
    case "comebacksPerHour":
    case "logRetentionDays":
    case "reservedConcurrency":
    case "sweepNoticeHours":
      if (/^\d+$/.test(text)) return Number(text);
      throw new Error(`\`${name}\` is \`${text}\` and must be a number`);
    default:
      return text;
  }
}
