/**
 * Whether a container can be what its specification says, before anything is made. Docker's words, because its clients
 * and their users know them; each message has a stable code of its own. Pure: the machine is an argument.
 */
import type { HostFacts } from "../../../linux/host-facts.ts";
import { checkLife } from "./check-life.ts";
import { checkNetwork } from "./check-network.ts";
import { checkProcess } from "./check-process.ts";
import { checkResources } from "./check-resources.ts";
import { checkSecurity } from "./check-security.ts";
import { checkMounts } from "./mount-place.ts";
import { refuse } from "./refuse.ts";
import type { ContainerSpecification } from "./specification.ts";
import { refuseNul } from "./words.ts";

/** Returns warnings. Errors: `container.*`, kind `invalid`. */
export function checkSpecification(specification: ContainerSpecification, facts: HostFacts): string[] {
  // What the image says is in it too.
  refuseNul(specification);
  checkProcess(specification, facts.hostname);
  const warnings = checkResources(specification.resources, facts);
  checkNetwork(specification);
  checkSecurity(specification);
  if (specification.sharedMemoryBytes < 0) refuse("shm-size", "SHM size can not be less than 0");
  checkMounts(specification.mounts);
  checkLife(specification);
  return warnings;
}
