import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { encodePlan } from "../abi/encode.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import type { OciProcess, RuntimeSpec } from "../oci/mod.ts";
import { compileContainer } from "./compile-container.ts";
import { compileExec } from "./compile-exec.ts";
import type { ContainerOptions, ExecOptions, ExecTarget } from "./options.ts";
import type { Plan } from "./plan.ts";
import { PlanMemory } from "./plan-memory.ts";
import { defaultOptions, defaultSpec, execTarget } from "./testdata/specs.ts";

const factsOf = (machine: string): HostFacts =>
  JSON.parse(readFileSync(join(import.meta.dir, `testdata/facts-${machine}.json`), "utf8")) as HostFacts;
const hybrid = factsOf("hybrid");

const idOf = (number: number): string => `${number}`.padStart(4, "e").padEnd(64, "0123456789abcdef");

type Start = readonly [RuntimeSpec, ContainerOptions];

/** What the engine asks for container `number`, which has a host name and files of its own. */
function startOf(number: number): Start {
  const id = idOf(number);
  const spec = defaultSpec();
  const { process } = spec;
  if (process === undefined) throw new Error("the default specification has a process");
  const own = `/var/lib/tiffin/containers/${id}`;
  const options = defaultOptions();
  if (options.rootfs.kind !== "overlay") throw new Error("the default root is an overlay");
  return [
    {
      ...spec,
      hostname: id.slice(0, 12),
      process: { ...process, env: [...(process.env ?? []), `HOSTNAME=${id.slice(0, 12)}`] },
    },
    {
      ...options,
      id,
      rootfs: { ...options.rootfs, upper: `${own}/upper`, work: `${own}/work` },
      files: [
        { path: "/etc/hostname", content: `${id.slice(0, 12)}\n`, mode: 0o644 },
        { path: "/etc/hosts", content: `10.0.0.${number}\tme\n`, mode: 0o644 },
      ],
    },
  ];
}

/** All that there is to a plan, or what its compilation was refused with. */
function described(work: () => Plan): unknown {
  try {
    const { ops, hostOps, receives, warnings } = work();
    return {
      bytes: Buffer.from(encodePlan(ops, receives.length)).toString("latin1"),
      words: ops.map(({ cause, target, inverse }) => [cause, target, inverse]),
      hostOps,
      receives,
      warnings,
    };
  } catch (thrown) {
    return String(thrown);
  }
}

/** A memory that has seen containers of this kind, and trusts its model of them. */
function trained(facts: HostFacts): PlanMemory {
  const memory = new PlanMemory(facts);
  for (const number of [1, 20]) memory.compile(...startOf(number));
  return memory;
}

test.each(["hybrid", "v2"])("a plan from memory is the one that the compiler makes (%s)", (machine) => {
  const facts = factsOf(machine);
  const memory = trained(facts);
  for (const number of [3, 254, 5]) {
    const [spec, options] = startOf(number);
    const known = described(() => memory.compile(spec, options));
    expect(known).toEqual(described(() => compileContainer(spec, facts, options)));
    expect(JSON.stringify(known)).not.toContain(idOf(1).slice(0, 12));
  }
});

/** `value` with one leaf changed, for every leaf, beside where that is. */
function* changes(value: unknown, path = ""): Generator<readonly [path: string, changed: unknown]> {
  if (typeof value === "string") yield [path, `${value}x`];
  else if (typeof value === "number") yield [path, value + 1];
  else if (typeof value === "boolean") yield [path, !value];
  else if (value instanceof Uint8Array) yield [path, Uint8Array.of(...value, ...value)];
  else if (Array.isArray(value)) {
    if (value.length > 0) yield [`${path}[less]`, value.slice(1)];
    for (const [index, each] of value.entries())
      for (const [at, changed] of changes(each, `${path}[${index}]`)) yield [at, value.with(index, changed)];
  } else if (typeof value === "object" && value !== null)
    for (const [key, each] of Object.entries(value))
      for (const [at, changed] of changes(each, `${path}.${key}`)) yield [at, { ...value, [key]: changed }];
}

describe("whatever is other than before is compiled anew", () => {
  const memory = trained(hybrid);
  test.each([...changes(startOf(7))])("%s", (_path, changed) => {
    const [spec, options] = changed as Start;
    if (spec === undefined || options === undefined) return;
    // Twice more: what is remembered of the changed one is right as well.
    for (let again = 0; again < 3; again += 1) {
      const known = described(() => memory.compile(spec, options));
      expect(known).toEqual(described(() => compileContainer(spec, hybrid, options)));
    }
  });
});

test("what cannot be written down is compiled each time", () => {
  const memory = trained(hybrid);
  const [spec, options] = startOf(9);
  const odd = { ...spec, annotations: { number: 1n as unknown as string } };
  expect(described(() => memory.compile(odd, options))).toEqual(
    described(() => compileContainer(odd, hybrid, options)),
  );
});

type ExecRequest = readonly [OciProcess, ExecTarget, ExecOptions];

function execRequest(): ExecRequest {
  const { process } = defaultSpec();
  if (process === undefined) throw new Error("the default specification has a process");
  const options: ExecOptions = {
    stdio: { kind: "pipes", stdin: true },
    supervise: { kind: "supervise", stdinOnce: true, attachClients: [{ flags: 3 }] },
    seccompProgram: Uint8Array.of(6, 0, 0, 0, 0, 0, 255, 127),
    seccompFlags: 0,
  };
  return [{ ...process, execCPUAffinity: { initial: "0" }, oomScoreAdj: 100 }, execTarget, options];
}

describe("a further process's plan is the one that the compiler makes, whatever was asked before", () => {
  const memory = new PlanMemory(hybrid);
  memory.compileExec(...execRequest());
  test.each([...changes(execRequest())])("%s", (_path, changed) => {
    const [process, target, options] = changed as ExecRequest;
    if (process === undefined || target === undefined || options === undefined) return;
    for (let again = 0; again < 2; again += 1) {
      const known = described(() => memory.compileExec(process, target, options));
      expect(known).toEqual(described(() => compileExec(process, target, hybrid, options)));
    }
  });
});

test("the same further process in the same container is compiled once, until the container is gone", () => {
  const memory = new PlanMemory(hybrid);
  const [process, target, options] = execRequest();
  const first = memory.compileExec(process, target, options);
  expect(memory.compileExec({ ...process }, { ...target }, { ...options })).toBe(first);
  expect(memory.compileExec(process, { ...target, id: idOf(2) }, options)).not.toBe(first);
  expect(memory.compileExec(process, target, options)).toBe(first);
  memory.forgetExecs(target.id);
  expect(memory.compileExec(process, target, options)).not.toBe(first);
});
