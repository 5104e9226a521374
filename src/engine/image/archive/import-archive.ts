/** `POST /images/create?fromSrc=`: a tar of a root file system becomes an image of one layer. */
import {
  familiarName,
  normaliseReference,
  parseReference,
  type Reference,
} from "../../../docker/reference.ts";
import type { ProgressMessage } from "../../../docker/types/progress.ts";
import { nowMs } from "../../../lib/clock.ts";
import type { OciImageConfig, Platform } from "../../../oci/mod.ts";
import type { RegistryClient } from "../../registry/mod.ts";
import { decompress } from "../../tree/mod.ts";
import { changedConfig } from "../config-changes.ts";
import { ingestLayer } from "../ingest-layer.ts";
import type { LoadContext } from "./load-archive.ts";
import { openUrl, withoutPassword } from "./open-url.ts";

export interface ImportOptions {
  /** `-` is the body of the request, anything else a URL. */
  readonly source: string;
  readonly repository: string;
  readonly tag: string;
  readonly message: string;
  /** Lines of a Dockerfile. */
  readonly changes: readonly string[];
  readonly platform: Platform | undefined;
}

const encoder = new TextEncoder();

export interface ImportContext extends LoadContext {
  readonly registry: Pick<RegistryClient, "openUrl">;
}

/** Errors: `archive.*`, `image.bad-change`, `image.bad-reference`; nothing is read of the archive then but what was needed. */
export async function importArchive(
  context: ImportContext,
  body: AsyncIterable<Uint8Array>,
  options: ImportOptions,
  report: (message: ProgressMessage) => void,
  signal: AbortSignal,
): Promise<void> {
  const { images, layers, events, limitBytes, fail } = context;
  const reference = referenceOf(options);
  const config = changedConfig({}, options.changes);
  const content = options.source === "-" ? body : openUrl(context.registry, options.source, report, signal);
  using hold = images.hold();
  const layer = await ingestLayer(layers, hold, decompress(content, limitBytes));
  fail("import.layer");
  const platform = options.platform ?? context.host;
  const created = new Date(nowMs()).toISOString();
  const comment = options.message === "" ? `Imported from ${sourceName(options.source)}` : options.message;
  const document: OciImageConfig = {
    architecture: platform.architecture,
    ...(platform.variant === "" ? {} : { variant: platform.variant }),
    os: platform.os,
    created,
    config,
    rootfs: { type: "layers", diff_ids: [`sha256:${layer.id}`] },
    history: [{ created, comment }],
  };
  const references = reference === undefined ? [] : [normaliseReference(reference)];
  const { image } = images.add({ configuration: encoder.encode(JSON.stringify(document)), references });
  fail("import.image");
  const name = reference === undefined ? image.id : familiarName(reference);
  events.emit("image", "import", image.id, { name });
  if (reference !== undefined) events.emit("image", "tag", image.id, { name });
  report({ status: image.id });
}

/** Without a password, for it stays in the image. */
function sourceName(source: string): string {
  return URL.canParse(source) ? withoutPassword(new URL(source)) : source;
}

function referenceOf({ repository, tag }: ImportOptions): Reference | undefined {
  if (repository === "") return undefined;
  const parsed = parseReference(repository);
  return parseReference(normaliseReference(tag === "" ? parsed : { ...parsed, tag }));
}
