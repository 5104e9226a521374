/**
 * The OCI runtime specification's `config.json` for Linux (1.0 to 1.3), as types. Names are the
 * specification's own. Values that reach this type have been decoded (`decode/runtime-spec.ts`) or were
 * compiled by the engine; nothing here checks anything.
 */
import type { OciIdMapping } from "./id-mapping.ts";
import type { LinuxSpec } from "./linux-spec.ts";

/** `process.rlimits[]`. `type` is `RLIMIT_NOFILE` and so on; limits are in the resource's own unit. */
export interface OciRlimit {
  readonly type: string;
  readonly soft: RlimitValue;
  readonly hard: RlimitValue;
}

/** A number, or RLIM_INFINITY (2^64-1), which JSON numbers cannot carry exactly. */
export type RlimitValue = number | "unlimited";

export interface OciUser {
  readonly uid: number;
  readonly gid: number;
  /** File mode creation mask; 0o022 when absent. */
  readonly umask?: number;
  readonly additionalGids?: readonly number[];
}

/** The five sets, as names such as `CAP_CHOWN`. */
export interface OciCapabilities {
  readonly bounding?: readonly string[];
  readonly effective?: readonly string[];
  readonly inheritable?: readonly string[];
  readonly permitted?: readonly string[];
  readonly ambient?: readonly string[];
}

export interface OciScheduler {
  readonly policy: string;
  readonly nice?: number;
  readonly priority?: number;
  readonly flags?: readonly string[];
  readonly runtime?: number | bigint;
  readonly deadline?: number | bigint;
  readonly period?: number | bigint;
}

export interface OciProcess {
  readonly terminal?: boolean;
  /** Size of the terminal in characters. */
  readonly consoleSize?: { readonly height: number; readonly width: number };
  readonly user: OciUser;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  readonly cwd: string;
  readonly capabilities?: OciCapabilities;
  readonly rlimits?: readonly OciRlimit[];
  readonly noNewPrivileges?: boolean;
  readonly apparmorProfile?: string;
  readonly oomScoreAdj?: number;
  readonly selinuxLabel?: string;
  readonly scheduler?: OciScheduler;
  readonly ioPriority?: { readonly class: string; readonly priority?: number };
  readonly execCPUAffinity?: { readonly initial?: string; readonly final?: string };
}

export interface OciRoot {
  readonly path: string;
  readonly readonly?: boolean;
}

export interface OciMount {
  /** Absolute path in the container. */
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  /** Mount options as fstab writes them; with `bind` or `rbind` the source is a path of the host. */
  readonly options?: readonly string[];
  readonly uidMappings?: readonly OciIdMapping[];
  readonly gidMappings?: readonly OciIdMapping[];
}

export interface OciHook {
  readonly path: string;
  readonly args?: readonly string[];
  readonly env?: readonly string[];
  /** Seconds. */
  readonly timeout?: number;
}

export interface OciHooks {
  readonly prestart?: readonly OciHook[];
  readonly createRuntime?: readonly OciHook[];
  readonly createContainer?: readonly OciHook[];
  readonly startContainer?: readonly OciHook[];
  readonly poststart?: readonly OciHook[];
  readonly poststop?: readonly OciHook[];
}

export interface RuntimeSpec {
  readonly ociVersion: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly process?: OciProcess;
  readonly root?: OciRoot;
  readonly mounts?: readonly OciMount[];
  readonly hooks?: OciHooks;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly linux?: LinuxSpec;
}
