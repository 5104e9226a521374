/**
 * What a plan is. Pure data: it can be printed, diffed, turned into a shell script, encoded for the executor.
 */
import type { OpFields, OpName, Stage } from "../abi/schema.ts";

/** An executor operation before encoding. `op` discriminates. */
export type WireOp = {
  [N in OpName]: { readonly op: N; readonly stage: Stage; readonly fields: OpFields<N> };
}[OpName];

/** Why an op is in the plan, for people: shown by `explain` and in the error of a failed start. */
export interface Explanation {
  /** The setting that asked for it, e.g. `process.cwd`, `mounts[3]`, `linux.maskedPaths`. */
  readonly cause: string;
  /** The object it acts on, e.g. `/proc/kcore`. */
  readonly target: string;
  /** What takes it back: `mount namespace ends`, `process ends`, or the undoing call. */
  readonly inverse: string;
}

export type ProcessOp = WireOp & Explanation;

/** An operation that TypeScript itself performs on the host before (`apply`) and after (`inverse`) the container. */
export type HostOp = Explanation &
  (
    | { readonly op: "cgroupCreate"; readonly hierarchy: string; readonly directory: string }
    | {
        readonly op: "cgroupWrite";
        readonly hierarchy: string;
        readonly directory: string;
        readonly file: string;
        readonly value: string;
        /** A failure with one of these errnos is a warning, not the end (e.g. swap accounting is off). */
        readonly tolerate: readonly string[];
        readonly isOneOfSeveral?: true;
      }
    | {
        readonly op: "cgroupDeviceProgram";
        readonly directory: string;
        /** eBPF instructions for BPF_PROG_TYPE_CGROUP_DEVICE (cgroup v2). */
        readonly program: Uint8Array;
      }
  );

/** Their names, for whoever walks them all. */
export const hostOpNames = [
  "cgroupCreate",
  "cgroupWrite",
  "cgroupDeviceProgram",
] as const satisfies readonly HostOp["op"][];

/**
 * A descriptor that the caller of the executor hands over in START; the order is the slot order. Names:
 *
 *   netns             network namespace to join, wired by the engine
 *   pidfd             main process of the container that an exec enters
 *   cgroup            the container's cgroup v2 directory (O_DIRECTORY)
 *   cgroup:<name>     its cgroup v1 `tasks` file in hierarchy <name>, open for writing
 *   logs              log directory
 *   record            preallocated exit record, open for reading and writing
 *   oom               memory.oom_control (v1) or memory.events (v2), open for reading
 *   attach:<n>        n-th connection that exists before the start; made by the runtime
 *   layers            mount namespace that has the images attached which are layers of the overlay
 *   lower:<index>     root of the mounted image that is layer <index> of the overlay
 *   bind:<index>      source of `mounts[index]`, O_PATH
 *   idmap:<u>/<g>     a user namespace with exactly these mappings, each a comma-separated list of
 *                     containerID:hostID:size
 *   stdin, stdout, stderr, preserve:<fd>
 *                     descriptors that the program gets as they are
 */
export interface ReceivedSlot {
  readonly slot: number;
  readonly name: string;
}

export interface Plan {
  readonly receives: readonly ReceivedSlot[];
  readonly hostOps: readonly HostOp[];
  readonly ops: readonly ProcessOp[];
  /** Things asked for that this host cannot give and that Docker also lets pass, one sentence each. */
  readonly warnings: readonly string[];
}
