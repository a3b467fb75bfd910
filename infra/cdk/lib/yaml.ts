// YAML with CloudFormation's short forms: `!Ref x` is `{ Ref: "x" }`.

import { readFileSync } from "node:fs";
import { type CollectionTag, parseDocument, type ScalarTag, type YAMLMap, type YAMLSeq } from "yaml";

const SHORT_FORMS = [
  "Ref",
  "Condition",
  "And",
  "Equals",
  "FindInMap",
  "GetAtt",
  "If",
  "Join",
  "Not",
  "Or",
  "Select",
  "Split",
  "Sub",
];

/** A template as plain data. A short form that is not in the list above is an error: nothing is left unread. */
export function readYaml(file: string): unknown {
  const document = parseDocument(readFileSync(file, "utf8"), { customTags: SHORT_FORMS.flatMap(tagsOf) });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) throw new Error(`${file}: ${problem.message}`);
  return document.toJS();
}

function tagsOf(name: string): (ScalarTag | CollectionTag)[] {
  const tag = `!${name}`;
  const key = name === "Ref" || name === "Condition" ? name : `Fn::${name}`;
  const resolve = (node: YAMLMap.Parsed | YAMLSeq.Parsed) => ({ [key]: node.toJSON() as unknown });
  return [
    { tag, resolve: (text: string) => ({ [key]: name === "GetAtt" ? parts(text) : text }) },
    { tag, collection: "seq", resolve },
    { tag, collection: "map", resolve },
  ];
}

/** `Resource.Attribute.Part` is an attribute `Attribute.Part`. */
function parts(text: string): string[] {
  const dot = text.indexOf(".");
  return [text.slice(0, dot), text.slice(dot + 1)];
}
