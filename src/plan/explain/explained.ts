/** A plan as people read it: every operation with its chapter, who asked for it, and how long it took. */
import type { Stage } from "../../abi/schema.ts";
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
}

export interface Measured {
  readonly hostMs?: readonly number[];
  readonly opMs?: ArrayLike<number>;
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
