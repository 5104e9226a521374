/** What holds for every plan: explained ops, stages in order, slots filled before they are used. */
import { ops, type Stage, slotNone, stages } from "../../abi/schema.ts";
import type { Plan, ProcessOp } from "../plan.ts";

/** The rules that `plan` breaks, one sentence each. */
export function checkPlan(plan: Plan): string[] {
  return [...explained(plan), ...staged(plan), ...flow(plan)];
}

function explained({ ops: list, hostOps }: Plan): string[] {
  return [...hostOps, ...list].flatMap((op, index) =>
    [op.cause, op.target, op.inverse].every((text) => text !== "")
      ? []
      : [`${index} ${op.op}: cause, target or inverse is empty`],
  );
}

function staged({ ops: list }: Plan): string[] {
  const broken: string[] = [];
  let last = 0;
  for (const [index, op] of list.entries()) {
    if (stages[op.stage] < last) broken.push(`${index} ${op.op}: stage ${op.stage} comes too late`);
    last = stages[op.stage];
    const allowed: readonly Stage[] = ops[op.op].stages;
    if (!allowed.includes(op.stage)) broken.push(`${index} ${op.op}: not allowed in ${op.stage}`);
  }
  const names = (stage: Stage): string[] => list.filter((op) => op.stage === stage).map((op) => op.op);
  if (names("prepare").at(-1) !== "clone") broken.push("prepare does not end with clone");
  if (list.filter((op) => op.op === "clone").length !== 1) broken.push("not exactly one clone");
  if (!["supervise", "leave"].includes(names("parent").at(-1) ?? "")) broken.push("parent does not end");
  if (names("child").at(-1) !== "exec") broken.push("child does not end with exec");
  return broken;
}

function flow(plan: Plan): string[] {
  const broken: string[] = [];
  const received = plan.receives.map(({ slot }) => slot);
  const prepared = new Set(received);
  const known = { prepare: prepared, parent: new Set<number>(), child: new Set<number>() };
  for (const [index, op] of plan.ops.entries()) {
    const own = known[op.stage];
    const has = (slot: number): boolean => own.has(slot) || prepared.has(slot);
    for (const [use, slot] of slotsOf(op)) {
      const name = `${index} ${op.op}: slot ${slot}`;
      if (use === "fill") {
        if (has(slot)) broken.push(`${name} is filled twice`);
        own.add(slot);
      } else if (!has(slot)) broken.push(`${name} is used before it is filled`);
    }
  }
  return broken;
}

function slotsOf(op: ProcessOp): (readonly ["fill" | "use", number])[] {
  const types: Readonly<Record<string, string>> = ops[op.op].fields;
  const values: Readonly<Record<string, unknown>> = op.fields;
  const found: (readonly ["fill" | "use", number])[] = [];
  for (const [field, type] of Object.entries(types)) {
    const value = values[field];
    if (typeof value === "number" && /slot/i.test(type) && value !== slotNone) {
      found.push([type.startsWith("new") ? "fill" : "use", value]);
    }
    if (Array.isArray(value)) {
      for (const match of value.join("\n").matchAll(/\{(?:slot|fd):(\d+)\}/g))
        found.push(["use", Number(match[1])]);
    }
  }
  // Uses first: an op may use what it replaces.
  return found.sort(([a], [b]) => Number(a === "fill") - Number(b === "fill"));
}
