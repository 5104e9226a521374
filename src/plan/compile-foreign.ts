/**
 * The plan of a container that another OCI runtime makes. The executor prepares all that it prepares for its own: groups
 * with limits, the root, the sources of binds, namespaces that are joined, streams. It mounts them as a bundle in a mount
 * namespace that only the runtime is in, calls the runtime there, and takes over the process that this has started. So
 * the host never sees a mount or a file of it, and what looks after the container afterwards knows no difference.
 */
import { missingTarget, slotNone } from "../abi/schema.ts";
import { cloneFlags } from "../linux/clone-flags.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { mountAttributes, openTreeFlags } from "../linux/mount-flags.ts";
import { prctlOptions } from "../linux/prctl.ts";
import type { RuntimeSpec } from "../oci/mod.ts";
import { beginCompilation } from "./begin-compilation.ts";
import { bindKind, detachedBind } from "./bind-mounts.ts";
import { compileCgroupHostOps } from "./cgroups.ts";
import type { Compilation } from "./compilation.ts";
import { cleanPath } from "./container-path.ts";
import { bundle, bundleConfiguration, filesToCover, type ReadyBind } from "./foreign-bundle.ts";
import type { MountContext } from "./mount-context.ts";
import { readMountOptions } from "./mount-request.ts";
import { namespaceFlag, openJoined } from "./namespaces.ts";
import type { ContainerOptions, ForeignRuntime } from "./options.ts";
import type { Plan } from "./plan.ts";
import { isolateMounts } from "./private-mounts.ts";
import { prepareRoot } from "./root.ts";
import { connectStdio, noEnds, type SupervisorEnds } from "./stdio.ts";
import { finishParent, holdChild, holdParent } from "./supervise.ts";

type ForeignOptions = ContainerOptions & { readonly foreign: ForeignRuntime };

const cause = "runtime";
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** A detached mount and its place in the bundle. */
interface Part {
  readonly slot: number;
  readonly name: string;
  readonly kind: "file" | "directory";
  readonly cause: string;
}

export function compileForeign(spec: RuntimeSpec, facts: HostFacts, options: ForeignOptions): Plan {
  const compilation = beginCompilation(spec, facts, options);
  const { builder, process } = compilation;
  compileCgroupHostOps(compilation);
  const subreaper = { option: prctlOptions.setChildSubreaper, value: 1 };
  builder.prepare({ op: "prctl", fields: subreaper }, cause, "child_subreaper");
  const { parts, binds } = prepareBinds(compilation);
  parts.push(...prepareNamespaces(compilation));
  const directory = makeBundle(compilation, binds);
  const root = prepareRoot(compilation);
  const listener = openConsole(compilation, directory);

  isolateMounts(compilation);
  mountBundle(compilation, options.foreign, { directory, root }, parts);
  const workingDirectory = cleanPath(process.cwd);
  if (options.createWorkdir === true && workingDirectory !== "/") {
    const fields = { root, path: workingDirectory, mode: 0o755, uid: 0, gid: 0 };
    builder.child({ op: "mkdir", fields }, "process.cwd");
  }
  const ends = connect(compilation);
  callRuntime(compilation, options.foreign, directory);

  holdParent(builder, { ...options, holdBeforeExec: true });
  takeOver(compilation, { directory, root, listener });
  finishParent(builder, options, ends);
  builder.prepare(
    { op: "clone", fields: { flags: cloneFlags.newMount, cgroup: slotNone } },
    cause,
    options.foreign.program,
  );
  return builder.finish();
}

/** The sources of binds, as they are to be seen. */
function prepareBinds(compilation: Compilation): {
  readonly parts: Part[];
  readonly binds: ReadonlyMap<number, ReadyBind>;
} {
  const parts: Part[] = [];
  const binds = new Map<number, ReadyBind>();
  for (const [index, mount] of (compilation.spec.mounts ?? []).entries()) {
    const request = readMountOptions(mount.options ?? []);
    if (request.bind === "no" && mount.type !== "bind") continue;
    const context: MountContext = {
      index,
      mount,
      destination: cleanPath(mount.destination),
      request,
      root: slotNone,
      cause: `mounts[${index}]`,
    };
    const slot = detachedBind(compilation, context, mount.source ?? "");
    parts.push({
      slot,
      name: bundle.mount(index),
      kind: bindKind(compilation, context),
      cause: context.cause,
    });
    const { own, tree } = request;
    const had = compilation.options.bindSources?.get(index)?.has ?? 0;
    const attributes = (had & ~own.clear & ~tree.clear) | own.set | tree.set;
    binds.set(index, { kind: request.bind === "single" ? "bind" : "rbind", attributes });
  }
  return { parts, binds };
}

/** Namespaces that exist are bound as files, which is how a runtime is told of them. */
function prepareNamespaces(compilation: Compilation): Part[] {
  const { builder, namespaces } = compilation;
  return [...namespaces.joined].map(([type, where]) => {
    const slot = builder.slot();
    const fields = {
      out: slot,
      dir: openJoined(compilation, type, where),
      path: null,
      flags: openTreeFlags.clone | openTreeFlags.closeOnExec,
    };
    builder.prepare({ op: "openTree", fields }, "linux.namespaces", `${type} namespace`);
    return { slot, name: bundle.namespace(type), kind: "file", cause: "linux.namespaces" };
  });
}

/** Its file system, with all files that are known now. */
function makeBundle(compilation: Compilation, binds: ReadonlyMap<number, ReadyBind>): number {
  const { builder } = compilation;
  const out = builder.slot();
  const attributes = mountAttributes.noSuid | mountAttributes.noDevices | mountAttributes.noExec;
  const options = ["mode=0700", "size=64m"];
  builder.prepare(
    { op: "fsMount", fields: { out, type: "tmpfs", source: "tiffin", options, attributes } },
    cause,
    "bundle",
  );
  const file = (name: string, mode: number, text: string, why: string): void => {
    const fields = { root: out, path: name, mode, uid: 0, gid: 0, content: new TextEncoder().encode(text) };
    builder.prepare({ op: "createFile", fields }, why, name);
  };
  for (const [index, { content, mode }] of filesToCover(compilation).entries()) {
    file(bundle.file(index), mode, content, "files");
  }
  file(bundle.configuration, 0o600, bundleConfiguration(compilation, binds), cause);
  return out;
}

function openConsole({ builder, options }: Compilation, directory: number): number {
  if (options.stdio.kind !== "terminal") return slotNone;
  const out = builder.slot();
  builder.prepare(
    { op: "listen", fields: { out, dir: directory, path: bundle.console } },
    "process.terminal",
  );
  return out;
}

function mountBundle(
  { builder }: Compilation,
  { place }: ForeignRuntime,
  { directory, root }: { readonly directory: number; readonly root: number },
  parts: readonly Part[],
): void {
  const attach = (mount: number, below: number, at: string, create: number, why: string): void => {
    builder.child(
      { op: "moveMount", fields: { mount, root: below, path: at, create, mode: 0o700 } },
      why,
      at,
    );
  };
  attach(directory, slotNone, place, missingTarget.refuse, cause);
  attach(root, directory, bundle.root, missingTarget.directory, "root");
  for (const { slot, name, kind, cause: why } of parts) {
    attach(slot, directory, name, kind === "file" ? missingTarget.file : missingTarget.directory, why);
  }
}

/** What the runtime has as its streams is what the program gets; with a terminal it needs none itself. */
function connect(compilation: Compilation): SupervisorEnds {
  const { builder, options, open, process } = compilation;
  const dev = builder.slot();
  const flags = open.path | open.directory | open.closeOnExec;
  builder.child(
    { op: "open", fields: { out: dev, dir: slotNone, path: "/dev", flags, mode: 0, resolve: 0 } },
    "no stdin",
    "/dev of the host",
  );
  const { stdio } = options;
  if (stdio.kind !== "terminal") {
    const { uid, gid } = process.user;
    return connectStdio({ builder, stdio, owner: { uid, gid }, open, dev });
  }
  const slot = builder.slot();
  const fields = {
    out: slot,
    dir: dev,
    path: "null",
    flags: open.readWrite | open.closeOnExec,
    mode: 0,
    resolve: 0,
  };
  builder.child({ op: "open", fields }, "process.terminal", "/dev/null");
  for (const fd of [0, 1, 2]) builder.child({ op: "dup2", fields: { slot, fd } }, "process.terminal");
  return noEnds;
}

/**
 * It is called twice, as the process may end as soon as it runs, and whoever is its parent then hears of that: between the two
 * calls it becomes the supervisor's.
 */
function callRuntime(
  { builder, options }: Compilation,
  { program, arguments: first, place }: ForeignRuntime,
  directory: number,
): void {
  builder.child({ op: "chdir", fields: { path: place } }, cause, "bundle");
  builder.child({ op: "setsid", fields: {} }, "a session of its own");
  const words = (...command: readonly string[]): string[] => [
    program,
    ...["--root", `${place}/${bundle.state}`, "--log", `${place}/${bundle.log}`, "--log-format", "json"],
    ...first,
    ...command,
    options.id,
  ];
  // Relative: the address of a socket is short.
  const terminal = options.stdio.kind === "terminal" ? ["--console-socket", bundle.console] : [];
  const environment = [path];
  const create = words("create", "--bundle", place, "--pid-file", `${place}/${bundle.pid}`, ...terminal);
  const fields = { path: program, arguments: create, environment, dir: directory, logFile: bundle.log };
  builder.child({ op: "run", fields }, cause);
  holdChild(builder, { ...options, holdBeforeExec: true }, []);
  builder.child({ op: "closeFrom", fields: { first: 3 } }, "no descriptor leaks in");
  const exec = { candidates: [program], arguments: words("start"), environment };
  builder.child({ op: "exec", fields: exec }, cause);
}

function takeOver(
  { builder, namespaces }: Compilation,
  {
    directory,
    root,
    listener,
  }: { readonly directory: number; readonly root: number; readonly listener: number },
): void {
  let flags = 0;
  for (const type of namespaces.created) flags |= namespaceFlag(type);
  builder.parent(
    {
      op: "adopt",
      fields: { flags, dir: directory, pidFile: bundle.pid, logFile: bundle.log, root, listener },
    },
    cause,
  );
}
