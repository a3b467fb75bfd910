// The SAM template, and what of it the CDK includes.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import type { Construct } from "constructs";
import { applied, type Decisions, type Json } from "./decide.ts";
import { readYaml } from "./yaml.ts";

const INFRA = join(import.meta.dirname, "../..");
const TEMPLATE_FILE = join(INFRA, "template.yaml");

export interface TemplateParameter {
  readonly Default: string | number;
  readonly AllowedValues?: readonly (string | number)[];
  readonly AllowedPattern?: string;
  readonly MinValue?: number;
  readonly MaxValue?: number;
  readonly ConstraintDescription?: string;
}

/** What is read of the template here; there is more in it. */
export interface Template {
  readonly Parameters: Record<string, TemplateParameter>;
  readonly Mappings: Record<string, Json>;
  readonly Conditions: Record<string, Json>;
  readonly Resources: Record<string, Resource>;
  readonly Outputs: Record<string, { Condition?: string }>;
  readonly Globals: { readonly Function: { CodeUri?: string } };
  Metadata?: unknown;
  Rules?: unknown;
}

interface Resource {
  readonly Type: string;
  Condition?: string;
  Metadata?: { readonly BuildProperties?: { readonly Binary: string } };
  readonly Properties: {
    readonly Events?: Record<string, unknown>;
    readonly DefinitionUri?: string;
    readonly ContentUri?: string;
    EventInvokeConfig?: unknown;
  };
}

export function readTemplate(): Template {
  return readYaml(TEMPLATE_FILE) as Template;
}

/** Logical id of each function, and the binary that is its code. */
export function functionsOf(template: Template): [id: string, binary: string][] {
  return Object.entries(template.Resources).flatMap(([id, { Metadata }]) =>
    Metadata?.BuildProperties ? [[id, Metadata.BuildProperties.Binary]] : [],
  );
}

/** Logical id of each workflow, and the file of its definition. */
export function workflowsOf(template: Template): [id: string, file: string][] {
  return Object.entries(template.Resources).flatMap(([id, { Properties }]) =>
    Properties.DefinitionUri ? [[id, join(INFRA, Properties.DefinitionUri)]] : [],
  );
}

/** Logical id of each layer, and the directory of its files. */
export function layersOf(template: Template): [id: string, directory: string][] {
  return Object.entries(template.Resources).flatMap(([id, { Properties }]) =>
    Properties.ContentUri ? [[id, join(INFRA, Properties.ContentUri)]] : [],
  );
}

/** Include the template with a value for each of its parameters, and without what is only there for `sam`. */
export function include(
  scope: Construct,
  template: Template,
  parameters: Record<string, string | number>,
  decisions: Decisions,
): CfnInclude {
  const decided = applied(template, decisions);
  const standIns = madeBySam(decided);
  const directory = mkdtempSync(join(tmpdir(), "portcullis-"));
  try {
    const templateFile = join(directory, "template.json");
    writeFileSync(templateFile, JSON.stringify(prepared(decided, standIns)));
    // Logical ids are kept, so that a stack can go from `sam deploy` to `cdk deploy`, and back, in place.
    const included = new CfnInclude(scope, "Template", { templateFile, parameters });
    for (const id of Object.keys(standIns)) included.node.tryRemoveChild(id);
    for (const [id] of functionsOf(decided)) {
      included
        .getResource(id)
        .addPropertyOverride("EventInvokeConfig", decided.Resources[id]!.Properties.EventInvokeConfig);
    }
    return included;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function prepared(decided: Template, standIns: Record<string, Resource>): Template {
  const template = structuredClone(decided);
  // Both are about parameters, of which none is left; the values are checked at synthesis.
  delete template.Metadata;
  delete template.Rules;
  // For `sam build`. Here the code is an asset.
  delete template.Globals.Function.CodeUri;
  for (const [id] of functionsOf(decided)) {
    delete template.Resources[id]!.Metadata;
    // The CDK's type of it demands a destination for success, so it goes around that type.
    delete template.Resources[id]!.Properties.EventInvokeConfig;
  }
  // CfnInclude refuses a reference to what is not in the template, such as to a rule that SAM makes of a
  // function's event. So it finds something of that name, which is taken out again.
  Object.assign(template.Resources, standIns);
  return template;
}

/** What SAM makes of a function, as it names it: the function, then the event. */
function madeBySam(template: Template): Record<string, Resource> {
  const made: Record<string, Resource> = {};
  for (const [id, { Properties }] of Object.entries(template.Resources)) {
    for (const event of Object.keys(Properties.Events ?? {})) {
      made[id + event] = { Type: "AWS::Events::Rule", Properties: {} };
    }
  }
  return made;
}
