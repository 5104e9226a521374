/**
 * A container's changes become a layer, and its configuration an image over it. Nothing of it is seen until the image is in the
 * store: a failure or an end of the engine at any step leaves a draft and loose layers, which the next start takes away, and a
 * frozen container, which it lets go on.
 */
import { endOfArchive } from "../../../archive/mod.ts";
import type { ContainerConfig } from "../../../docker/types/container-config.ts";
import { freezeCgroup, thawCgroup } from "../../../kernel/cgroup-processes.ts";
import { nowMs } from "../../../lib/clock.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { UndoStack } from "../../../lib/undo-stack.ts";
import type { OciHistory, OciImageConfig } from "../../../oci/mod.ts";
import {
  familiarName,
  type Image,
  type ImageConfig,
  ingestLayer,
  type LayerHold,
  parseReference,
  taggedReference,
} from "../../image/mod.ts";
import { packLayer } from "../../tree/mod.ts";
import { openChanges, refuseDead } from "../archive/mod.ts";
import { tellEvent } from "../context.ts";
import { documentsOf } from "../docker/mod.ts";
import { cgroupOf, meetingEnd, notRunningCode } from "../process/mod.ts";
import type { Container } from "../record/mod.ts";
import { committedConfig } from "./committed-config.ts";
import type { CommitContext } from "./context.ts";

/** Only the files are wanted: every step has a layer, also one that has changed nothing. */
export interface SnapshotOptions {
  /** What the image says, by its layers. */
  readonly document: (chain: readonly string[]) => OciImageConfig;
  /** Paths where something was mounted: what was made for that, and is empty, is no change. */
  readonly mountPoints: readonly string[];
}

export interface CommitOptions {
  /** What is to mean the image; an empty repository is nothing. */
  readonly repository: string;
  readonly tag: string | undefined;
  readonly author: string;
  readonly comment: string;
  /** A running container is stopped where it is while its files are read. */
  readonly pause: boolean;
  /** What the client says instead of the container's configuration. */
  readonly config: ContainerConfig | undefined;
  /** Lines of a Dockerfile. */
  readonly changes: readonly string[];
  /** Of a step of a build. */
  readonly snapshot?: SnapshotOptions;
}

const encoder = new TextEncoder();

/** The image's id. Errors: `image.bad-change`, `image.bad-reference`, `container.dead`, `archive.*`, `layer.*`. */
export async function commitContainer(
  context: CommitContext,
  container: Container,
  options: CommitOptions,
): Promise<string> {
  const reference = options.repository === "" ? undefined : taggedReference(options);
  const own = configOf(container);
  const config = committedConfig(own, options);
  refuseDead(container, "commit");
  // A removal waits for it, for it takes the files away.
  const work = commit(context, container, { ...options, reference }, config);
  const reading = work.then(
    () => {},
    () => {},
  );
  container.readers.add(reading);
  try {
    return await work;
  } finally {
    container.readers.delete(reading);
  }
}

async function commit(
  context: CommitContext,
  container: Container,
  options: CommitOptions & { readonly reference: string | undefined },
  config: ImageConfig,
): Promise<string> {
  const { images, fail } = context;
  const { document } = container;
  using hold = images.hold();
  const layer = await storeChanges(context, container, options, hold);
  fail("commit.layer");
  const parent = images.byId(document.image.id);
  const { snapshot } = options;
  const chain = [...document.image.chain, ...(layer === undefined ? [] : [layer])];
  const configuration =
    snapshot?.document(chain) ?? imageDocument({ container, parent, layer, chain, config, options });
  const { reference } = options;
  const { image } = images.add({
    configuration: encoder.encode(JSON.stringify(configuration)),
    ...(parent !== undefined && snapshot === undefined && { parent: parent.id }),
    ...(reference !== undefined && { references: [reference] }),
  });
  fail("commit.image");
  const shown = reference === undefined ? "" : familiarName(parseReference(reference));
  if (shown !== "") context.events.emit("image", "tag", image.id, { name: shown });
  if (snapshot === undefined)
    tellEvent(context, container, "commit", { imageID: image.id, imageRef: shown, comment: options.comment });
  return image.id;
}

function configOf({ document }: Container): ContainerConfig {
  return (document.docker ?? documentsOf(document.specification)).config;
}

/** The id of the layer of the container's changes; undefined when it has none. */
async function storeChanges(
  context: CommitContext,
  container: Container,
  { pause, snapshot }: CommitOptions,
  hold: LayerHold,
): Promise<string | undefined> {
  const undo = new UndoStack();
  const letGo = async (): Promise<void> => {
    for (const failure of await undo.unwind()) context.report(new Error(`${container.name}: ${failure}`));
  };
  try {
    if (pause && container.state.status === "running") {
      await freeze(context, container, undo, snapshot === undefined);
    }
    using changes = openChanges(context, container);
    const { top, below } = changes;
    const firstHostId = container.document.firstHostId ?? 0;
    const mountPoints = new Set(snapshot?.mountPoints ?? []);
    const packed = packLayer(top, { firstHostId, changes: { below, mountPoints } });
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      yield* packed.bytes;
      // It need not wait for the disk.
      await letGo();
    };
    const layer = await ingestLayer(context.layers, hold, bytes());
    if (!packed.isEmpty()) return layer.id;
    return snapshot === undefined ? undefined : (await ingestLayer(context.layers, hold, emptyArchive())).id;
  } finally {
    await letGo();
  }
}

async function* emptyArchive(): AsyncGenerator<Uint8Array> {
  yield endOfArchive;
}

/** Docker's clients see it paused; a build's own containers are nobody's business. */
async function freeze(
  context: CommitContext,
  container: Container,
  undo: UndoStack,
  tells: boolean,
): Promise<void> {
  const { cgroup } = context.facts;
  const group = cgroupOf(context, container.id);
  const { process } = container;
  let told = false;
  undo.push("thaw", async () => {
    // A client may have paused it meanwhile, or killed it and started it again.
    if (container.state.status !== "running" || container.process !== process) return;
    await unlessEnded(container, () => thawCgroup(cgroup, group));
    if (told) tellEvent(context, container, "unpause");
  });
  const frozen = await unlessEnded(container, () => freezeCgroup(cgroup, group));
  told = frozen && tells;
  if (told) tellEvent(context, container, "pause");
  context.fail("commit.frozen");
}

/** What has ended stands still, and the answer is no. */
async function unlessEnded(container: Container, work: () => Promise<void>): Promise<boolean> {
  try {
    await meetingEnd(container, work);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof TiffinError && thrown.code === notRunningCode)) throw thrown;
    return false;
  }
}

interface Committed {
  readonly container: Container;
  /** The image that it was made from; undefined when that is gone. */
  readonly parent: Image | undefined;
  readonly layer: string | undefined;
  readonly chain: readonly string[];
  readonly config: ImageConfig;
  readonly options: CommitOptions;
}

function imageDocument({ container, parent, layer, chain, config, options }: Committed): OciImageConfig {
  const { author, comment } = options;
  const created = new Date(nowMs()).toISOString();
  const entry: OciHistory = {
    created,
    ...(author !== "" && { author }),
    created_by: (configOf(container).Cmd ?? []).join(" "),
    ...(comment !== "" && { comment }),
    ...(layer === undefined && { empty_layer: true }),
  };
  return {
    created,
    ...(author !== "" && { author }),
    architecture: parent?.architecture ?? (process.arch === "arm64" ? "arm64" : "amd64"),
    ...(parent !== undefined && parent.variant !== "" && { variant: parent.variant }),
    os: parent?.os ?? "linux",
    ...(parent !== undefined && parent.osVersion !== "" && { "os.version": parent.osVersion }),
    config,
    rootfs: { type: "layers", diff_ids: chain.map((id) => `sha256:${id}`) },
    history: [...(parent?.history ?? []), entry],
  };
}
