/** What a container may do: capabilities, devices, masked paths, sysctls, whose namespaces it shares. Pure. */
import { capabilityNames } from "../../../linux/capabilities.ts";
import { checkSysctl } from "../../../plan/mod.ts";
import { within } from "./check-resources.ts";
import { namespaceKinds } from "./namespaces.ts";
import { refuse } from "./refuse.ts";
import type { ContainerSpecification } from "./specification.ts";
import { shown, validatePath } from "./words.ts";

const knownCapabilities: readonly string[] = capabilityNames;

export function checkSecurity(specification: ContainerSpecification): void {
  const { security, namespaces, network, annotations } = specification;
  for (const name of security.capabilities) {
    if (!knownCapabilities.includes(name)) refuse("capability", `unknown capability: ${shown(name)}`);
  }
  for (const path of [...security.maskedPaths, ...security.readonlyPaths]) {
    validatePath("system path", path);
    if (!path.startsWith("/")) refuse("system-path", `invalid system path ${path}: it needs to be absolute`);
  }
  if (security.privileged && namespaces.user === "private") {
    refuse(
      "privileged-userns",
      "privileged mode is incompatible with user namespaces. You must run the container in the host namespace when running privileged mode",
    );
  }
  if (namespaces.user === "private" && (network.kind === "host" || namespaces.pid.kind === "host")) {
    refuse(
      "userns-host",
      "cannot share the host's network or PID namespaces when user namespaces are enabled",
    );
  }
  if (security.writableCgroups === true && namespaces.cgroup === "host" && !security.privileged) {
    // It would see the whole tree, and could take off the limits of everybody.
    refuse("writable-cgroups", "writable-cgroups needs a cgroup namespace of the container's own");
  }
  checkDevices(specification);
  for (const [name, value] of Object.entries(annotations)) {
    if (name === "") refuse("annotation", `invalid annotation ${shown(`=${value}`)}: its name is empty`);
  }
  const kinds = new Set<string>(namespaceKinds(specification));
  for (const key of Object.keys(security.sysctls)) checkSysctl(key, kinds);
}

const largestDeviceNumber = 2 ** 32 - 1;

function checkDevices({ devices, deviceRules }: ContainerSpecification): void {
  for (const { hostPath, path, access } of devices) {
    if (hostPath === "") refuse("device-path", "invalid device: its path on the host is empty");
    validatePath("device", hostPath);
    validatePath("device in the container", path);
    if (!/^[rwm]{1,3}$/.test(access)) refuse("device-access", `invalid device permissions: ${access}`);
  }
  for (const { access, major = 0, minor = 0 } of deviceRules) {
    within("device-rule", "device number", Math.max(major, minor), 0, largestDeviceNumber);
    if (!/^[rwm]{1,3}$/.test(access)) refuse("device-rule", `invalid device permissions: ${access}`);
  }
}
