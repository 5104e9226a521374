/** `update`: new limits for a live group, from a document or from flags. */

import { readCurrentMemory } from "../../kernel/cgroup.ts";
import { readBytes } from "../../kernel/files.ts";
import { readToEnd } from "../../kernel/io.ts";
import { OwnedFd } from "../../kernel/owned-fd.ts";
import { TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";
import { decideCgroup } from "../../linux/cgroup.ts";
import { limitDocumentBytes } from "../../oci/decode/json.ts";
import { decodeResources } from "../../oci/decode/resources.ts";
import type { OciResources } from "../../oci/mod.ts";
import { limitRefused } from "../../plan/limit-refused.ts";
import { changeLiveGroup, withLiveLimits } from "../../runtime/groups/mod.ts";
import { type CommandContext, idOf } from "../command.ts";
import { type ContainerRecord, lockContainer } from "../container/container-record.ts";
import { statusOf } from "../container/status.ts";
import { log } from "../error-log.ts";
import { type Flags, usage } from "../flags.ts";
import { absolutePath, requireOwnProcess } from "../host/host.ts";

export async function update(context: CommandContext): Promise<number> {
  const { root } = context;
  const wanted = changed(wantedResources(context));
  using container = await lockContainer(root, idOf(context), context.host);
  const { cgroup } = container.record;
  if (cgroup === null)
    throw new TiffinError("unavailable", "runtime.no-cgroup", "the container has no cgroup");
  if (statusOf(root, container) === "stopped") {
    throw new TiffinError("conflict", "runtime.not-running", "container not running");
  }
  await changeClass(context, container.record);
  const { facts, directory, unit } = cgroup;
  const resources = withLiveLimits(wanted, cgroup);
  const decision = decideCgroup(resources, facts, readCurrentMemory(facts, directory));
  const [refusal] = decision.refusals;
  if (refusal !== undefined) throw limitRefused(refusal);
  if (unit !== undefined) {
    requireOwnProcess(context.host, "conversations with systemd");
    (await import("../../runtime/systemd/mod.ts")).updateScope(cgroup, unit, resources);
  }
  const { warnings } = changeLiveGroup(cgroup, decision);
  for (const warning of warnings) log(context.log, "warning", warning);
  return 0;
}

/**
 * What there is to change. Device rules stay: engines send them along with whatever they change, and hooks may have added
 * some. Memory without a limit is memory and swap without one, unless something is said about their sum.
 */
function changed({ devices: _devices, memory, ...others }: OciResources): OciResources {
  if (memory === undefined) return others;
  const unlimited = (memory.limit ?? 0) < 0 && (memory.swap ?? 0) === 0;
  return { ...others, memory: unlimited ? { ...memory, swap: -1 } : memory };
}

/** `--l3-cache-schema` and `--mem-bw-schema`: what the container's class of Intel RDT may use. */
async function changeClass({ flags, host }: CommandContext, { resctrl }: ContainerRecord): Promise<void> {
  const [l3CacheSchema, memBwSchema] = [flags.text("l3-cache-schema"), flags.text("mem-bw-schema")];
  if (l3CacheSchema === undefined && memBwSchema === undefined) return;
  if (resctrl === undefined) {
    throw new TiffinError(
      "conflict",
      "runtime.no-resctrl",
      "the container has no class of Intel RDT: its configuration has no linux.intelRdt",
    );
  }
  requireOwnProcess(host, "resctrl");
  const { updateResctrl } = await import("../../runtime/resctrl-class.ts");
  updateResctrl(resctrl, {
    ...(l3CacheSchema !== undefined && { l3CacheSchema }),
    ...(memBwSchema !== undefined && { memBwSchema }),
  });
}

function wantedResources({ flags, host }: CommandContext): OciResources {
  const file = flags.text("resources");
  if (file === undefined) return resourcesOf(flags);
  const input = file === "-" ? readToEnd(new OwnedFd(0, "standard input"), limitDocumentBytes) : undefined;
  return decodeResources(input ?? readBytes(absolutePath(file, host), limitDocumentBytes));
}

const byteUnits: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
};

/** `64m`, `1.5GiB`, `-1`. */
function bytesOf(flags: Flags, name: string): number | undefined {
  const text = flags.text(name);
  if (text === undefined || text === "-1") return text === undefined ? undefined : -1;
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgtp]?)(?:i?b)?$/i.exec(text);
  const unit = own(byteUnits, match?.[2]?.toLowerCase() ?? "");
  if (match === null || unit === undefined)
    throw usage(`--${name} is ${JSON.stringify(text)}, wanted a number of bytes`);
  return Math.floor(Number(match[1]) * unit);
}

/** The entries that have a value; undefined when none has. */
function given<T extends Readonly<Record<string, number | string | undefined>>>(
  entries: T,
): { [K in keyof T]?: Exclude<T[K], undefined> } | undefined {
  const found = Object.entries(entries).filter(([, value]) => value !== undefined);
  // Object.fromEntries loses the keys' types; values are those of `entries` without undefined.
  return found.length === 0
    ? undefined
    : (Object.fromEntries(found) as { [K in keyof T]?: Exclude<T[K], undefined> });
}

function resourcesOf(flags: Flags): OciResources {
  const memory = given({
    limit: bytesOf(flags, "memory"),
    reservation: bytesOf(flags, "memory-reservation"),
    swap: bytesOf(flags, "memory-swap"),
    kernel: bytesOf(flags, "kernel-memory"),
    kernelTCP: bytesOf(flags, "kernel-memory-tcp"),
  });
  const cpu = given({
    shares: flags.number("cpu-share"),
    quota: flags.number("cpu-quota"),
    burst: flags.number("cpu-burst"),
    period: flags.number("cpu-period"),
    realtimeRuntime: flags.number("cpu-rt-runtime"),
    realtimePeriod: flags.number("cpu-rt-period"),
    cpus: flags.text("cpuset-cpus"),
    mems: flags.text("cpuset-mems"),
    idle: flags.number("cpu-idle"),
  });
  const pids = given({ limit: flags.number("pids-limit") });
  const blockIO = given({ weight: flags.number("blkio-weight") });
  return {
    ...(memory !== undefined && { memory }),
    ...(cpu !== undefined && { cpu }),
    ...(pids !== undefined && { pids }),
    ...(blockIO !== undefined && { blockIO }),
  };
}
