/**
 * Plans of containers that differ in nothing but what is their own: a plan is compiled once per configuration, and the next container
 * of the same kind gets it with its own id, and the contents of its own files, filled in.
 *
 * The key is all that the compiler is given: specification and options, with the container's id, wherever it stands, replaced by
 * a mark. An id is 256 random bits, so nothing else looks like one. Before a plan is handed out in this way, one is
 * compiled beside it and compared: where the two differ, the configuration is compiled each time.
 *
 * A further process's plan names nothing that is its own, so the same request in the same container has the same plan.
 */
import { encodePlan } from "../abi/encode.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import type { OciProcess, RuntimeSpec } from "../oci/mod.ts";
import { compileContainer } from "./compile-container.ts";
import { compileExec } from "./compile-exec.ts";
import type { ContainerOptions, ExecOptions, ExecTarget, RootSource } from "./options.ts";
import type { HostOp, Plan, ProcessOp } from "./plan.ts";

/** Of the id, as it stands in host names. */
const shortDigits = 12;
const idPattern = /^[0-9a-f]{64}$/;
const mark = "\u0001";
const mostKept = 16;
/** Of a further process; a request of more letters is seldom repeated, and would be held for long. */
const longestExecKey = 65_536;
const encoder = new TextEncoder();

interface Model {
  readonly id: string;
  readonly plan: Plan;
  /** Indices of ops in which the id stands. */
  readonly named: readonly number[];
  /** Indices of the ops that make the files, in their order. */
  readonly files: readonly number[];
  /** One made from it was found to be what the compiler makes. */
  proven: boolean;
}

export class PlanMemory {
  readonly #facts: HostFacts;
  /** The one used last comes last; undefined: compiled each time. */
  readonly #models = new Map<string, Model | undefined>();
  /** Of further processes; the one used last comes last. */
  readonly #execs = new Map<string, Plan>();
  readonly #programs = new WeakMap<Uint8Array, number>();
  #programCount = 0;

  constructor(facts: HostFacts) {
    this.#facts = facts;
  }

  /** The same as `compileContainer`, throws included. */
  compile(spec: RuntimeSpec, options: ContainerOptions): Plan {
    const key = this.#keyOf(spec, options);
    const compile = (): Plan => compileContainer(spec, this.#facts, options);
    if (key === undefined) return compile();
    if (!this.#models.has(key)) {
      const plan = compile();
      this.#keep(key, modelOf(options, plan));
      return plan;
    }
    const model = this.#models.get(key);
    this.#keep(key, model);
    if (model === undefined) return compile();
    const made = madeFrom(model, options);
    if (model.proven) return made;
    const plan = compile();
    if (isSame(plan, made)) model.proven = true;
    else this.#models.set(key, undefined);
    return plan;
  }

  /** The same as `compileExec`, throws included. */
  compileExec(process: OciProcess, target: ExecTarget, options: ExecOptions): Plan {
    const { seccompProgram, ...others } = options;
    const program = seccompProgram === undefined ? 0 : this.#numberOf(seccompProgram);
    const key = writtenDown([process, target, others, program]);
    const plan =
      (key === undefined ? undefined : this.#execs.get(key)) ??
      compileExec(process, target, this.#facts, options);
    if (key !== undefined && key.length <= longestExecKey) keepAsLast(this.#execs, key, plan);
    return plan;
  }

  /** The container `id` is gone: what its processes were given is not held any longer. */
  forgetExecs(id: string): void {
    for (const key of this.#execs.keys()) if (key.includes(id)) this.#execs.delete(key);
  }

  #keep(key: string, model: Model | undefined): void {
    keepAsLast(this.#models, key, model);
  }

  /** Undefined for what is not worth it, or cannot be written down. */
  #keyOf(spec: RuntimeSpec, options: ContainerOptions): string | undefined {
    const { id, files = [], seccompProgram, bindSources, hooks, seccompAgent, rootfs, ...others } = options;
    if (!idPattern.test(id) || hooks !== undefined || seccompAgent !== undefined) return undefined;
    const content = files.map(({ path, mode }) => [path, mode]);
    const program = seccompProgram === undefined ? 0 : this.#numberOf(seccompProgram);
    return writtenDown([spec, others, plainRoot(rootfs), content, program, [...(bindSources ?? [])]])
      ?.replaceAll(id, mark)
      .replaceAll(id.slice(0, shortDigits), mark + mark);
  }

  /** Programs are compiled once per profile, so the same one is the same object. */
  #numberOf(program: Uint8Array): number {
    const known = this.#programs.get(program);
    if (known !== undefined) return known;
    this.#programCount += 1;
    this.#programs.set(program, this.#programCount);
    return this.#programCount;
  }
}

function writtenDown(values: readonly unknown[]): string | undefined {
  try {
    return JSON.stringify(values);
  } catch {
    // A number without end, which no document of Docker's leads to.
    return undefined;
  }
}

function keepAsLast<T>(kept: Map<string, T>, key: string, value: T): void {
  kept.delete(key);
  kept.set(key, value);
  if (kept.size <= mostKept) return;
  const [oldest] = kept.keys();
  if (oldest !== undefined) kept.delete(oldest);
}

/** Layers come with what their owner holds of them, which no plan depends on. */
function plainRoot(rootfs: RootSource): unknown {
  if (rootfs.kind !== "overlay") return rootfs;
  const lowers = rootfs.lowers.map((lower) => [
    lower.kind,
    lower.path,
    lower.kind === "image" ? (lower.attached?.place ?? null) : null,
  ]);
  return { ...rootfs, lowers };
}

function modelOf({ id, files = [] }: ContainerOptions, plan: Plan): Model | undefined {
  const short = id.slice(0, shortDigits);
  const named: number[] = [];
  const made: number[] = [];
  for (const [index, op] of plan.ops.entries()) {
    if (op.op === "createFile" && op.cause === "files") made.push(index);
    else if (Object.values(op.fields).some((value) => holds(value, short))) named.push(index);
  }
  return made.length === files.length ? { id, plan, named, files: made, proven: false } : undefined;
}

function holds(value: unknown, text: string): boolean {
  if (typeof value === "string") return value.includes(text);
  return Array.isArray(value) && value.some((each) => holds(each, text));
}

type Change = (text: string) => string;

function madeFrom(model: Model, { id, files = [] }: ContainerOptions): Plan {
  const [before, short] = [model.id, model.id.slice(0, shortDigits)];
  const ownShort = id.slice(0, shortDigits);
  // The short one stands at the head of the long one.
  const change: Change = (text) =>
    text.includes(short) ? text.replaceAll(before, id).replaceAll(short, ownShort) : text;
  const { plan } = model;
  const ops = plan.ops.slice();
  for (const index of model.named) {
    const op = ops[index];
    if (op !== undefined) ops[index] = withFields(op, changedFields(op.fields, change), change);
  }
  for (const [place, index] of model.files.entries()) {
    const op = ops[index];
    if (op?.op !== "createFile") continue;
    const content = encoder.encode(files[place]?.content ?? "");
    ops[index] = withFields(op, { ...op.fields, content }, change);
  }
  return {
    receives: plan.receives,
    hostOps: plan.hostOps.map((op) => renamedOnHost(op, change)),
    ops,
    warnings: plan.warnings.map(change),
  };
}

function changedFields<F extends ProcessOp["fields"]>(fields: F, change: Change): F {
  const changed = Object.entries(fields).map(([name, value]) => [name, changedValue(value, change)]);
  return Object.fromEntries(changed);
}

function changedValue(value: unknown, change: Change): unknown {
  if (typeof value === "string") return change(value);
  return Array.isArray(value) ? value.map((each) => changedValue(each, change)) : value;
}

/** The same kind of op, so its fields are of the same types; what is said of it is made when somebody reads it. */
function withFields(op: ProcessOp, fields: ProcessOp["fields"], change: Change): ProcessOp {
  return {
    op: op.op,
    stage: op.stage,
    cause: op.cause,
    fields,
    get target() {
      return change(op.target);
    },
    get inverse() {
      return change(op.inverse);
    },
  } as ProcessOp;
}

function renamedOnHost<H extends HostOp>(op: H, change: Change): H {
  return { ...op, directory: change(op.directory), target: change(op.target), inverse: change(op.inverse) };
}

function isSame(one: Plan, other: Plan): boolean {
  return textOf(one) === textOf(other) && Buffer.from(bytesOf(one)).equals(bytesOf(other));
}

const bytesOf = ({ ops, receives }: Plan): Uint8Array => encodePlan(ops, receives.length);

function textOf({ ops, hostOps, receives, warnings }: Plan): string {
  const told = ops.map(({ op, stage, cause, target, inverse }) => [op, stage, cause, target, inverse]);
  return JSON.stringify([told, hostOps, receives, warnings]);
}
