/** What tests of whole networks share: a container's place without the container, and a failure at a chosen step. */
import { TiffinError } from "../../../lib/errors.ts";
import type { LiveContainer, NetworkStep, Networks, Place, PlaceRequest } from "../model.ts";

export interface Started extends Place {
  readonly live: LiveContainer;
}

/** Its namespace is among `opened`, to be closed after the test. */
export async function startIn(
  networks: Networks,
  opened: Disposable[],
  containerId: string,
  request: PlaceRequest,
): Promise<Started> {
  const place = await networks.acquire(containerId, request);
  opened.push(place.netns);
  return { ...place, live: { containerId, endpoints: place.endpoints, ports: place.ports } };
}

export class Failpoint {
  at: NetworkStep | undefined;

  readonly fail = (step: NetworkStep): void => {
    if (step === this.at) throw new TiffinError("internal", "test.failpoint", `failing at ${step}`);
  };
}
