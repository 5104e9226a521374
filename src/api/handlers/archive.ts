/** What a container's files are and were, and images made of them; copies between a container's file system and a client. */
import { TiffinError } from "../../lib/errors.ts";
import type { ContainerFilesBackend } from "../backend.ts";
import type { Handlers } from "../handler.ts";

type Names =
  | "containerArchiveHead"
  | "containerArchiveGet"
  | "containerArchivePut"
  | "containerExport"
  | "containerChanges"
  | "commit";

function pathOf(query: { readonly path?: string | undefined }): string {
  if (query.path !== undefined && query.path !== "") return query.path;
  throw new TiffinError("invalid", "api.archive-path", 'bad parameter: "path" cannot be empty');
}

export function archiveHandlers(containers: ContainerFilesBackend): Pick<Handlers, Names> {
  return {
    containerArchiveHead: async ({ params, query }) => ({
      "x-docker-container-path-stat": await containers.statPath(params.name, pathOf(query)),
    }),
    containerArchiveGet: async ({ params, query }) => {
      const { status, bytes } = await containers.getArchive(params.name, pathOf(query));
      return { bytes, fields: { "x-docker-container-path-stat": status } };
    },
    containerArchivePut: ({ params, query, body }) =>
      containers.putArchive(
        params.name,
        {
          path: pathOf(query),
          keepTypes: query.noOverwriteDirNonDir ?? false,
          ownedByUser: query.copyUIDGID ?? false,
        },
        body,
      ),
    containerExport: async ({ params }) => ({ bytes: await containers.export(params.name), fields: {} }),
    commit: async ({ query, body }) => ({
      Id: await containers.commit(query.container ?? "", {
        repository: query.repo ?? "",
        tag: query.tag,
        comment: query.comment ?? "",
        author: query.author ?? "",
        pause: query.pause ?? true,
        changes: query.changes ?? [],
        config: body === null || Object.keys(body).length === 0 ? undefined : body,
      }),
    }),
    containerChanges: ({ params }) => containers.changes(params.name),
  };
}
