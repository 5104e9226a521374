/**
 * Whether a container can be what its specification says, before anything is made. Docker's words, because its clients
 * and their users know them; each message has a stable code of its own. Pure: the machine is an argument.
 */
import { TiffinError } from "../../../lib/errors.ts";
import type { HostFacts } from "../../../linux/host-facts.ts";
import { checkLife } from "./check-life.ts";
import { checkNetwork } from "./check-network.ts";
import { checkProcess } from "./check-process.ts";
import { checkResources } from "./check-resources.ts";
import { checkRuntime } from "./check-runtime.ts";
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
  checkStorage(specification, facts);
  checkMounts(specification.mounts);
  checkLife(specification);
  checkRuntime(specification);
  return warnings;
}

const leastStorageBytes = 64 * 1024;
/** What ext4 takes with blocks of 4096 bytes. */
const mostStorageBytes = 8 * 1024 ** 4;

function checkStorage({ storageBytes }: ContainerSpecification, { features, identity }: HostFacts): void {
  if (storageBytes === undefined) return;
  if (storageBytes < leastStorageBytes || storageBytes > mostStorageBytes) {
    refuse(
      "storage-size",
      `invalid storage size ${storageBytes}: found ${storageBytes} bytes, wanted ${leastStorageBytes} to ${mostStorageBytes}`,
    );
  }
  if (features.loopDevices && !identity.inUserNamespace) return;
  const why = identity.inUserNamespace
    ? "in a user namespace no file system can be mounted from a file"
    : "the host has no loop devices";
  throw new TiffinError(
    "unavailable",
    "container.storage-size-impossible",
    `cannot limit the size of a container to ${storageBytes} bytes: ${why}`,
    identity.inUserNamespace ? {} : { remedy: "load the module loop (Linux 5.8 or newer)" },
  );
}
