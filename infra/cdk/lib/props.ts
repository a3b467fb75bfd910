// What can be chosen. The template describes each parameter, and has the defaults.

import type { IManagedPolicy } from "aws-cdk-lib/aws-iam";
import type { IKey } from "aws-cdk-lib/aws-kms";
import type { Architecture } from "aws-cdk-lib/aws-lambda";
import type { ITopic } from "aws-cdk-lib/aws-sns";

/** The periods that CloudWatch Logs offers, in days. */
export const LOG_RETENTION_DAYS = [
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
] as const;
export const MODES = ["enforce", "observe"] as const;
export const MOVE_CACHES = ["no", "on-request", "ask", "fresh"] as const;
export const SWEEPS = ["off", "report", "enforce"] as const;
export const SWEEP_HOURS = [1, 2, 3, 6, 12] as const;
export const HARDEN_MEMCACHED = ["no", "report", "ask"] as const;
export const ALARMS = ["all", "essential", "none"] as const;

export interface PortcullisProps {
  /**
   * `enforce` revokes public rules; `observe` only reports them.
   * @default "enforce"
   */
  readonly mode?: (typeof MODES)[number];

  /**
   * The most rules that are revoked for one event. The others are reported and stay open.
   * @default 25
   */
  readonly actionsPerEvent?: number;

  /**
   * The most rules that are revoked in one minute, for all events together. The others are reported and stay open.
   * @default 100
   */
  readonly actionsPerMinute?: number;

  /**
   * A revoked rule that a machine opens again this often within an hour is flapping: it is revoked after an hour without a
   * recurrence, and a person is notified.
   * From 1 to 10.
   * @default 3
   */
  readonly comebacksPerHour?: number;

  /**
   * At most 10 ids of prefix lists and CIDRs, comma-separated, which get the ports of a public rule before it is revoked, where the
   * exceptions permit it.
   * @default - public rules are only revoked
   */
  readonly knownNetworks?: string;

  /**
   * An e-mail address for the alerts. It must confirm the subscription. Not together with `alertTopic`.
   * @default - none
   */
  readonly alertEmail?: string;

  /**
   * Your own topic, in any account and Region, instead of one of the stack's own: one of this app, or
   * `Topic.fromTopicArn()`. Its policy must admit this account. Alarms are sent to it only if it is in this Region.
   * @default - a topic of the stack's own
   */
  readonly alertTopic?: ITopic;

  /**
   * An organization whose accounts may publish to this stack's own topic, which makes it the central one.
   * Not together with `alertTopic`.
   * @default - this account only
   */
  readonly organizationId?: string;

  /**
   * A second topic, with the alerts in the form that Amazon Q Developer shows in Slack and Microsoft Teams.
   * @default false
   */
  readonly chatTopic?: boolean;

  /**
   * The most alerts in one minute. Further alerts become one digest, a minute later.
   * @default 10
   */
  readonly alertsPerMinute?: number;

  /**
   * `report`: a function looks at every group and cache, and reports in one message what no event reported, what is gone, and
   * what is late. It closes nothing. `enforce`: it also revokes older public rules, after a notice and a few at first.
   * @default "report"
   */
  readonly sweep?: (typeof SWEEPS)[number];

  /**
   * The hours between two sweeps.
   * @default 6
   */
  readonly sweepHours?: (typeof SWEEP_HOURS)[number];

  /**
   * With `sweep: "enforce"`, an older public rule is revoked when it was reported so many hours ago; 0 to 720.
   * @default 24
   */
  readonly sweepNoticeHours?: number;

  /**
   * `on-request`: `portcullis move` re-creates a cache on a custom port. `ask`: so does each new cache on its default
   * port, after a person approves. `fresh`: a new, empty one without approval. No cache is deleted without approval.
   * @default "no"
   */
  readonly moveCaches?: (typeof MOVE_CACHES)[number];

  /**
   * The port of re-created caches, from 1150 to 65535 but 8005.
   * @default - one is chosen for each cache, the same every time
   */
  readonly cachePort?: number;

  /**
   * A page on the internet for approvals, behind signed links that expire. Only with `moveCaches` or `hardenMemcached: "ask"`.
   * @default false
   */
  readonly approvalPage?: boolean;

  /**
   * The days in which a re-creation, a deletion or a hardening can be approved, from 1 to 30. After that it is rejected.
   * @default 7
   */
  readonly answerDays?: number;

  /**
   * `report`: an alert about port 11211 says what runs on the instances behind the rule, by a Systems Manager document;
   * `portcullis harden` hardens them through it. `ask`: people are also asked whether a server may be hardened.
   * @default "no"
   */
  readonly hardenMemcached?: (typeof HARDEN_MEMCACHED)[number];

  /**
   * Only instances whose tag `portcullis:harden` has this value are inspected after a finding.
   * @default - all
   */
  readonly hardenTag?: string;

  /**
   * `essential` leaves out errors, throttles and time-outs of the functions, whose events end in a queue anyway.
   * @default "all"
   */
  readonly alarms?: (typeof ALARMS)[number];

  /**
   * A CloudWatch dashboard. The first three of an account, or of an organization with one bill, are free.
   * @default true
   */
  readonly dashboard?: boolean;

  /**
   * X-Ray traces of the functions.
   * @default false
   */
  readonly tracing?: boolean;

  /**
   * How long the logs are kept.
   * @default 90
   */
  readonly logRetentionDays?: (typeof LOG_RETENTION_DAYS)[number];

  /**
   * Your own key for the topics, the queues, the tables, the logs and the functions' settings. The policy of a key
   * that is created in this app is extended for the services that use it; the policy of another key must admit them already.
   * @default - keys that AWS owns, which cost nothing
   */
  readonly kmsKey?: IKey;

  /**
   * A permissions boundary for the functions' roles.
   * @default - none
   */
  readonly permissionsBoundary?: IManagedPolicy;

  /**
   * Processor of the functions, for which they must have been built.
   * @default Architecture.ARM_64
   */
  readonly architecture?: Architecture;

  /**
   * The most events that each function processes at once, from 1 to 9999; others wait, for up to six hours. EC2
   * allows 5 RevokeSecurityGroupIngress a second for an account and Region: 5 is a good number.
   * @default - no reservation, for accounts whose quota is small
   */
  readonly reservedConcurrency?: number;

  /**
   * Where the built functions are: `<name>/bootstrap` as cargo-lambda leaves them, or `<name>` as Cargo does.
   * @default - target/lambda of the repository, or of CARGO_TARGET_DIR
   */
  readonly functionsDirectory?: string;

  /**
   * The directory of the exceptions, one or more `*.cedar`. Check them with `portcullis exceptions check`.
   * @default - infra/exceptions of the repository
   */
  readonly exceptionsDirectory?: string;
}
