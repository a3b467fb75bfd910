import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Stack } from "aws-cdk-lib";
import { Architecture } from "aws-cdk-lib/aws-lambda";
import { Topic } from "aws-cdk-lib/aws-sns";
import { Portcullis } from "../lib/portcullis.ts";
import { readYaml } from "../lib/yaml.ts";
import { app, built, portcullis, program, scratch, synthesise } from "./synth.ts";

const TOPIC = "arn:aws:sns:eu-west-1:111122223333:security";

test("a function that is not built: which, and what to run", () => {
  const functionsDirectory = scratch();
  assert.throws(
    () => portcullis(() => ({ functionsDirectory })),
    (error: Error) => {
      assert.match(
        error.message,
        /^function `ingress` is not built: there is no file `.*\/ingress\/bootstrap` or `.*\/ingress`\. /,
      );
      assert.match(error.message, /`cargo lambda build --release --arm64` builds target\/lambda\/<name>\/bootstrap/);
      assert.match(error.message, /`cargo build --release` builds target\/<host triple>\/release\/<name>/);
      return true;
    },
  );
});

test("a function that is built for the other processor", () => {
  const functionsDirectory = built("x86_64");
  assert.throws(
    () => portcullis(() => ({ functionsDirectory })),
    /is built for x86_64, and `architecture` says arm64: /,
  );
  const arm = { functionsDirectory: built("arm64"), architecture: Architecture.X86_64 };
  assert.throws(
    () => portcullis(() => arm),
    /is built for arm64, and `architecture` says x86_64: .* build --release --x86-64/,
  );
  assert.throws(() => portcullis(() => ({ functionsDirectory: built("riscv") })), /is built for machine 243, /);
});

test("a function that is no program for Linux", () => {
  for (const content of ["#!/bin/sh\nexit 0 # a script, not a program\n", "\x7fELF"]) {
    const functionsDirectory = scratch();
    writeFileSync(join(functionsDirectory, "ingress"), content);
    assert.throws(
      () => portcullis(() => ({ functionsDirectory })),
      /ingress` is no program for Linux, which Lambda runs/,
    );
  }
});

test("a directory of binaries, as Cargo leaves it, is taken too", () => {
  const functionsDirectory = scratch();
  for (const name of ["ingress", "cache", "digest", "trail", "sweep"])
    writeFileSync(join(functionsDirectory, name), program("arm64", name));
  mkdirSync(join(functionsDirectory, "deps"));
  assert.ok(synthesise(portcullis(() => ({ functionsDirectory })))["Resources"].TrailFunction);
});

test("a directory without exceptions would close what nobody means to close", () => {
  const exceptionsDirectory = scratch();
  for (const directory of [exceptionsDirectory, join(exceptionsDirectory, "none")]) {
    assert.throws(
      () => portcullis(() => ({ exceptionsDirectory: directory })),
      /^Error: no exceptions: there is no file `\*\.cedar` in `/,
    );
  }
});

test("what subscribes to or opens the stack's own topic contradicts another topic", () => {
  const given = { alertEmail: "ops@example.com", organizationId: "o-abcdefghij" };
  assert.throws(
    () => portcullis((stack) => ({ ...given, alertTopic: Topic.fromTopicArn(stack, "Topic", TOPIC) })),
    /: `alertEmail` subscribes to the stack's own topic, which `alertTopic` replaces: .*; `organizationId` opens/,
  );
});

test("a stack's name must leave room for what is called after it", () => {
  const make = (length: number) =>
    new Portcullis(new Stack(app(), "Stack", { stackName: "x".repeat(length) }), "Portcullis", {
      functionsDirectory: built(),
    });
  assert.equal(Stack.of(make(71)).stackName.length, 71);
  assert.throws(() => make(72), /^Error: the stack's name `x{72}` has 72 characters, and must have at most 71$/);
});

test("a page without moves has nothing to ask", () => {
  for (const moveCaches of [undefined, "no"] as const) {
    assert.throws(
      () => portcullis(() => ({ approvalPage: true, ...(moveCaches && { moveCaches }) })),
      /: `approvalPage` is for approvals, so `moveCaches` must not be no, or `hardenMemcached` must be ask$/,
    );
  }
});

test("what the template's parameters do not admit, all of it at once", () => {
  const wrong = {
    mode: "watch" as never,
    actionsPerEvent: 0,
    comebacksPerHour: 11,
    alertEmail: "nobody",
    organizationId: "42",
    logRetentionDays: 2 as never,
    reservedConcurrency: 0,
    moveCaches: "yes" as never,
    cachePort: 8005,
    answerDays: 31,
    approvalPage: true,
  };
  const told = [
    "`mode` is `watch` and must be one of enforce, observe",
    "`actionsPerEvent` is `0` and must be a number from 1 up",
    "`comebacksPerHour` is `11` and must be a number from 1 to 10",
    "`alertEmail` is `nobody` and must be an e-mail address",
    "`organizationId` is `42` and must be the id of an organization",
    "`moveCaches` is `yes` and must be one of no, on-request, ask, fresh",
    "`cachePort` is `8005` and must be a port from 1150 to 65535 but 8005",
    "`answerDays` is `31` and must be a number from 1 to 30",
    "`logRetentionDays` is `2` and must be one of 1, 3, 5, 7",
    "`reservedConcurrency` is `0` and must be a number from 1 to 9999",
  ];
  assert.throws(
    () => portcullis(() => wrong),
    (error: Error) => {
      const problems = error.message.replace("Portcullis: ", "").split("; ");
      assert.deepEqual(
        problems.map((problem, index) => problem.startsWith(told[index]!)),
        told.map(() => true),
        error.message,
      );
      return true;
    },
  );
});

test("a short form that is not known is not passed over", () => {
  const file = join(scratch(), "template.yaml");
  for (const text of ["a: !Cidr x", "a: !Cidr [x]", "a: !Cidr { x: 1 }"]) {
    writeFileSync(file, text);
    assert.throws(() => readYaml(file), /template\.yaml: Unresolved tag: !Cidr/);
  }
});
