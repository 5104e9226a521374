/** `features`: the specification's document of what this runtime can do on this machine. */
import { probeOnDemand } from "../../../kernel/probe.ts";
import { capabilityNames } from "../../../linux/capabilities.ts";
import { knownMountOptions } from "../../../linux/mount-options.ts";
import {
  seccompActions,
  seccompArchitectures,
  seccompFlagNumbers,
  seccompOperators,
} from "../../../linux/seccomp.ts";
import { namespaceTypes } from "../../../oci/linux-spec.ts";
import { specificationVersion } from "../../../oci/version.ts";
import type { CommandContext } from "../command.ts";

const hooks = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"];
export function features({ host }: CommandContext): number {
  const facts = probeOnDemand();
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
        enabled: facts.features.seccompFilter && facts.security.libseccomp !== null,
        actions: Object.keys(seccompActions),
        operators: Object.keys(seccompOperators),
        archs: Object.keys(seccompArchitectures),
        knownFlags: flags,
        supportedFlags: flags,
      },
      apparmor: { enabled: true },
      selinux: { enabled: true },
      intelRdt: { enabled: false },
      mountExtensions: { idmap: { enabled: facts.features.idmappedMounts } },
      netDevices: { enabled: true },
    },
    annotations: { "dev.tiffin.runtime.version": host.version },
  };
  host.print(1, `${JSON.stringify(document, null, 2)}\n`);
  return 0;
}
