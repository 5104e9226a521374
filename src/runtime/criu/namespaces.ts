/** Namespaces of others that criu can put a restored container into, and the names under which they are handed over. */
import type { OciNamespaceType } from "../../oci/mod.ts";

export interface JoinableNamespace {
  readonly type: OciNamespaceType;
  /** Below /proc/PID/ns. */
  readonly file: string;
  /** The name between a checkpoint and its restore; that of other runtimes, whose images can be restored then. */
  readonly key: string;
}

export const joinableNamespaces: readonly JoinableNamespace[] = [
  { type: "network", file: "net", key: "extRootNetNS" },
  { type: "pid", file: "pid", key: "extRootPidNS" },
];
