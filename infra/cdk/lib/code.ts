// The built functions and the exceptions: found, checked, and packed as assets.

import { createHash } from "node:crypto";
import { copyFileSync, existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { AssetHashType, DockerImage } from "aws-cdk-lib";
import type { Architecture } from "aws-cdk-lib/aws-lambda";
import { Asset } from "aws-cdk-lib/aws-s3-assets";
import type { Construct } from "constructs";

const REPOSITORY = join(import.meta.dirname, "../../..");

/** `e_machine` of the ELF header, by Lambda's name of the processor. */
const MACHINES: Record<string, number> = { x86_64: 0x3e, arm64: 0xb7 };

/** Where `cargo lambda build` leaves `<binary>/bootstrap`. */
export function builtByCargoLambda(): string {
  return join(process.env["CARGO_TARGET_DIR"] ?? join(REPOSITORY, "target"), "lambda");
}

/** A function's zip: its binary, as `bootstrap`, and nothing of what lies beside it. */
export function codeOf(scope: Construct, binary: string, directory: string, architecture: Architecture): Asset {
  const path = find(binary, directory, architecture);
  const content = readFileSync(path);
  check(content, path, architecture);
  return new Asset(scope, `Code-${binary}`, {
    path: dirname(path),
    assetHashType: AssetHashType.CUSTOM,
    assetHash: createHash("sha256").update(content).digest("hex"),
    bundling: {
      // Never pulled: copying one file needs no container.
      image: DockerImage.fromRegistry("none"),
      local: {
        tryBundle(output) {
          copyFileSync(path, join(output, "bootstrap"));
          return true;
        },
      },
    },
  });
}

/** The layer of the exceptions. Without a policy everything public would be closed, 80 and 443 included. */
export function policiesIn(scope: Construct, id: string, directory: string): Asset {
  if (!existsSync(directory) || !readdirSync(directory).some((name) => name.endsWith(".cedar"))) {
    throw new Error(`no exceptions: there is no file \`*.cedar\` in \`${short(directory)}\``);
  }
  return new Asset(scope, `Content-${id}`, { path: directory });
}

/** In cargo-lambda's layout, or in Cargo's own: a directory of binaries. */
function find(binary: string, directory: string, architecture: Architecture): string {
  const places = [join(directory, binary, "bootstrap"), join(directory, binary)];
  const found = places.find((path) => existsSync(path) && statSync(path).isFile());
  if (found !== undefined) return found;
  const looked = places.map((path) => `\`${short(path)}\``).join(" or ");
  throw new Error(`function \`${binary}\` is not built: there is no file ${looked}. ${advice(architecture)}`);
}

function check(content: Buffer, path: string, architecture: Architecture): void {
  if (content.length < 20 || content.toString("latin1", 0, 4) !== "\x7fELF") {
    throw new Error(`\`${short(path)}\` is no program for Linux, which Lambda runs. ${advice(architecture)}`);
  }
  const machine = content.readUInt16LE(18);
  if (machine === MACHINES[architecture.name]) return;
  const built = Object.keys(MACHINES).find((name) => MACHINES[name] === machine) ?? `machine ${machine}`;
  throw new Error(
    `\`${short(path)}\` is built for ${built}, and \`architecture\` says ${architecture.name}: ` +
      `change the one or the other. ${advice(architecture)}`,
  );
}

function advice(architecture: Architecture): string {
  const flag = architecture.name === "arm64" ? "--arm64" : "--x86-64";
  return (
    `\`cargo lambda build --release ${flag}\` builds target/lambda/<name>/bootstrap for ${architecture.name}; ` +
    "`cargo build --release` builds target/<host triple>/release/<name> for the processor of this machine, " +
    "and that directory can be given as `functionsDirectory`."
  );
}

function short(path: string): string {
  const inside = relative(REPOSITORY, path);
  return inside.startsWith("..") ? path : inside;
}
