/** The bytes behind a URL that a client names, told about as they come. */
import { progressBar } from "../../../docker/progress-bar.ts";
import type { ProgressMessage } from "../../../docker/types/progress.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";

const stepBytes = 512 * 1024;

/** Errors: `archive.bad-url`, `archive.unreachable`. `signal` ends it. */
export async function* openUrl(
  address: string,
  report: (message: ProgressMessage) => void,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const url = parsed(address);
  const response = await answered(url, signal);
  report({ status: `Downloading from ${url}` });
  const total = Number(response.headers.get("content-length") ?? 0);
  let bytes = 0;
  let told = 0;
  for await (const piece of response.body ?? []) {
    yield piece;
    bytes += piece.length;
    if (bytes - told < stepBytes && bytes !== total) continue;
    told = bytes;
    const progressDetail = { current: bytes, ...(total > 0 ? { total } : {}) };
    report({ status: "Importing", progressDetail, progress: progressBar(bytes, total) });
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

async function answered(url: URL, signal: AbortSignal): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { signal, redirect: "follow" });
  } catch (cause) {
    throw new TiffinError(
      "unavailable",
      "archive.unreachable",
      `cannot import from ${url}: ${messageOf(cause)}`,
      { cause },
    );
  }
  if (response.ok) return response;
  await response.body?.cancel();
  throw new TiffinError(
    "unavailable",
    "archive.unreachable",
    `cannot import from ${url}: it answers ${response.status} ${response.statusText}`,
  );
}
