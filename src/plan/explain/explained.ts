/** A plan as people read it: every operation with its chapter, who asked for it, and how long it took. */
import type { Stage } from "../../abi/schema.ts";
import type { FailedOperation } from "../../lib/errors.ts";
import { hostDetail } from "../host-detail.ts";
import { detailOf } from "../op-detail.ts";
import type { Plan } from "../plan.ts";
import { type Say, sayEnglish } from "../say/mod.ts";
import { type Chapter, chapterOf } from "./chapters.ts";
import type { AnyOpName } from "./vocabulary.ts";

/** Who asked for an operation. */
export type Origin =
  | { readonly kind: "flag"; readonly text: string }
  | { readonly kind: "image"; readonly text: string }
  | { readonly kind: "default" };

/** Of a setting of the runtime specification (`linux.resources.memory.limit`, `mounts[3]`). */
export type OriginOf = (setting: string) => Origin;

export interface ExplainedOp {
  /** `h0` of those on the host, else its place in the plan. */
  readonly index: string;
  readonly chapter: Chapter;
  readonly stage: "host" | Stage;
  readonly op: AnyOpName;
  readonly target: string;
  readonly detail: string;
  readonly setting: string;
  readonly origin: Origin;
  readonly inverse: string;
  readonly milliseconds: number | undefined;
  /** What came of it; undefined where that is not known. */
  readonly result: OpResult | undefined;
}

export type OpResult =
  | { readonly kind: "done" | "tolerated" | "notReached" }
  | { readonly kind: "failed"; readonly errno: string };

export interface Measured {
  readonly hostMs?: readonly number[];
  readonly opMs?: ArrayLike<number>;
  /** Places of operations on the host that failed in a way that the plan lets pass. */
  readonly tolerated?: readonly number[];
  /** What ended the start. */
  readonly failed?: FailedOperation;
}

/** What came of operation `index` of the list that `stages` are of, in a start that ended at `failed`. */
function resultOf(
  place: { readonly index: number; readonly stage: "host" | Stage },
  plan: Plan,
  { hostMs, tolerated = [], failed }: Measured,
): OpResult | undefined {
  if (failed === undefined) {
    if (hostMs === undefined) return undefined;
    return { kind: place.stage === "host" && tolerated.includes(place.index) ? "tolerated" : "done" };
  }
  const isHosts = failed.index.startsWith("h");
  const at = Number(failed.index.replace("h", ""));
  const stage = isHosts ? "host" : plan.ops[at]?.stage;
  if (place.stage === stage) {
    if (place.index === at) return { kind: "failed", errno: failed.errno };
    return { kind: place.index < at ? "done" : "notReached" };
  }
  if (stage === undefined) return undefined;
  const order = { host: 0, prepare: 1, parent: 2, child: 2 } as const;
  const difference = order[place.stage] - order[stage];
  // The process and who stands beside it go on at the same time.
  if (difference === 0) return undefined;
  return { kind: difference < 0 ? "done" : "notReached" };
}

export function explainOps(
  plan: Plan,
  originOf: OriginOf,
  measured: Measured = {},
  say: Say = sayEnglish,
): ExplainedOp[] {
  const host = plan.hostOps.map(
    (op, index): ExplainedOp => ({
      index: `h${index}`,
      chapter: chapterOf(op),
      stage: "host",
      op: op.op,
      target: op.target,
      detail: hostDetail(op, say),
      setting: op.cause,
      origin: originOf(op.cause),
      inverse: op.inverse,
      milliseconds: measured.hostMs?.[index],
      result: resultOf({ index, stage: "host" }, plan, measured),
    }),
  );
  const own = plan.ops.map(
    (op, index): ExplainedOp => ({
      index: String(index),
      chapter: chapterOf(op),
      stage: op.stage,
      op: op.op,
      target: op.target,
      detail: [detailOf(op, say), ...(op.op === "exec" ? op.fields.environment : [])].join(" "),
      setting: op.cause,
      origin: originOf(op.cause),
      inverse: op.inverse,
      milliseconds: measured.opMs?.[index],
      result: resultOf({ index, stage: op.stage }, plan, measured),
    }),
  );
  return [...host, ...own];
}

/** Each client that is attached moves the numbers of descriptors on. */
const slotNumber = /#\d+/g;

/** Tells plans apart by what they do to what; details that differ between two starts of one container do not count. */
export function planSignature(plan: Plan): string {
  const lines = plan.ops.map((op) => (op.op === "supervise" ? op.op : `${op.op} ${op.target}`));
  return lines.join("\n").replace(slotNumber, "#");
}
