/** Networks. */
import type { NetworkBackend } from "../backend.ts";
import type { Handlers } from "../handler.ts";
import { wishesOf } from "./explain-wishes.ts";

type Names =
  | "networkList"
  | "networkInspect"
  | "networkCreate"
  | "networkRemove"
  | "networkConnect"
  | "networkDisconnect"
  | "networkPrune"
  | "explainNetwork";

export function networkHandlers(networks: NetworkBackend): Pick<Handlers, Names> {
  return {
    networkList: ({ query }) => networks.list(query.filters ?? {}),
    networkInspect: ({ params, query }) => networks.inspect(params.id, { scope: query.scope ?? "" }),
    networkCreate: ({ body }) => networks.create(body),
    networkRemove: ({ params }) => networks.remove(params.id),
    networkConnect: ({ params, body }) => networks.connect(params.id, body),
    networkDisconnect: ({ params, body }) => networks.disconnect(params.id, body),
    explainNetwork: ({ params, query }) => networks.explain(params.id, wishesOf(query)),
    networkPrune: ({ query }) => networks.prune(query.filters ?? {}),
  };
}
