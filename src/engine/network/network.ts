import { TiffinError } from "../../lib/errors.ts";
import type { DefaultNetwork, NetworkOptions } from "./model.ts";

export function openNetwork(_options: NetworkOptions): Promise<DefaultNetwork> {
  return Promise.reject(
    new TiffinError("notImplemented", "network.absent", "the default network is being built"),
  );
}
