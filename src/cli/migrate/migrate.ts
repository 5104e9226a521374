/** Performs the steps of a migration, one after the other. Nothing is changed at the source: it is asked, and its volumes are read. */
import type { ApiClient } from "../../client/api-client.ts";
import { errorOfResponse } from "../../client/api-error.ts";
import { type FileDetails, packHost } from "../../client/pack-host.ts";
import { decodeJson, list, object, text } from "../../docker/decode.ts";
import type { ContainerInspect } from "../../docker/types/container.ts";
import type { VolumeDocument } from "../../docker/types/volume.ts";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import { TiffinError } from "../../lib/errors.ts";
import { migratedBody } from "./container-body.ts";
import { copierOf, type Inventory, type Step } from "./plan.ts";

type Api = ApiClient<ByteDuplex>;

export async function inventoryOf(api: Api): Promise<Inventory> {
  const [images, volumes, networks, ids] = await Promise.all([
    api.document("imageList", { query: {} }),
    api.document("volumeList", { query: {} }),
    api.document("networkList", { query: {} }),
    containerIds(api),
  ]);
  const containers = await Promise.all(ids.map((id) => inspected(api, id)));
  return { images, volumes: volumes.Volumes, networks, containers: containers.flat() };
}

/** None when it has gone since the list was made. */
async function inspected(api: Api, id: string): Promise<readonly ContainerInspect[]> {
  try {
    return [await api.document("containerInspect", { params: { name: id } })];
  } catch (thrown) {
    if (thrown instanceof TiffinError && thrown.kind === "notFound") return [];
    throw thrown;
  }
}

const idRows = list(object({ Id: text }));

/** Podman's list has less in it than Docker's, and no more than this is wanted of either. */
async function containerIds(api: Api): Promise<readonly string[]> {
  const answer = await api.transport.request({ method: "GET", path: "/containers/json?all=1" });
  if (answer.status >= 400) throw errorOfResponse(answer);
  return decodeJson(new TextDecoder().decode(answer.body), idRows, "list of containers").map(({ Id }) => Id);
}

/** Both engines, and how files of this machine are read. */
export interface MigrationWays {
  readonly there: Api;
  readonly here: Api;
  readonly details: FileDetails | undefined;
}

export async function perform(step: Step, { there, here, details }: MigrationWays): Promise<void> {
  switch (step.kind) {
    case "image":
      return await takeImage(step.reference, there, here);
    case "volume":
      return await takeVolume(step.volume, here, details);
    case "network": {
      const { Name, Internal, EnableIPv6, Labels, Options } = step.network;
      const body = { Name, Internal, EnableIPv6, Labels: Labels ?? {}, Options: ownOptions(Options ?? {}) };
      await here.document("networkCreate", { body });
      return;
    }
    case "container":
      await here.document("containerCreate", {
        query: { name: step.name },
        body: migratedBody(step.container),
      });
  }
}

/** A bridge's name over there is taken by that bridge. */
function ownOptions(options: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(options).filter(([key]) => key !== "com.docker.network.bridge.name"),
  );
}

async function takeImage(reference: string, there: Api, here: Api): Promise<void> {
  const { chunks } = await there.stream("imageSaveAll", { query: { names: [reference] } });
  for await (const message of here.lines("imageLoad", { query: { quiet: true }, body: chunks })) {
    if (message.error !== undefined) throw new TiffinError("internal", "cli.migrate", message.error);
  }
}

/** By a container that is made and never started: it comes before the volume, and goes after the last byte. */
async function takeVolume(
  { Name: name, Mountpoint: place, Labels: labels }: VolumeDocument,
  here: Api,
  details: FileDetails | undefined,
): Promise<void> {
  const copier = copierOf(name);
  const target = "/volume";
  await removeCopier(copier, here);
  const mount = {
    Type: "volume",
    Source: name,
    Target: target,
    VolumeOptions: { NoCopy: true, Labels: labels ?? {} },
  };
  const body = { Image: "base", Cmd: ["true"], HostConfig: { Mounts: [mount], NetworkMode: "none" } };
  await here.document("containerCreate", { query: { name: copier }, body });
  const archive = packHost(place, undefined, () => {}, undefined, details);
  await here.perform("containerArchivePut", {
    params: { name: copier },
    query: { path: target },
    body: archive,
  });
  await removeCopier(copier, here);
}

async function removeCopier(name: string, here: Api): Promise<void> {
  try {
    await here.perform("containerRemove", { params: { name }, query: { force: true } });
  } catch (thrown) {
    if (!(thrown instanceof TiffinError && thrown.kind === "notFound")) throw thrown;
  }
}
