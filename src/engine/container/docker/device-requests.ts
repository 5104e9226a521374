/** `DeviceRequests` of Docker's documents (`--gpus`, `--device VENDOR/CLASS=NAME`) as names of the Container Device Interface. Pure. */
import { isCdiName } from "../../../docker/cdi-name.ts";
import type { DeviceRequest } from "../../../docker/types/host-config.ts";
import { TiffinError } from "../../../lib/errors.ts";

const mostGpus = 1024;

/** Errors: `container.device-request`. */
export function cdiDevicesOf(requests: readonly DeviceRequest[]): string[] {
  return requests.flatMap((request) => {
    const { Driver = "", Count = 0, DeviceIDs = [], Capabilities = [] } = request;
    if (Driver === "cdi") {
      const wrong = DeviceIDs.find((id) => !isCdiName(id));
      if (wrong !== undefined)
        refuse(`invalid CDI device name ${JSON.stringify(wrong)}: wanted VENDOR/CLASS=NAME`);
      return [...DeviceIDs];
    }
    const isGpu = Capabilities.some((set) => set.includes("gpu"));
    if (!["", "nvidia"].includes(Driver) || !isGpu) {
      const sets = Capabilities.map((set) => `[${set.join(" ")}]`).join(" ");
      refuse(`could not select device driver "${Driver}" with capabilities: [${sets}]`);
    }
    if (Count !== 0 && DeviceIDs.length > 0) refuse("cannot set both Count and DeviceIDs on device request");
    if (Count > mostGpus) refuse(`cannot give ${Count} GPUs: wanted at most ${mostGpus}`);
    if (Count < 0) return ["nvidia.com/gpu=all"];
    const ids =
      DeviceIDs.length > 0 ? DeviceIDs : Array.from({ length: Count }, (_none, index) => `${index}`);
    const names = ids.map((id) => `nvidia.com/gpu=${id}`);
    const wrong = names.find((name) => !isCdiName(name));
    if (wrong !== undefined) refuse(`invalid device of a GPU request: ${JSON.stringify(wrong)}`);
    return names;
  });
}

function refuse(why: string): never {
  throw new TiffinError("invalid", "container.device-request", why);
}
