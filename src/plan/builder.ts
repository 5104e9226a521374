/**
 * Collects the ops of a plan in the order in which each process performs them. Owns slot numbering: what is
 * received comes first, in the order of `receives`; every other slot is filled by exactly one op.
 */
import { limits, type Stage } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { inverseOf, targetOf } from "./op-text.ts";
import type { HostOp, Plan, ProcessOp, WireOp } from "./plan.ts";
import type { PlanWarning } from "./say/mod.ts";
import { unusedSlots } from "./unused-slots.ts";

type WithoutStage<T> = T extends { readonly stage: Stage } ? Omit<T, "stage"> : never;

/** An op as the compiler writes it: the builder adds stage, target and inverse. */
export type Step = WithoutStage<WireOp>;

export class PlanBuilder {
  readonly #received = new Map<string, number>();
  #slots: number;
  readonly #stages: Record<Stage, ProcessOp[]> = { prepare: [], parent: [], child: [] };
  readonly #hostOps: HostOp[] = [];
  readonly #warnings: PlanWarning[] = [];
  readonly #mountsInChild: boolean;
  /** Ops of the child before it is held; undefined when it never is. */
  #heldAt: number | undefined;

  /**
   * `receives`: names of the descriptors that START brings, in slot order. `mountsInChild`: the supervisor has no
   * right to clone mounts of the host, so the child does it as the root of its own user namespace.
   */
  constructor(receives: readonly string[], mountsInChild = false) {
    this.#mountsInChild = mountsInChild;
    for (const name of receives) this.#received.set(name, this.#received.size);
    if (this.#received.size > limits.receivedFds) {
      throw new TiffinError(
        "invalid",
        "plan.too-many-descriptors",
        `the container needs ${this.#received.size} descriptors at its start, at most ${limits.receivedFds} can be sent`,
      );
    }
    this.#slots = this.#received.size;
  }

  /** The slot of a received descriptor. Asking for one that was not announced is a bug of the compiler. */
  received(name: string): number {
    const slot = this.#received.get(name);
    if (slot === undefined)
      throw new TiffinError("internal", "plan.unknown-slot", `slot ${name} is not received`);
    return slot;
  }

  /** A fresh slot, to be filled by the next op that the caller adds. */
  slot(): number {
    if (this.#slots >= limits.slots) {
      throw new TiffinError(
        "invalid",
        "plan.too-many-mounts",
        `the container needs more than ${limits.slots} descriptors during its start`,
        { remedy: "use fewer mounts" },
      );
    }
    return this.#slots++;
  }

  prepare(step: Step, cause: string, target?: string): void {
    const isMount = step.op === "openTree" || step.op === "mountSetattr";
    if (isMount && this.#mountsInChild) this.child(step, cause, target);
    else this.#add({ ...step, stage: "prepare" }, cause, target);
  }

  parent(step: Step, cause: string, target?: string): void {
    this.#add({ ...step, stage: "parent" }, cause, target);
  }

  child(step: Step, cause: string, target?: string): void {
    this.#add({ ...step, stage: "child" }, cause, target);
  }

  /** From here on, at the latest, the child holds nothing that it does not need: it may wait as long as its caller likes. */
  hold(): void {
    this.#heldAt ??= this.#stages.child.length;
  }

  host(op: HostOp): void {
    this.#hostOps.push(op);
  }

  /** One sentence about something that was asked for and cannot be had here. */
  warn(sentence: PlanWarning): void {
    if (!this.#warnings.includes(sentence)) this.#warnings.push(sentence);
  }

  finish(): Plan {
    const { prepare, parent } = this.#stages;
    const child = this.#heldAt === undefined ? this.#stages.child : this.#withClosing(this.#heldAt);
    return {
      receives: [...this.#received].map(([name, slot]) => ({ slot, name })),
      hostOps: this.#hostOps,
      ops: [...prepare, ...parent, ...child],
      warnings: this.#warnings,
    };
  }

  #withClosing(heldAt: number): ProcessOp[] {
    const { prepare, child } = this.#stages;
    const [before, after] = [child.slice(0, heldAt), child.slice(heldAt)];
    const unused = unusedSlots(this.#received.size, [...prepare, ...before], after);
    const closing = unused.map((slot) =>
      described({ op: "close", stage: "child", fields: { slot } }, "nothing of the host is held", undefined),
    );
    return [...before, ...closing, ...after];
  }

  #add(op: WireOp, cause: string, target: string | undefined): void {
    this.#stages[op.stage].push(described(op, cause, target));
  }
}

function described(op: WireOp, cause: string, target: string | undefined): ProcessOp {
  return {
    ...op,
    cause,
    // Texts that only somebody who reads the plan needs.
    get target() {
      return target ?? targetOf(op);
    },
    get inverse() {
      return inverseOf(op);
    },
  };
}
