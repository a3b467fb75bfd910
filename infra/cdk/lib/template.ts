// The SAM template, and what of it the CDK includes.

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CfnInclude } from "aws-cdk-lib/cloudformation-include";
import type { Construct } from "constructs";
import { readYaml } from "./yaml.ts";

export const TEMPLATE_FILE = join(import.meta.dirname, "../../template.yaml");

export interface TemplateParameter {
  readonly Default: string | number;
  readonly AllowedValues?: readonly (string | number)[];
  readonly AllowedPattern?: string;
  readonly ConstraintDescription?: string;
}

/** What is read of the template here; there is more in it. */
export interface Template {
  readonly Parameters: Record<string, TemplateParameter>;
  Metadata?: unknown;
  Rules?: unknown;
  readonly Globals: { readonly Function: { CodeUri?: string } };
  readonly Resources: Record<string, Resource>;
}

interface Resource {
  readonly Type: string;
  Metadata?: { readonly BuildProperties?: { readonly Binary: string } };
  readonly Properties: { readonly Events?: Record<string, unknown>; EventInvokeConfig?: unknown };
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

/** Include the template with a value for each of its parameters, and without what is only there for `sam`. */
export function include(scope: Construct, template: Template, parameters: Record<string, string | number>): CfnInclude {
  const standIns = rulesOfEvents(template);
  const directory = mkdtempSync(join(tmpdir(), "portcullis-"));
  try {
    const templateFile = join(directory, "template.json");
    writeFileSync(templateFile, JSON.stringify(prepare(template, standIns)));
    // Logical ids are kept, so that a stack can go from `sam deploy` to `cdk deploy`, and back, in place.
    const included = new CfnInclude(scope, "Template", { templateFile, parameters });
    for (const id of standIns) included.node.tryRemoveChild(id);
    for (const [id] of functionsOf(template)) {
      included.getResource(id).addPropertyOverride("EventInvokeConfig", template.Resources[id]!.Properties.EventInvokeConfig);
    }
    return included;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

function prepare(template: Template, standIns: string[]): Template {
  const prepared = structuredClone(template);
  // Both are about parameters, of which none is left; the values are checked at synthesis.
  delete prepared.Metadata;
  delete prepared.Rules;
  // For `sam build`. Here the code is an asset.
  delete prepared.Globals.Function.CodeUri;
  for (const [id] of functionsOf(template)) {
    delete prepared.Resources[id]!.Metadata;
    // The CDK's type of it demands a destination for success, so it goes around that type.
    delete prepared.Resources[id]!.Properties.EventInvokeConfig;
  }
  // CfnInclude refuses a reference to what is not in the template, such as to a rule that SAM makes of a
  // function's event. So it finds something of that name, which is taken out again.
  for (const id of standIns) prepared.Resources[id] = { Type: "AWS::Events::Rule", Properties: {} };
  return prepared;
}

/** As SAM names them: the function, then the event. */
function rulesOfEvents(template: Template): string[] {
  return Object.entries(template.Resources).flatMap(([id, { Properties }]) =>
    Object.keys(Properties.Events ?? {}).map((event) => id + event),
  );
}
