/** The configuration of an image that a stage comes to, with its history as BuildKit writes it. Pure. */
import type { OciHistory, OciImageConfig } from "../../oci/mod.ts";
import { withoutEmptyCommand } from "../image/mod.ts";
import type { CompiledStage } from "./compile/mod.ts";

const comment = "buildkit.dockerfile.v0";

export interface DocumentTimes {
  /** When the layer came to be; undefined: it is not known. */
  layer(id: string): number | undefined;
  /** All times, where the client says one (`SOURCE_DATE_EPOCH`). */
  readonly epochMs: number | undefined;
  /** Where nothing else is known. */
  readonly nowMs: number;
}

export function imageDocument(
  stage: CompiledStage,
  chain: readonly string[],
  times: DocumentTimes,
): OciImageConfig {
  const { platform, config, baseHistory, author } = stage;
  const own = ownHistory(stage, chain, times);
  const created = own.at(-1)?.created ?? baseHistory.at(-1)?.created ?? text(times.epochMs ?? times.nowMs);
  return {
    created,
    ...(author !== "" && { author }),
    architecture: platform.architecture,
    ...(platform.variant !== "" && { variant: platform.variant }),
    os: platform.os,
    ...(platform.osVersion !== "" && { "os.version": platform.osVersion }),
    config: withoutEmptyCommand(config),
    rootfs: { type: "layers", diff_ids: chain.map((id) => `sha256:${id}`) },
    history: [...baseHistory, ...own],
  };
}

function text(ms: number): string {
  return new Date(ms).toISOString();
}

/** An entry without a layer has the time of the next layer, or of the last. */
function ownHistory(
  { history, baseHistory }: CompiledStage,
  chain: readonly string[],
  times: DocumentTimes,
): OciHistory[] {
  const layered = history.filter(({ emptyLayer }) => !emptyLayer).length;
  const layers = chain.slice(chain.length - layered);
  const base = Date.parse(baseHistory.at(-1)?.created ?? "");
  let latest = Number.isNaN(base) ? 0 : base;
  const created = layers.map((layer) => {
    latest = times.epochMs ?? Math.max(latest, times.layer(layer) ?? times.nowMs);
    return latest;
  });
  const last = created.at(-1) ?? times.epochMs ?? (latest === 0 ? times.nowMs : latest);
  let next = 0;
  return history.map(({ createdBy, emptyLayer }) => {
    const at = created[next] ?? last;
    if (!emptyLayer) next += 1;
    return {
      created: text(at),
      created_by: createdBy,
      comment,
      ...(emptyLayer && { empty_layer: true }),
    };
  });
}
