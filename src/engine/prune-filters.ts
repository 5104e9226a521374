/** Filters of prunes: what was made before a moment, with some labels and without others. Pure. */

import { filterTimeMs } from "../docker/filter-time.ts";
import { invalidFilter } from "../docker/messages.ts";
import { hasLabel } from "./labels.ts";

export type Filters = Readonly<Record<string, readonly string[]>>;

export interface Prunable {
  readonly createdMs: number;
  readonly labels: Readonly<Record<string, string>>;
}

const known = ["until", "label", "label!"];

/** `refuse`: says in the words of whoever prunes that the filters are wrong. */
export function pruneTest(
  filters: Filters,
  nowMs: number,
  refuse: (message: string) => never,
): (one: Prunable) => boolean {
  const unknown = Object.keys(filters).find((key) => !known.includes(key));
  if (unknown !== undefined) refuse(invalidFilter(unknown));
  const { until = [], label = [], "label!": unwanted = [] } = filters;
  if (until.length > 1) refuse("more than one until filter specified");
  const [text] = until;
  const before = text === undefined ? Number.POSITIVE_INFINITY : filterTimeMs(text, nowMs);
  if (before === undefined) return refuse(invalidFilter(`until=${text}`));
  return ({ createdMs, labels }) =>
    createdMs < before &&
    label.every((value) => hasLabel(labels, value)) &&
    !unwanted.some((value) => hasLabel(labels, value));
}
