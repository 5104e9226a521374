/** `features`: the specification's document of what this runtime can do on this machine. */
import { probeOnDemand } from "../../kernel/probe.ts";
import { takesFilterFlag } from "../../kernel/seccomp-flags.ts";
import { capabilityNames } from "../../linux/capabilities.ts";
import { knownMountOptions } from "../../linux/mount-options.ts";
import {
  seccompActions,
  seccompArchitectures,
  seccompFlagNumbers,
  seccompOperators,
} from "../../linux/seccomp.ts";
import { namespaceTypes } from "../../oci/linux-spec.ts";
import { specificationVersion } from "../../oci/version.ts";
import { memoryPolicyWords } from "../../plan/scheduling.ts";
import type { CommandContext } from "../command.ts";

const hooks = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
/**
 * Annotations of config.json that change what this runtime does: callers must not pass them on from strangers. A dot at the
 * end stands for all that begin so.
 */
const unsafeAnnotations = ["org.criu.config", "org.systemd.property."];

/**
 * It tells about the program, not about the machine: only the seccomp library, which is looked for when it is needed, and
 * the flags that this kernel takes, are asked for.
 */
export function features({ host }: CommandContext): number {
  const { libseccomp } = probeOnDemand().security;
  const flags = Object.keys(seccompFlagNumbers);
  const document = {
    ociVersionMin: "1.0.0",
    ociVersionMax: specificationVersion,
    hooks,
    mountOptions: knownMountOptions(),
    linux: {
      namespaces: namespaceTypes.toSorted(),
      capabilities: capabilityNames,
      cgroup: { v1: true, v2: true, systemd: true, systemdUser: true, rdma: true },
      seccomp: {
        enabled: libseccomp !== null,
        actions: Object.keys(seccompActions),
        operators: Object.keys(seccompOperators),
        archs: Object.keys(seccompArchitectures),
        knownFlags: flags,
        supportedFlags: flags.filter((name) => takesFilterFlag(seccompFlagNumbers[name] ?? 0)),
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: true, schemata: true, monitoring: true },
      memoryPolicy: memoryPolicyWords,
      mountExtensions: { idmap: { enabled: true } },
      netDevices: { enabled: true },
    },
    annotations: {
      "dev.tiffin.runtime.version": host.version,
      "dev.tiffin.runtime.checkpoint.enabled": "true",
      ...(libseccomp !== null && { "io.github.seccomp.libseccomp.version": libseccomp }),
    },
    potentiallyUnsafeConfigAnnotations: unsafeAnnotations,
  };
  host.print(1, `${JSON.stringify(document, null, 2)}\n`);
  return 0;
}
