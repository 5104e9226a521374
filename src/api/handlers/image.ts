/** Images. */
import type { ImageBackend } from "../backend.ts";
import type { Handlers } from "../handler.ts";

type Names = "imageList" | "imageInspect" | "imageHistory" | "imageTag" | "imagePrune" | "imageRemove";

export function imageHandlers(images: ImageBackend): Pick<Handlers, Names> {
  return {
    imageList: ({ query }) =>
      images.list({
        all: query.all ?? false,
        digests: query.digests ?? false,
        sharedSize: query["shared-size"] ?? false,
        filters: query.filters ?? {},
      }),
    imageInspect: ({ params }) => images.inspect(params.name),
    imageHistory: ({ params }) => images.history(params.name),
    imageTag: ({ params, query }) =>
      images.tag(params.name, { repository: query.repo ?? "", tag: query.tag }),
    imagePrune: ({ query }) => images.prune(query.filters ?? {}),
    imageRemove: ({ params, query }) =>
      images.remove(params.name, { force: query.force ?? false, keepParents: query.noprune ?? false }),
  };
}
