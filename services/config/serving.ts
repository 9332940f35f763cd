/** What CEL cannot check of serving: the rules' own expressions, and names that arms and quotas refer to. */
import { Environment, ParseError, TypeError as TypeCheckError } from "@marcbachmann/cel-js";
import { type Experiment, type PipelineSpec, type ServingRule, STANDING_ALGORITHMS } from "../../crds/index.ts";
import { ITEM_FIELDS } from "../activity/mapping/read-entity.ts";
import type { Finding, Path } from "./fault.ts";
import { nearest } from "./suggestions.ts";
import { attributeNames } from "./topics.ts";

const WHEN_VARIABLES = ["request", "user", "now"];
const ITEMS_VARIABLES = ["item"];

const environments = { when: environmentOf(WHEN_VARIABLES), items: environmentOf(ITEMS_VARIABLES) };

function environmentOf(variables: readonly string[]): Environment {
  return variables.reduce((environment, name) => environment.registerVariable(name, "dyn"), new Environment());
}

type Arm = Experiment["arms"][number];

export function checkArm(
  arm: Arm,
  path: Path,
  { serving, training }: Pick<PipelineSpec, "serving" | "training">,
): Finding[] {
  return [
    ...checkAlgorithm(arm.algorithm, training.algorithms, path),
    ...checkWithoutRules(arm.withoutRules, serving.rules, path),
  ];
}

export function checkRule(rule: ServingRule, at: Path, { catalog }: Pick<PipelineSpec, "catalog">): Finding[] {
  return [
    ...(rule.when === undefined ? [] : checkExpression(rule.when, "when", [...at, "when"])),
    ...(rule.items === undefined ? [] : checkExpression(rule.items, "items", [...at, "items"])),
    ...(rule.attribute === undefined ? [] : checkQuotaAttribute(rule.attribute, attributeNames(catalog), at)),
  ];
}

/** An expression must parse and name only the variables of its place. Types are the recommender's to check. */
function checkExpression(expression: string, place: "when" | "items", path: Path): Finding[] {
  const { error } = environments[place].check(expression);
  if (error instanceof ParseError || (error instanceof TypeCheckError && error.code === "unknown_variable")) {
    const { summary, range } = error;
    const where = range === undefined ? "" : ` at character ${range.start + 1}`;
    const variables = (place === "when" ? WHEN_VARIABLES : ITEMS_VARIABLES).join(", ");
    return [{ path, message: `${summary}${where} of ${JSON.stringify(expression)}: CEL over ${variables}` }];
  }
  return [];
}

function checkQuotaAttribute(attribute: string, attributes: readonly string[], at: Path): Finding[] {
  const known: readonly string[] = [...ITEM_FIELDS, ...attributes];
  if (known.includes(attribute)) return [];
  const message = `items have no ${JSON.stringify(attribute)}: name a field of items, or declare it in catalog.attributes`;
  return [withSuggestion([...at, "attribute"], message, nearest(attribute, known))];
}

/** An arm can only be answered by what is trained, or by what is always there. */
function checkAlgorithm(algorithm: string | undefined, trained: readonly string[], at: Path): Finding[] {
  const answering: readonly string[] = [...trained, ...STANDING_ALGORITHMS];
  if (algorithm === undefined || answering.includes(algorithm)) return [];
  const message = `${algorithm} is not trained: add it to training.algorithms, or use one of ${answering.join(", ")}`;
  return [{ path: [...at, "algorithm"], message }];
}

function checkWithoutRules(names: readonly string[] = [], rules: readonly ServingRule[] = [], at: Path): Finding[] {
  const known = rules.map(({ name }) => name);
  return names.flatMap((name, index) => {
    if (known.includes(name)) return [];
    const message = `serving.rules has no rule ${JSON.stringify(name)}`;
    return [withSuggestion([...at, "withoutRules", index], message, nearest(name, known))];
  });
}

function withSuggestion(path: Path, message: string, suggestion: string | undefined): Finding {
  return suggestion === undefined ? { path, message } : { path, message, suggestion };
}
