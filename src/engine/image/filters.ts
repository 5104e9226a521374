/** Filters of `GET /images/json` and of `POST /images/prune`: which are known, and what each lets through. */

import { filterTimeMs } from "../../docker/filter-time.ts";
import { invalidFilter } from "../../docker/messages.ts";
import { shellPattern } from "../../docker/shell-pattern.ts";
import { TiffinError } from "../../lib/errors.ts";
import { hasLabel } from "../labels.ts";
import type { Image } from "./image.ts";

export type FilterMap = Readonly<Record<string, readonly string[]>>;

export const listFilters = ["dangling", "label", "label!", "before", "since", "reference", "until"];
export const pruneFilters = ["dangling", "label", "label!", "until"];

const truths = ["1", "true"];
const falsehoods = ["0", "false"];

/** Refuses what is not among `known`. */
export function checkFilters(filters: FilterMap, known: readonly string[]): void {
  const unknown = Object.keys(filters).find((key) => !known.includes(key));
  if (unknown !== undefined) throw refusal(invalidFilter(unknown));
}

function refusal(message: string): TiffinError {
  return new TiffinError("invalid", "image.filter", message);
}

/** Undefined when nothing is said about it. */
export function danglingOf(filters: FilterMap): boolean | undefined {
  const values = filters["dangling"] ?? [];
  if (values.length === 0) return undefined;
  const isTrue = values.some((value) => truths.includes(value));
  const isFalse = values.some((value) => falsehoods.includes(value));
  // What is neither counts for nothing beside what is one of them.
  if (isTrue !== isFalse) return isTrue;
  throw refusal(invalidFilter(`dangling=[${values.join(" ")}]`));
}

/** By labels and age; `resolve` finds the images that `before` and `since` name. */
export function imageTest(
  filters: FilterMap,
  nowMs: number,
  resolve: (reference: string) => Image,
): (image: Image) => boolean {
  const createdMs = (image: Image): number => Date.parse(image.created);
  const times = (key: string): number[] => (filters[key] ?? []).map((name) => createdMs(resolve(name)));
  const before = Math.min(...times("before"), ...untilTimes(filters["until"] ?? [], nowMs));
  const since = Math.max(...times("since"));
  return (image) =>
    createdMs(image) < before &&
    createdMs(image) > since &&
    (filters["label"] ?? []).every((wanted) => hasLabel(image.config.Labels ?? {}, wanted)) &&
    !(filters["label!"] ?? []).some((unwanted) => hasLabel(image.config.Labels ?? {}, unwanted));
}

function untilTimes(values: readonly string[], nowMs: number): number[] {
  if (values.length > 1) throw refusal("more than one until filter specified");
  return values.map((value) => {
    const until = filterTimeMs(value, nowMs);
    if (until !== undefined) return until;
    throw refusal(invalidFilter(`until=${value}`));
  });
}

/** By name, as Docker shows it, with or without tag; undefined without such a filter. */
export function referenceTest(filters: FilterMap): ((familiar: string) => boolean) | undefined {
  const values = filters["reference"];
  if (values === undefined || values.length === 0) return undefined;
  const patterns = values.map((value) => {
    const pattern = shellPattern(value);
    if (pattern === undefined)
      throw refusal(`${invalidFilter(`reference=${value}`)}: syntax error in pattern`);
    return pattern;
  });
  return (familiar) => {
    const at = familiar.indexOf("@");
    const named = at < 0 ? familiar : familiar.slice(0, at);
    const colon = named.lastIndexOf(":");
    const bare = colon > named.lastIndexOf("/") ? named.slice(0, colon) : named;
    return patterns.some((matches) => matches(familiar) || matches(bare));
  };
}
