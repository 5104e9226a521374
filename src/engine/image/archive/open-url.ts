/** The bytes behind a URL that a client names, told about as they come. */
import { progressBar } from "../../../docker/progress-bar.ts";
import type { ProgressMessage } from "../../../docker/types/progress.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { RegistryClient } from "../../registry/mod.ts";

const stepBytes = 512 * 1024;

/** Errors: `archive.bad-url`, `registry.*`. `signal` ends it. */
export async function* openUrl(
  registry: Pick<RegistryClient, "openUrl">,
  address: string,
  report: (message: ProgressMessage) => void,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const url = parsed(address);
  const shown = withoutPassword(url);
  const { totalBytes = 0, pieces } = await registry.openUrl(url, `import from ${shown}`, signal);
  report({ status: `Downloading from ${shown}` });
  let bytes = 0;
  let told = 0;
  for await (const piece of pieces) {
    yield piece;
    bytes += piece.length;
    if (bytes - told < stepBytes && bytes !== totalBytes) continue;
    told = bytes;
    const progressDetail = { current: bytes, ...(totalBytes > 0 ? { total: totalBytes } : {}) };
    report({ status: "Importing", progressDetail, progress: progressBar(bytes, totalBytes) });
  }
}

function parsed(address: string): URL {
  const text = address.includes("://") ? address : `http://${address}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new TiffinError(
    "invalid",
    "archive.bad-url",
    `cannot import from ${JSON.stringify(address)}: wanted - or a URL of http or https`,
  );
}

/** It stays in the image's history and in logs. */
export function withoutPassword(url: URL): string {
  const shown = new URL(url);
  if (shown.password !== "") shown.password = "xxxxx";
  return shown.href;
}
