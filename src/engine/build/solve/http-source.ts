/** A file of the web, with the name and the time that the server gives it. */
import { createHash } from "node:crypto";
import { openDirectory } from "../../../kernel/files.ts";
import { writeAll } from "../../../kernel/io.ts";
import { changeMode, changeOwner, changeTime, createFile } from "../../../kernel/tree-writer.ts";
import { nowMs } from "../../../lib/clock.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { HttpSource, Vertex } from "../graph/mod.ts";
import type { StepContext } from "./step-context.ts";

const usualMode = 0o600;
const toldBytes = 1024 * 1024;

/** The directory with the file. Errors: `build.url`, `registry.*`. */
export async function httpTree(step: StepContext, vertex: Vertex, source: HttpSource): Promise<string> {
  const url = parsed(source.url);
  const directory = step.place.directory();
  const name = source.fileName ?? nameOf(url);
  using root = openDirectory(directory);
  {
    using file = createFile(root, name);
    const { totalBytes = 0, pieces } = await step.services.registry.openUrl(
      url,
      `fetch ${shownUrl(url)}`,
      step.signal,
    );
    const [algorithm = "sha256", wanted] = (source.checksum ?? "").split(":");
    const hash = createHash(algorithm === "" ? "sha256" : algorithm);
    const startedMs = nowMs();
    let bytes = 0;
    let told = 0;
    for await (const piece of pieces) {
      step.signal.throwIfAborted();
      bytes += piece.length;
      if (bytes > step.services.limitBytes)
        throw new Error(`${shownUrl(url)}: it is longer than anything may be`);
      hash.update(piece);
      writeAll(file, piece);
      if (bytes - told < toldBytes) continue;
      told = bytes;
      report(step, vertex, { bytes, totalBytes, startedMs, over: false });
    }
    report(step, vertex, { bytes, totalBytes, startedMs, over: true });
    const found = hash.digest("hex");
    if (wanted !== undefined && wanted !== found) {
      throw new TiffinError(
        "invalid",
        "build.checksum",
        `digest mismatch ${algorithm}:${found}: ${algorithm}:${wanted} was wanted of ${shownUrl(url)}`,
      );
    }
  }
  changeOwner(root, name, { uid: source.uid ?? 0, gid: source.gid ?? 0 });
  changeMode(root, name, source.mode ?? usualMode);
  // What a server says of times would make the same file another one.
  changeTime(root, name, 0n);
  return directory;
}

interface Fetching {
  readonly bytes: number;
  readonly totalBytes: number;
  readonly startedMs: number;
  readonly over: boolean;
}

function report(
  step: StepContext,
  { digest }: Vertex,
  { bytes, totalBytes, startedMs, over }: Fetching,
): void {
  const atMs = nowMs();
  step.report({
    kind: "status",
    vertex: digest,
    id: "download",
    name: "downloading",
    current: bytes,
    total: totalBytes,
    atMs,
    startedMs,
    ...(over && { completedMs: atMs }),
  });
}

function parsed(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && (url.protocol === "http:" || url.protocol === "https:")) return url;
  throw new TiffinError("invalid", "build.url", `${JSON.stringify(text)} is no address of http or https`);
}

/** Without what lets somebody in. */
function shownUrl(url: URL): string {
  const bare = new URL(url);
  bare.username = "";
  bare.password = "";
  return bare.href;
}

const longestName = 255;

function nameOf({ pathname }: URL): string {
  const last = pathname.split("/").findLast((part) => part !== "") ?? "";
  let name = last;
  try {
    name = decodeURIComponent(last);
  } catch {
    // It stays as it was written.
  }
  if (name === "" || name === "." || name === "..") return "download";
  return name.replace(/[/\0]/g, "_").slice(0, longestName);
}
