/**
 * /proc, and everything that is written below a /proc: sysctls, oom_score_adj. Writes go through a procfs that
 * is still detached, so nothing that an image or a volume brings can stand between the path and the kernel's
 * file (CVE-2025-52881).
 */
import { slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { mountAttributes } from "../linux/mount-flags.ts";
import { attach } from "./attach-mount.ts";
import { type Compilation, hasUserNamespace } from "./compilation.ts";
import { makeFileSystem } from "./file-systems.ts";
import { supervisorMarks } from "./marks.ts";
import type { MountContext } from "./mount-context.ts";
import { readMountOptions } from "./mount-request.ts";
import { mayExceed } from "./process.ts";
import { sysctlPath } from "./sysctl-path.ts";

const utf8 = new TextEncoder();

/** The specification's own /proc. Returns its slot. */
export function procFileSystem(compilation: Compilation, context: MountContext): number {
  const { facts, namespaces } = compilation;
  if ((hasUserNamespace(compilation) || facts.identity.inUserNamespace) && !namespaces.has("pid")) {
    throw new TiffinError(
      "invalid",
      "plan.proc-of-host",
      `${context.cause}: from a user namespace, a proc of the host's pid namespace cannot be mounted`,
      { remedy: 'add {"type": "pid"} to linux.namespaces, or bind /proc' },
    );
  }
  const proc = makeFileSystem(compilation, context);
  // With parameters such as subset=pid it may lack the files that must be written.
  if (context.request.parameters.length === 0) writeSettings(compilation, proc);
  attach(compilation, context, proc);
  return proc;
}

/** The settings, when the specification has no plain /proc through which they were written already. */
export function writeSettingsWithoutProc(compilation: Compilation): void {
  if (settings(compilation).length === 0) return;
  const written = (compilation.spec.mounts ?? []).some(
    ({ type, destination, options }) =>
      type === "proc" &&
      destination.replace(/\/+$/, "") === "/proc" &&
      readMountOptions(options ?? []).parameters.length === 0,
  );
  if (!written) writeSettings(compilation, privateProc(compilation));
}

/** A procfs that is never attached; where none may be made, the host's, still under its own path. */
function privateProc({ builder, facts, namespaces, open }: Compilation): number {
  const out = builder.slot();
  const cause = "linux.sysctl";
  if ((namespaces.has("user") || facts.identity.inUserNamespace) && !namespaces.created.has("pid")) {
    const flags = open.path | open.directory | open.closeOnExec;
    builder.child(
      { op: "open", fields: { out, dir: slotNone, path: "/proc", flags, mode: 0, resolve: 0 } },
      cause,
    );
    return out;
  }
  const { noSuid, noDevices, noExec } = mountAttributes;
  const attributes = noSuid | noDevices | noExec;
  builder.child(
    { op: "fsMount", fields: { out, type: "proc", source: "proc", options: [], attributes } },
    cause,
    "private proc",
  );
  return out;
}

interface Setting {
  readonly path: string;
  readonly value: string;
  readonly cause: string;
}

function settings(compilation: Compilation): Setting[] {
  const { linux, process } = compilation;
  const list: Setting[] = Object.entries(linux.sysctl ?? {}).map(([key, value]) => ({
    path: `sys/${sysctlPath(key)}`,
    value,
    cause: `linux.sysctl[${key}]`,
  }));
  const score = process.oomScoreAdj;
  if (score !== undefined && !scoreBySupervisor(compilation)) {
    const allowed = allowedScore(compilation, score);
    if (allowed !== undefined) {
      list.push({ path: "self/oom_score_adj", value: String(allowed), cause: "process.oomScoreAdj" });
    }
  }
  return list;
}

function writeSettings(compilation: Compilation, proc: number): void {
  const { builder } = compilation;
  if (waitsForNetworkInSettings(compilation)) awaitNetwork(compilation);
  for (const { path, value, cause } of settings(compilation)) {
    builder.child(
      { op: "write", fields: { dir: proc, path, data: utf8.encode(value) } },
      cause,
      `/proc/${path}`,
    );
  }
}

/** `net.*` settings of a link need the link. */
function waitsForNetworkInSettings({ linux, options }: Compilation): boolean {
  return (
    options.network.kind === "new" && Object.keys(linux.sysctl ?? {}).some((key) => /^net[./]/.test(key))
  );
}

/** The child waits for the engine's wiring, unless it already did for its settings. */
export function awaitNetworkOnce(compilation: Compilation): void {
  if (compilation.options.network.kind !== "new" || waitsForNetworkInSettings(compilation)) return;
  awaitNetwork(compilation);
}

function awaitNetwork({ builder }: Compilation): void {
  builder.child({ op: "awaitPeer", fields: { mark: supervisorMarks.network } }, "network", "wired network");
}

/** The value that this host lets us set; undefined to leave it. */
function allowedScore({ builder, facts, options }: Compilation, score: number): number | undefined {
  if (options.exactLimits === true) return score;
  const own = facts.identity.oomScoreAdj;
  if (score >= own || mayExceed(facts)) return score;
  builder.warn(
    `oom_score_adj ${score} is below the engine's own ${own} and needs CAP_SYS_RESOURCE: not applied`,
  );
  return undefined;
}

/**
 * A score below the engine's needs the host's rights, which a child in a user namespace does not have. And its own
 * files in /proc are out of its reach there unless it is dumpable, which would open it to whoever shares the
 * namespaces.
 */
function scoreBySupervisor(compilation: Compilation): boolean {
  return hasUserNamespace(compilation);
}

/** The supervisor takes the score, lets the child inherit it, and goes back to its own. */
export function inheritScore(compilation: Compilation): void {
  const { builder, facts, process, open } = compilation;
  const score = process.oomScoreAdj;
  if (score === undefined || !scoreBySupervisor(compilation)) return;
  const allowed = allowedScore(compilation, score);
  if (allowed === undefined) return;
  const cause = "process.oomScoreAdj";
  const [file, path] = [builder.slot(), "/proc/self/oom_score_adj"];
  const flags = open.writeOnly | open.closeOnExec;
  builder.prepare(
    { op: "open", fields: { out: file, dir: slotNone, path, flags, mode: 0, resolve: 0 } },
    cause,
  );
  const score0 = { dir: file, path: null, data: utf8.encode(String(allowed)) };
  builder.prepare({ op: "write", fields: score0 }, cause, path);
  const own = { dir: file, path: null, data: utf8.encode(String(facts.identity.oomScoreAdj)) };
  builder.parent({ op: "write", fields: own }, cause, `${path} of the supervisor`);
}
