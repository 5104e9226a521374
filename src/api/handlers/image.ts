/** Images. */
import type { ImageBackend } from "../backend.ts";
import type { Handlers } from "../handler.ts";
import { progressLines } from "../progress-lines.ts";

type Names =
  | "imageList"
  | "imageInspect"
  | "imageHistory"
  | "imageCheck"
  | "imageTag"
  | "imageLoad"
  | "imageSave"
  | "imageSaveAll"
  | "imageCreate"
  | "imagePush"
  | "imageSearch"
  | "distributionInspect"
  | "registryManifests"
  | "registryPutManifests"
  | "auth"
  | "imagePrune"
  | "imageRemove";

/** Absent and empty mean the same. */
function given(text: string | undefined): string | undefined {
  return text === "" ? undefined : text;
}

export function imageHandlers(
  images: ImageBackend,
  onFault: (error: unknown) => void,
): Pick<Handlers, Names> {
  return {
    imageList: ({ query }) =>
      images.list({
        all: query.all ?? false,
        digests: query.digests ?? false,
        sharedSize: query["shared-size"] ?? false,
        filters: query.filters ?? {},
      }),
    imageInspect: ({ params, query }) => images.inspect(params.name, { platform: given(query.platform) }),
    imageHistory: ({ params, query }) => images.history(params.name, { platform: given(query.platform) }),
    imageCheck: ({ query }) => images.check(query.names ?? []),
    imageTag: ({ params, query }) =>
      images.tag(params.name, { repository: query.repo ?? "", tag: query.tag }),
    imageLoad: ({ query, body }) => {
      const request = { quiet: query.quiet ?? false, platform: given(query.platform) };
      return progressLines((report) => images.load(request, body, report), onFault);
    },
    imageSaveAll: async ({ query }) => ({
      bytes: await images.save(query.names ?? [], { platform: given(query.platform) }),
      fields: {},
    }),
    imageSave: async ({ params, query }) => ({
      bytes: await images.save([params.name], { platform: given(query.platform) }),
      fields: {},
    }),
    imageCreate: async ({ query, headers, body, signal }) => {
      const { fromSrc = "", repo = "", tag = "", message = "", changes = [] } = query;
      const platform = given(query.platform);
      const name = given(query.fromImage);
      if (name !== undefined) {
        const pull = { name, tag: given(tag), platform, auth: headers["x-registry-auth"] };
        return await progressLines((report) => images.pull(pull, report, signal), onFault);
      }
      const request = { source: fromSrc, repository: repo, tag, message, changes, platform };
      return await progressLines((report) => images.import(request, body, report, signal), onFault);
    },
    imagePush: ({ params, query, headers, signal }) => {
      const auth = headers["x-registry-auth"];
      const push = { name: params.name, tag: given(query.tag), platform: given(query.platform), auth };
      return progressLines((report) => images.push(push, report, signal), onFault);
    },
    imageSearch: ({ query, headers, signal }) =>
      images.search(
        {
          term: query.term ?? "",
          limit: query.limit,
          filters: query.filters ?? {},
          auth: headers["x-registry-auth"],
        },
        signal,
      ),
    distributionInspect: ({ params, headers, signal }) =>
      images.inspectDistribution(params.name, headers["x-registry-auth"], signal),
    registryManifests: ({ params, query, headers, signal }) =>
      images.registryManifests(
        {
          name: params.name,
          contents: query.contents ?? false,
          insecure: query.insecure ?? false,
          auth: headers["x-registry-auth"],
        },
        signal,
      ),
    registryPutManifests: ({ params, query, headers, body, signal }) =>
      images.pushManifestList(
        {
          name: params.name,
          list: body,
          insecure: query.insecure ?? false,
          auth: headers["x-registry-auth"],
        },
        signal,
      ),
    auth: ({ body, signal }) => images.logIn(body, signal),
    imagePrune: ({ query }) => images.prune(query.filters ?? {}),
    imageRemove: ({ params, query }) =>
      images.remove(params.name, {
        force: query.force ?? false,
        keepParents: query.noprune ?? false,
        platforms: query.platforms ?? [],
      }),
  };
}
