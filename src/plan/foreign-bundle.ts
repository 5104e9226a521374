/**
 * The bundle that another OCI runtime is given: which places it has, and its config.json. Whatever comes from the host is
 * mounted in the bundle by the plan, so the runtime gets no path that somebody could change meanwhile. Pure.
 */
import { formatExactJson } from "../lib/exact-json.ts";
import { mountAttributes } from "../linux/mount-flags.ts";
import { rlimitInfinity } from "../linux/rlimits.ts";
import type { OciMount, OciProcess, RlimitValue } from "../oci/mod.ts";
import type { Compilation } from "./compilation.ts";
import { cleanPath } from "./container-path.ts";
import type { InjectedFile } from "./options.ts";
import { keptLimits } from "./process.ts";

/** Names in the bundle. */
export const bundle = {
  configuration: "config.json",
  root: "rootfs",
  /** The runtime's own state. */
  state: "state",
  log: "log",
  pid: "pid",
  /** Where it sends the terminal to. */
  console: "console",
  mount: (index: number): string => `mount${index}`,
  file: (index: number): string => `file${index}`,
  namespace: (type: string): string => `namespace-${type}`,
} as const;

const propagations = ["private", "rprivate", "slave", "rslave", "shared", "rshared"];

const accessWords = [
  [mountAttributes.readOnly, "ro"],
  [mountAttributes.noSuid, "nosuid"],
  [mountAttributes.noDevices, "nodev"],
  [mountAttributes.noExec, "noexec"],
] as const;

/** A bind that the plan has made ready. */
export interface ReadyBind {
  readonly kind: "bind" | "rbind";
  /** MOUNT_ATTR_* that it has: some runtimes take all off that they are not told. */
  readonly attributes: number;
}

function preparedBind({ destination, options = [] }: OciMount, source: string, bind: ReadyBind): OciMount {
  const words = options.filter((word) => propagations.includes(word));
  const access = accessWords.filter(([bit]) => (bind.attributes & bit) !== 0).map(([, word]) => word);
  return { destination, type: "bind", source, options: [bind.kind, ...words, ...access] };
}

/** The injected files, unless something else is mounted there. */
export function filesToCover({ options, spec }: Compilation): readonly InjectedFile[] {
  const mounted = new Set((spec.mounts ?? []).map(({ destination }) => cleanPath(destination)));
  return (options.files ?? []).filter(({ path }) => !mounted.has(cleanPath(path)));
}

function mountsOf(compilation: Compilation, binds: ReadonlyMap<number, ReadyBind>): OciMount[] {
  const { spec } = compilation;
  const place = compilation.options.foreign?.place ?? "";
  const access = spec.root?.readonly === true ? "ro" : "rw";
  return [
    ...(spec.mounts ?? []).map((mount, index) => {
      const ready = binds.get(index);
      return ready === undefined ? mount : preparedBind(mount, `${place}/${bundle.mount(index)}`, ready);
    }),
    ...filesToCover(compilation).map(({ path }, index) => ({
      destination: cleanPath(path),
      type: "bind",
      source: `${place}/${bundle.file(index)}`,
      options: ["bind", "rprivate", access, "nosuid", "nodev", "noexec"],
    })),
  ];
}

function processOf(compilation: Compilation): unknown {
  const { process }: { readonly process: OciProcess } = compilation;
  const number = (value: RlimitValue): number | bigint => (value === "unlimited" ? rlimitInfinity : value);
  return {
    ...process,
    rlimits: keptLimits(compilation).map(({ type, soft, hard }) => ({
      type,
      soft: number(soft),
      hard: number(hard),
    })),
  };
}

/** config.json. Limits are not in it: they are on the group before the runtime is called, as for every container. */
export function bundleConfiguration(compilation: Compilation, binds: ReadonlyMap<number, ReadyBind>): string {
  const { spec, linux, cgroups, namespaces, options } = compilation;
  const { domainname = "", ...rest } = spec;
  const place = options.foreign?.place ?? "";
  const sysctl = {
    ...linux.sysctl,
    // Older runtimes know no domainname.
    ...(domainname !== "" && { "kernel.domainname": domainname }),
  };
  const listed = ["pid", "network", "ipc", "uts", "mount", "cgroup"] as const;
  return formatExactJson({
    ...rest,
    ociVersion: "1.0.2",
    process: processOf(compilation),
    root: { ...spec.root, path: bundle.root },
    mounts: mountsOf(compilation, binds),
    ...(options.foreign?.hooks !== undefined && { hooks: options.foreign.hooks }),
    linux: {
      ...linux,
      namespaces: listed
        .filter((type) => namespaces.has(type))
        .map((type) =>
          namespaces.joined.has(type) ? { type, path: `${place}/${bundle.namespace(type)}` } : { type },
        ),
      resources: { devices: linux.resources?.devices ?? [] },
      ...(cgroups.directory !== null && { cgroupsPath: cgroups.directory }),
      ...(Object.keys(sysctl).length > 0 && { sysctl }),
      ...(options.foreign?.seccomp !== undefined && { seccomp: options.foreign.seccomp }),
    },
  });
}
