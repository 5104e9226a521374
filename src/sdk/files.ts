/** Files for containers and builds, as archives. */

import { readFile } from "node:fs/promises";
import { emptyFile, endOfArchive, headerOf, padding, tarMembers } from "../archive/mod.ts";
import { packHost } from "../client/pack-host.ts";
import { parseIgnore } from "../docker/dockerfile/ignore.ts";
import { TiffinError } from "../lib/errors.ts";
import { bytesOf } from "./input.ts";

/** Contents by path. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

const ordinaryMode = 0o644;

/** `files` as an archive; paths without a leading slash. */
export async function* archiveOf(files: Files): AsyncGenerator<Uint8Array, void, undefined> {
  for (const [path, content] of Object.entries(files)) {
    const bytes = bytesOf(content);
    yield headerOf({
      ...emptyFile,
      path: path.replace(/^\/+/, ""),
      mode: ordinaryMode,
      sizeBytes: bytes.length,
    });
    yield bytes;
    yield padding(bytes.length);
  }
  yield endOfArchive;
}

/** The content of the one file that `archive` holds. */
export async function onlyFile(archive: AsyncIterable<Uint8Array>, path: string): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const { entry, content } of tarMembers(archive)) {
    if (entry.type !== "file") {
      throw new TiffinError("invalid", "client.no-file", `${path} is no file but a ${entry.type}`);
    }
    for await (const piece of content) pieces.push(piece.slice());
  }
  return new Uint8Array(Buffer.concat(pieces));
}

/** What a build is given: a directory, files, or an archive. */
export type BuildContext = string | Files | AsyncIterable<Uint8Array>;

function isArchive(context: Exclude<BuildContext, string>): context is AsyncIterable<Uint8Array> {
  return Symbol.asyncIterator in context;
}

/** A directory less what its `.dockerignore` leaves out. */
export async function* contextBytes(
  context: BuildContext,
  dockerfile: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  if (typeof context !== "string") {
    yield* isArchive(context) ? context : archiveOf(context);
    return;
  }
  const ignore = parseIgnore(await ignoreText(context));
  const needed = [dockerfile, ".dockerignore"];
  yield* packHost(
    context,
    undefined,
    () => {},
    (path, isDirectory) => {
      if (!ignore.excludes(path) || needed.includes(path)) return "nothing";
      const mayHoldSome = ignore.mayBringBack(path) || needed.some((one) => one.startsWith(`${path}/`));
      return isDirectory && mayHoldSome ? "itself" : "all";
    },
  );
}

async function ignoreText(directory: string): Promise<string> {
  try {
    return await readFile(`${directory}/.dockerignore`, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return "";
    throw thrown;
  }
}
