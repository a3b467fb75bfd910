// What the tests are made with: functions that look built, and stacks of one construct.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { App, type Environment, Stack } from "aws-cdk-lib";
import { Portcullis } from "../lib/portcullis.ts";
import type { PortcullisProps } from "../lib/props.ts";

// The CDK's own checks of a template take seconds; nag.test.ts has them.
process.env["CDK_VALIDATION"] = "false";

/** One that has SAM's translator: `make setup` installs it. */
export const PYTHON = process.env["PYTHON"] ?? join(import.meta.dirname, "../../../target/venv/bin/python");

/** Of all functions, those that are only there when asked for included. */
export const BINARIES = ["ingress", "cache", "digest", "trail", "sweep", "recreate", "harden", "approval-page"];

const MACHINES = { arm64: 0xb7, x86_64: 0x3e, riscv: 0xf3 };

const ROOT = mkdtempSync(join(tmpdir(), "portcullis-test-"));
process.on("exit", () => rmSync(ROOT, { recursive: true, force: true }));

/** A new directory, which is gone at the end. */
export function scratch(): string {
  return mkdtempSync(join(ROOT, "scratch-"));
}

/** The functions in cargo-lambda's layout: a header that says the processor, and a name. */
export function built(machine: keyof typeof MACHINES = "arm64"): string {
  const directory = scratch();
  for (const binary of BINARIES) {
    mkdirSync(join(directory, binary));
    writeFileSync(join(directory, binary, "bootstrap"), program(machine, binary), { mode: 0o755 });
  }
  return directory;
}

export function program(machine: keyof typeof MACHINES, name: string): Buffer {
  const header = Buffer.alloc(64);
  header.write("\x7fELF", "latin1");
  header.writeUInt16LE(MACHINES[machine], 18);
  return Buffer.concat([header, Buffer.from(name)]);
}

export function app(context: Record<string, unknown> = {}): App {
  return new App({ outdir: join(scratch(), "cdk.out"), analyticsReporting: false, context });
}

/** A construct in a stack of its own; `choose` can make what the properties need. */
export function portcullis(choose: (stack: Stack) => PortcullisProps = () => ({}), env: Environment = {}): Portcullis {
  const stack = new Stack(app(), "Portcullis", { env });
  const props = choose(stack);
  const machine = props.architecture?.name === "x86_64" ? "x86_64" : "arm64";
  return new Portcullis(stack, "Portcullis", { functionsDirectory: built(machine), ...props });
}

export type Data = Record<string, any>;

/** The template that the construct's stack becomes. */
export function synthesise(construct: Portcullis): Data {
  const stack = Stack.of(construct);
  return (stack.node.root as App).synth().getStackArtifact(stack.artifactId).template as Data;
}
