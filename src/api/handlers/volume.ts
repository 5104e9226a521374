/** Volumes. */
import type { VolumeBackend } from "../backend.ts";
import type { Handlers } from "../handler.ts";

type Names = "volumeList" | "volumeCreate" | "volumeInspect" | "volumeRemove" | "volumePrune";

export function volumeHandlers(volumes: VolumeBackend): Pick<Handlers, Names> {
  return {
    volumeList: ({ query }) => volumes.list(query.filters ?? {}),
    volumeCreate: ({ body }) => volumes.create(body),
    volumeInspect: ({ params }) => volumes.inspect(params.name),
    volumeRemove: ({ params, query }) => volumes.remove(params.name, { force: query.force ?? false }),
    volumePrune: ({ query }) => volumes.prune(query.filters ?? {}),
  };
}
