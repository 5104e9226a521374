/** The `linux` object of the OCI runtime specification (1.0 to 1.3), without its resources and seccomp parts. */
import type { OciIdMapping } from "./id-mapping.ts";
import type { OciResources } from "./resources.ts";
import type { OciSeccomp } from "./seccomp-spec.ts";

export const namespaceTypes = ["pid", "network", "mount", "ipc", "uts", "user", "cgroup", "time"] as const;
export type OciNamespaceType = (typeof namespaceTypes)[number];

export interface OciNamespace {
  readonly type: OciNamespaceType;
  /** A namespace file to join; absent: a new one. */
  readonly path?: string;
}

export interface OciDevice {
  /** `c`, `u` (character), `b` (block), `p` (fifo). */
  readonly type: "c" | "u" | "b" | "p";
  readonly path: string;
  readonly major?: number;
  readonly minor?: number;
  /** Permission bits; 0o666 when absent. */
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** Offsets of a new time namespace. */
export interface OciTimeOffset {
  readonly secs?: number;
  readonly nanosecs?: number;
}

export const propagationModes = ["shared", "slave", "private", "unbindable"] as const;
export type OciPropagation = (typeof propagationModes)[number] | `r${(typeof propagationModes)[number]}`;

export interface OciIntelRdt {
  readonly closID?: string;
  readonly schemata?: readonly string[];
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly enableMonitoring?: boolean;
}

export interface LinuxSpec {
  readonly namespaces?: readonly OciNamespace[];
  readonly uidMappings?: readonly OciIdMapping[];
  readonly gidMappings?: readonly OciIdMapping[];
  readonly timeOffsets?: { readonly monotonic?: OciTimeOffset; readonly boottime?: OciTimeOffset };
  readonly devices?: readonly OciDevice[];
  /** Host network devices to move in, by host name. */
  readonly netDevices?: Readonly<Record<string, { readonly name?: string }>>;
  readonly cgroupsPath?: string;
  readonly resources?: OciResources;
  readonly rootfsPropagation?: OciPropagation;
  readonly seccomp?: OciSeccomp;
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly mountLabel?: string;
  readonly intelRdt?: OciIntelRdt;
  readonly memoryPolicy?: {
    readonly mode: string;
    readonly nodes?: string;
    readonly flags?: readonly string[];
  };
  readonly personality?: { readonly domain: string; readonly flags?: readonly string[] };
}
