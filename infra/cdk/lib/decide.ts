// The template's conditions are decided while the stack is synthesised, where all that they ask for is known. What is
// left is what will be deployed, which is easier to review; and CloudFormation's own conditions could not refer to a
// topic or a key that is made in the same app.

import type { Template } from "./template.ts";

export type Json = null | string | number | boolean | Json[] | { [key: string]: Json };
/** Whether each condition holds, or the expression by which CloudFormation is to find out. */
export type Decisions = Record<string, boolean | { [key: string]: Json }>;
type Values = Record<string, string | number>;

/** Decide the conditions from the values of the parameters, but for those that are decided `already`. */
export function decide(template: Template, values: Values, already: Decisions): Decisions {
  const decisions = { ...already };
  const decideOne = (name: string) => (decisions[name] ??= holds(template.Conditions[name]!));
  const holds = (expression: Json): boolean => {
    const [name, argument] = only(expression);
    const each = () => (argument as Json[]).map(holds);
    if (name === "Condition") return decideOne(argument as string) === true;
    if (name === "Fn::Not") return !each()[0];
    if (name === "Fn::And") return each().every(Boolean);
    if (name === "Fn::Or") return each().some(Boolean);
    const [left, right] = name === "Fn::Equals" ? (argument as Json[]).map((side) => text(side, values)) : [];
    if (left === undefined || right === undefined) throw new Error(`cannot decide ${JSON.stringify(expression)}`);
    return left === right;
  };
  Object.keys(template.Conditions).forEach(decideOne);
  return decisions;
}

/** One side of a comparison: a literal, or a parameter's value. */
function text(side: Json, values: Values): string | undefined {
  if (typeof side === "string") return side;
  const [name, parameter] = only(side);
  return name === "Ref" ? values[parameter as string]?.toString() : undefined;
}

function only(expression: Json): [string, Json] {
  return Object.entries(expression as Record<string, Json>)[0]!;
}

/** The template without the conditions that are decided, and without what they rule out. */
export function applied(template: Template, decisions: Decisions): Template {
  const left = chosen(template as unknown as Json, decisions) as unknown as Template;
  for (const section of [left.Resources, left.Outputs]) {
    for (const [id, item] of Object.entries(section)) {
      const decision = item.Condition === undefined ? undefined : decisions[item.Condition];
      if (decision === true) delete item.Condition;
      if (decision === false) delete section[id];
    }
  }
  for (const name of Object.keys(left.Mappings)) {
    const used = JSON.stringify([left.Resources, left.Outputs]).includes(`"Fn::FindInMap":["${name}"`);
    if (!used) delete left.Mappings[name];
  }
  for (const [name, decision] of Object.entries(decisions)) {
    if (typeof decision === "boolean") delete left.Conditions[name];
    else left.Conditions[name] = decision;
  }
  return left;
}

/** With `Fn::If` replaced by what it comes to; undefined is `AWS::NoValue`. */
function chosen(item: Json, decisions: Decisions): Json | undefined {
  if (typeof item !== "object" || item === null) return item;
  if (Array.isArray(item)) return item.map((value) => chosen(value, decisions)).filter((value) => value !== undefined);
  const [condition, yes, no] = (item["Fn::If"] ?? []) as [string, Json, Json];
  const decision = decisions[condition];
  if (typeof decision === "boolean") {
    const choice = decision ? yes : no;
    return JSON.stringify(choice) === '{"Ref":"AWS::NoValue"}' ? undefined : chosen(choice, decisions);
  }
  const entries = Object.entries(item).map(([key, value]) => [key, chosen(value, decisions)] as const);
  return Object.fromEntries(entries.filter((entry): entry is [string, Json] => entry[1] !== undefined));
}
