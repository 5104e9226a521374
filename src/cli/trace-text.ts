/** Where the time of a start went, as text: its phases, and the slowest of its operations. */
import type { TraceResponse } from "../docker/types/explain.ts";
import { own } from "../lib/own.ts";
import { shownText } from "../lib/shown-name.ts";
import { alignColumns } from "./format/column-table.ts";

const nsPerMs = 1e6;

/** Ids are recognized by their beginning. */
function withShortIds(text: string): string {
  return text.replace(/[0-9a-f]{64}/g, (id) => `${id.slice(0, 12)}…`);
}

function milliseconds(nanoseconds: number): string {
  return `${(nanoseconds / nsPerMs).toFixed(3)} ms`;
}

/** The last of them is the sum of a part. */
const phaseMeanings: Readonly<Record<string, string>> = {
  lookUp: "user, mounts, devices looked up",
  network: "network joined, or taken from those made ahead",
  compile: "plan decided",
  host: "control groups made, limits written, log and record opened",
  launch: "executor taken, plan handed over, program running",
  take: "of launch: an executor that waits",
  send: "of launch: plan encoded and sent",
  clone: "of launch: in the executor, up to the new process",
  exec: "of launch: in the new process, up to its program",
  total: "launch as a whole",
};

/** `most` operations, 0 for all. */
export function traceText(trace: TraceResponse, most: number): string {
  const slowest = [...trace.Operations].sort((one, other) => other.Nanoseconds - one.Nanoseconds);
  const phases = Object.entries(trace.Phases).map(
    ([name, nanoseconds]) => `${name}\t${milliseconds(nanoseconds)}\t${own(phaseMeanings, name) ?? ""}`,
  );
  const operations = (most > 0 ? slowest.slice(0, most) : slowest).map(
    ({ Index, Operation, Target, Cause, Nanoseconds }) =>
      [milliseconds(Nanoseconds), Index, Operation, withShortIds(Target), Cause].map(shownText).join("\t"),
  );
  return [
    alignColumns(["PHASE\tTIME\tWHAT", ...phases]),
    alignColumns(["TIME\t#\tOPERATION\tON\tBECAUSE OF", ...operations]),
  ].join("\n");
}
