/** Filters of `GET /networks` and of `POST /networks/prune`: which are known, and what each lets through. */

import { invalidFilter } from "../../docker/messages.ts";
import { regularExpression, type TextTest } from "../../docker/regular-expression.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";
import { hasLabel } from "../labels.ts";
import { pruneTest } from "../prune-filters.ts";
import { isBuiltIn } from "./built-in-networks.ts";
import type { Network } from "./model.ts";

export type FilterMap = Readonly<Record<string, readonly string[]>>;
type Test = (network: Network) => boolean;

function refusal(message: string): TiffinError {
  return new TiffinError("invalid", "network.filter", message);
}

/** Part of the text, or an expression that is found in it, as Docker matches. */
function finder(key: string, value: string): TextTest {
  try {
    return regularExpression(value);
  } catch (thrown) {
    throw refusal(`${invalidFilter(`${key}=${value}`)}: ${messageOf(thrown)}`);
  }
}

function anyOf(tests: readonly Test[]): Test {
  return (network) => tests.some((test) => test(network));
}

function truth(key: string, values: readonly string[]): boolean {
  const [value = ""] = values;
  if (["1", "true"].includes(value)) return true;
  if (["0", "false"].includes(value)) return false;
  throw refusal(invalidFilter(`${key}=[${values.join(" ")}]`));
}

type FilterMaker = (values: readonly string[], countOf: (id: string) => number) => Test;

const makers: Readonly<Record<string, FilterMaker>> = {
  id: (values) =>
    anyOf(
      values.map((value) => {
        const found = finder("id", value);
        return ({ id }) => found(id);
      }),
    ),
  name: (values) =>
    anyOf(
      values.map((value) => {
        const found = finder("name", value);
        return ({ name }) => found(name);
      }),
    ),
  driver: (values) =>
    anyOf(
      values.map(
        (value) =>
          ({ driver }) =>
            driver === value,
      ),
    ),
  label: (values) => (network) => values.every((value) => hasLabel(network.labels, value)),
  scope: (values) => () => values.includes("local"),
  type: (values) =>
    anyOf(
      values.map((value) => {
        if (value !== "custom" && value !== "builtin") {
          throw refusal(`invalid filter: 'type'='${value}'`);
        }
        return ({ id }) => isBuiltIn(id) === (value === "builtin");
      }),
    ),
  dangling: (values, countOf) => {
    const wanted = truth("dangling", values);
    return ({ id }) => (!isBuiltIn(id) && countOf(id) === 0) === wanted;
  },
};

/** Errors: invalid `network.filter`. */
export function networkTest(filters: FilterMap, countOf: (id: string) => number): Test {
  const tests = Object.entries(filters).map(([key, values]) => {
    const make = own(makers, key);
    if (make === undefined) throw refusal(invalidFilter(key));
    return make(values, countOf);
  });
  return (network) => tests.every((test) => test(network));
}

/** Which of the unused networks a prune takes. */
export function networkPruneTest(filters: FilterMap, nowMs: number): Test {
  return pruneTest(filters, nowMs, (message) => {
    throw refusal(message);
  });
}
