/** Which namespaces a container has apart from the host, new or another container's. */
import type { OciNamespaceType } from "../../../oci/mod.ts";
import type { ContainerSpecification } from "./specification.ts";

export function namespaceKinds({ namespaces, network }: ContainerSpecification): OciNamespaceType[] {
  const { pid, ipc, uts, cgroup, user, time } = namespaces;
  const apart: readonly (readonly [OciNamespaceType, boolean])[] = [
    ["mount", true],
    ["network", network.kind !== "host"],
    ["pid", pid.kind !== "host"],
    ["ipc", ipc.kind !== "host"],
    ["uts", uts === "private"],
    ["cgroup", cgroup === "private"],
    ["user", user === "private"],
    ["time", time !== null],
  ];
  return apart.filter(([, own]) => own).map(([kind]) => kind);
}
