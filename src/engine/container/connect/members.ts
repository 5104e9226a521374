/** The containers of a network. */
import type { Member, Network } from "../../network/mod.ts";
import { heldBy, wantedBy } from "../view/mod.ts";
import type { ConnectContext } from "./context.ts";

/** Those that are in it, and those that will be when they run. */
export function membersOf({ registry }: Pick<ConnectContext, "registry">, network: Network): Member[] {
  const members: Member[] = [];
  for (const container of registry.all()) {
    if (!wantedBy(container).some((wanted) => wanted.network === network.name)) continue;
    const { id: containerId, name, state } = container;
    const endpoint = heldBy(state).endpoints.find((each) => each.network === network.id);
    members.push({ containerId, name, endpoint });
  }
  return members;
}
