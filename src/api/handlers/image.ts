/** Images. */
import type { ImageBackend } from "../backend.ts";
import type { Handlers } from "../handler.ts";

export function imageHandlers(images: ImageBackend): Pick<Handlers, "imageList" | "imageInspect"> {
  return {
    imageList: ({ query }) =>
      images.list({
        all: query.all ?? false,
        digests: query.digests ?? false,
        sharedSize: query["shared-size"] ?? false,
        filters: query.filters ?? {},
      }),
    imageInspect: ({ params }) => images.inspect(params.name),
  };
}
