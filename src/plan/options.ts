/**
 * What the compiler needs besides the specification and the host's facts: everything that only the caller
 * knows, such as where the layers lie, who watches the process, and which descriptors will be handed over.
 */
import type { MountEntry } from "../linux/mountinfo.ts";
import type { SeccompProfile } from "../linux/seccomp.ts";
import type { LinuxSpec, OciHooks, OciIdMapping, OciNamespaceType } from "../oci/mod.ts";
import type { GroupsRule } from "./supplementary-groups.ts";

/** What an overlay reads from below. Paths are absolute host paths. */
export type LowerLayer =
  | { readonly kind: "directory"; readonly path: string }
  /**
   * The root of an image's file system, mounted by the caller and attached nowhere: the plan receives it as
   * `lower:<index>`. `path` is the file that holds the image, for people who read the plan. With `attached` the mount
   * is not received: it is at that place in the mount namespace that the plan receives as `layers`.
   */
  | { readonly kind: "image"; readonly path: string; readonly attached?: { readonly place: string } };

/** The name under which the layer `index` of an overlay is handed over. */
export const lowerSlotName = (index: number): string => `lower:${index}`;

/** The name under which the mount namespace is handed over that has layers attached. */
export const layersSlotName = "layers";

/** The name under which the file system is handed over that a container of limited size writes to. */
export const sizedSlotName = "writable";

/** Where the root file system comes from. Paths are absolute host paths. */
export type RootSource =
  | {
      readonly kind: "overlay";
      /** Uppermost first. */
      readonly lowers: readonly LowerLayer[];
      readonly upper: string;
      readonly work: string;
      /**
       * What is written is in a file system of limited size: the plan receives `writable`, a mount of it that nobody else has,
       * and `upper` and `work` are directories below its top. `place` is a directory that it can be attached over.
       */
      readonly sized?: { readonly place: string };
      /** Keep overlay's own attributes in user.* instead of trusted.* (no root on the host). */
      readonly userxattr?: boolean;
      /**
       * With a user namespace: show the layers' files with the owners shifted by the namespace's mapping, so that
       * one set of layers serves every mapping. The plan then receives `idmap:<mapping>` (see plan.ts). The upper
       * directory itself must belong to the mapping's root: it holds the ids of the host.
       */
      readonly idmap?: boolean;
      /**
       * What the container writes need not outlive a crash of the machine: nothing is synced, not even at the end of the
       * mount, which would hold up the exit of the container. The kernel refuses a second mount of the same work directory.
       */
      readonly volatile?: boolean;
    }
  | {
      readonly kind: "directory";
      readonly path: string;
      /** It is the top of the host itself, over which nothing can be attached that pivot_root would let go of. */
      readonly isTop?: boolean;
    };

export type NetworkSource =
  /** The plan receives `netns`, a namespace that is wired already. */
  | { readonly kind: "slot" }
  /** A new namespace; the supervisor stops at sync `syncIds.network` so that the engine can wire it. */
  | { readonly kind: "new" }
  /** As the specification says: the host's, or a path to join. */
  | { readonly kind: "host" };

export type Stdio =
  /** Three pipes; without `stdin` the program reads from the null device. */
  | { readonly kind: "pipes"; readonly stdin: boolean }
  /** A pseudo terminal of this many characters. */
  | { readonly kind: "terminal"; readonly rows: number; readonly columns: number }
  /** The plan receives `stdin`, `stdout` and `stderr` (OCI runtime: the caller's own). */
  | { readonly kind: "slots" };

export type Supervision =
  | {
      readonly kind: "supervise";
      /** Close stdin when the first attached client that sends it ends. */
      readonly stdinOnce: boolean;
      /** Write the log into the directory in slot `logs`. */
      readonly logs?: { readonly fileBytes: number; readonly files: number };
      /** The plan receives `record`, the preallocated exit record. */
      readonly record?: boolean;
      /** The plan receives `oom`, memory.oom_control (v1) or memory.events (v2) of the container. */
      readonly oom?: boolean;
      /** Connections that exist before the start; the plan receives `attach:0`, `attach:1` ... */
      readonly attachClients: readonly { readonly flags: number }[];
    }
  /** OCI runtime mode: the supervisor reports and goes. */
  | { readonly kind: "leave"; readonly waitExec: boolean };

/** A small file that the engine writes over the image's (hosts, hostname, resolv.conf). */
export interface InjectedFile {
  /** Absolute path in the container. */
  readonly path: string;
  readonly content: string;
  /** Permission bits. */
  readonly mode: number;
}

/** What the caller has found out about the source of `mounts[index]` of the specification. */
export interface BindSource {
  readonly kind: "file" | "directory";
  /** True: the caller holds it open and hands it over as slot `bind:<index>`. False: opened by its path. */
  readonly received?: boolean;
  /** What is received is a mount that is attached nowhere and nobody else's: it is attached itself, not a clone of it. */
  readonly detached?: boolean;
  /** MOUNT_ATTR_* that its mount has, for a runtime that mounts it again. */
  readonly has?: number;
  /** MOUNT_ATTR_* that its mount has and that cannot be taken off, nor the kind of access times changed. */
  readonly keeps?: number;
}

/** Sync points at which the supervisor waits for the engine's GO. */
export const syncIds = {
  /** The namespaces exist; the network may be wired. */
  network: 1,
  /** Everything is ready but the program has not started. */
  start: 2,
  /** The mounts are made and the old root is still there: links may be moved in, and the host's hooks run. */
  environment: 3,
  /** The user namespace exists and has no ids yet: the caller has its maps written. */
  idMaps: 4,
} as const;

/** How the process is confined, common to a start and an exec. */
export interface ProcessOptions {
  readonly stdio: Stdio;
  readonly supervise: Supervision;
  /** struct sock_filter array. The specification's seccomp section is compiled by the caller. */
  readonly seccompProgram?: Uint8Array;
  /** SECCOMP_FILTER_FLAG_* for it. */
  readonly seccompFlags?: number;
  /**
   * The filter asks somebody: the plan receives `seccomp-agent`, a connected stream socket, and sends the listener
   * there with this message. The filter is then installed before a hold, while the supervisor can still pass it on.
   */
  readonly seccompAgent?: { readonly message: Uint8Array; readonly pidOffsets: readonly number[] };
  /** Limits and scores that the host does not let us set are errors; else they are cut to what it lets us. */
  readonly exactLimits?: boolean;
  /** Wait at `syncIds.start` before the program is executed. */
  readonly holdBeforeExec?: boolean;
  /**
   * The end of an OCI `create`: the plan receives `start`, a listening unix socket, and the child waits for a
   * connection before its program, long after the supervisor has left.
   */
  readonly awaitStart?: boolean;
  /** With `awaitStart`: nothing will be executed, so the program need not be there. */
  readonly withoutProgram?: boolean;
  /**
   * The caller has no rights over the host's mounts (an ordinary user, the root of a user namespace), or wants those of a
   * mount namespace that it joins. They are cloned by the child, in its own namespace, instead of by the supervisor; an exec enters the user namespace
   * first of all.
   */
  readonly unprivileged?: boolean;
  /** Descriptors from 3 on that the program inherits; the plan receives `preserve:3`, `preserve:4` ... */
  readonly preserveFds?: number;
}

/** A hook, ready for the executor. */
export interface PlanHook {
  readonly path: string;
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
  /** What it reads from its stdin, with 10 bytes for the pid at `pidOffset`. */
  readonly input: Uint8Array;
  readonly pidOffset: number;
  /** 0: no limit. */
  readonly timeoutMs: number;
}

export interface ContainerOptions extends ProcessOptions {
  readonly id: string;
  /** Group in every hierarchy below which the container's own is made, e.g. `/tiffin`. Null: leave cgroups alone. */
  readonly cgroupParent: string | null;
  readonly rootfs: RootSource;
  /**
   * A directory of the host as attach point for an overlay inside the private mount namespace; what it holds is
   * only hidden there. `/dev` when absent, and always with a user namespace, whose root may not reach others, unless
   * `unprivileged`. A directory as root is attached at its own path, unless that is the top.
   */
  readonly workMount?: string;
  readonly network: NetworkSource;
  readonly files?: readonly InjectedFile[];
  /** A small PID 1 that reaps orphans and forwards signals. */
  readonly init?: boolean;
  /** By index into the specification's mounts; a bind without an entry is a directory, opened by its path. */
  readonly bindSources?: ReadonlyMap<number, BindSource>;
  /** Make a missing working directory, as Docker does. */
  readonly createWorkdir?: boolean;
  /** A limit that this host cannot keep is an error, as the OCI runtime specification wants it, and not a warning. */
  readonly refuseLimits?: boolean;
  /** The container's group in every hierarchy, instead of one below `cgroupParent` named by the id. */
  readonly cgroupDirectory?: string;
  /** False: keep the caller's session keyring. */
  readonly sessionKeyring?: boolean;
  /** Change the root without pivot_root, for a host that runs from its initial ram disk. The mounts of the host. */
  readonly noPivot?: readonly MountEntry[];
  /** Joined namespaces that another user namespace owns than the one that is joined with them. */
  readonly foreignNamespaces?: readonly OciNamespaceType[];
  /** Stop at `syncIds.environment` before the root changes. */
  readonly syncEnvironment?: boolean;
  /** Not this executor makes the container, but another runtime: see `compileForeign`. */
  readonly foreign?: ForeignRuntime;
  /** Hooks that run inside of the container's namespaces. */
  readonly hooks?: {
    readonly createContainer: readonly PlanHook[];
    readonly startContainer: readonly PlanHook[];
    /**
     * Where hooks find the container, if not at a place of the caller's: a file system that is mounted over `place` of the host, where
     * only the container's start sees it, with config.json and the directory `root` in it.
     */
    readonly bundle?: { readonly place: string; readonly root: string; readonly configuration: string };
  };
}

/** Another OCI runtime, which makes the container out of what the plan has prepared. */
export interface ForeignRuntime {
  /** The host's path of its program, and what stands before its command. */
  readonly program: string;
  readonly arguments: readonly string[];
  /** A directory of the host on which the bundle is mounted, where nobody but the runtime sees it. */
  readonly place: string;
  /** Programs that it is to run. */
  readonly hooks?: OciHooks;
  /** What the runtime is to filter system calls by. */
  readonly seccomp?: SeccompProfile;
}

/** The running container that an exec enters; the plan receives `pidfd` of its main process. */
export interface ExecTarget {
  /** The container's id, which names its session keyring. */
  readonly id: string;
  /** Namespaces that the container has of its own; `user` only when it is not the host's. */
  readonly namespaces: readonly OciNamespaceType[];
  /** It shares the caller's mount namespace: the plan receives `root`, the root directory of its main process. */
  readonly sharesMounts?: boolean;
  /** The container's mappings, when it has a user namespace. */
  readonly uidMappings?: readonly OciIdMapping[];
  readonly gidMappings?: readonly OciIdMapping[];
  /** Whether supplementary groups can be set there; "allowed" when absent. */
  readonly groups?: GroupsRule;
  /** cgroup v1 hierarchies in which it has a group, by name; the plan receives `cgroup:<name>` for each. */
  readonly cgroupHierarchies: readonly string[];
  /** It has a group in cgroup v2; the plan receives `cgroup`. */
  readonly cgroupV2: boolean;
  /** Owner group of its terminals (the devpts option `gid`); 5 when absent. */
  readonly terminalGid?: number;
  /** Execution domain of the container's programs. */
  readonly personality?: NonNullable<LinuxSpec["personality"]>;
}

export type ExecOptions = ProcessOptions;
