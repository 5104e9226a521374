/** The prunes of each kind of thing: what is asked of the engine, and what a person is told was taken away. */
import type { ApiClient } from "../client/api-client.ts";
import type { FilterMap } from "./flags/filter-flag.ts";

export interface Pruned {
  /** A heading, and a line for each; empty when there was nothing. */
  readonly text: string;
  readonly reclaimedBytes: number;
}

type Api = Pick<ApiClient<unknown>, "document">;

function queryOf(filters: FilterMap): { readonly filters?: FilterMap } {
  return Object.keys(filters).length === 0 ? {} : { filters };
}

function listed(heading: string, lines: readonly string[]): string {
  return lines.length === 0 ? "" : `${heading}:\n${lines.map((line) => `${line}\n`).join("")}`;
}

export async function pruneContainers(api: Api, filters: FilterMap): Promise<Pruned> {
  const report = await api.document("containerPrune", { query: queryOf(filters) });
  return {
    text: listed("Deleted Containers", report.ContainersDeleted ?? []),
    reclaimedBytes: report.SpaceReclaimed,
  };
}

export async function pruneNetworks(api: Api, filters: FilterMap): Promise<Pruned> {
  const { NetworksDeleted } = await api.document("networkPrune", { query: queryOf(filters) });
  return { text: listed("Deleted Networks", NetworksDeleted ?? []), reclaimedBytes: 0 };
}

/** `all`: named ones too. */
export async function pruneVolumes(api: Api, filters: FilterMap, all: boolean): Promise<Pruned> {
  const wanted = all ? { ...filters, all: ["true"] } : filters;
  const report = await api.document("volumePrune", { query: queryOf(wanted) });
  return {
    text: listed("Deleted Volumes", report.VolumesDeleted ?? []),
    reclaimedBytes: report.SpaceReclaimed,
  };
}

/** `all`: whatever no container uses, not just what has no name. */
export async function pruneImages(api: Api, filters: FilterMap, all: boolean): Promise<Pruned> {
  const wanted = { ...filters, dangling: [all ? "false" : "true"] };
  const report = await api.document("imagePrune", { query: { filters: wanted } });
  const lines = (report.ImagesDeleted ?? []).map(({ Untagged, Deleted }) =>
    Untagged === undefined ? `deleted: ${Deleted ?? ""}` : `untagged: ${Untagged}`,
  );
  return { text: listed("Deleted Images", lines), reclaimedBytes: report.SpaceReclaimed };
}
