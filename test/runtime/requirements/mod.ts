/**
 * What the OCI runtime specification (1.3.0) demands of a runtime on Linux, sorted as its documents are, with the
 * cases that show it. What binds authors of configurations or other platforms is left out.
 * `docs/reference/conformance.md` is made from this table; `conformance.test.ts` keeps the two and the names of the
 * cases together.
 */
import { cgroupRequirements } from "./cgroups.ts";
import { configRequirements } from "./config.ts";
import { featureRequirements } from "./features.ts";
import { hookRequirements } from "./hooks.ts";
import { linuxRequirements } from "./linux.ts";
import { mountRequirements } from "./mounts.ts";
import { processRequirements } from "./process.ts";
import { rdtRequirements } from "./rdt.ts";
import type { Requirement } from "./row.ts";
import { runtimeRequirements } from "./runtime.ts";
import { seccompRequirements } from "./seccomp.ts";

export type { Requirement } from "./row.ts";

export const requirements: readonly Requirement[] = [
  ...runtimeRequirements,
  ...configRequirements,
  ...mountRequirements,
  ...processRequirements,
  ...hookRequirements,
  ...linuxRequirements,
  ...cgroupRequirements,
  ...rdtRequirements,
  ...seccompRequirements,
  ...featureRequirements,
];
