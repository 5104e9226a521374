/** A build context that is elsewhere: a git repository, an archive of the web, or a Dockerfile there. */
import { listDirectory } from "../../kernel/directory.ts";
import { openDirectory, openFile, openFlags } from "../../kernel/files.ts";
import { readSome } from "../../kernel/io.ts";
import { PlainEntry } from "../../kernel/plain-entry.ts";
import { TiffinError } from "../../lib/errors.ts";
import { compressionOf, decompress, packTree, unpack } from "../tree/mod.ts";
import { contextUnpacking } from "./archive-context.ts";
import { remoteAddress } from "./compile/mod.ts";
import { vertexOf } from "./graph/mod.ts";
import type { BuildInputs, LocalContext, NamedContext } from "./inputs.ts";
import { Sources, type StepContext, sourceTree } from "./solve/mod.ts";

/** With contexts that are elsewhere as directories. `step` is asked when the first of them is fetched. */
export function withFetched(
  inputs: BuildInputs,
  step: () => StepContext,
  keepGitDirectory: boolean,
): BuildInputs {
  const contexts = new Map<string, NamedContext>();
  for (const [name, context] of inputs.contexts) {
    contexts.set(
      name,
      context.kind === "remote"
        ? { kind: "local", local: new FetchedContext(context.url, step, keepGitDirectory) }
        : context,
    );
  }
  return { ...inputs, contexts };
}

class FetchedContext implements LocalContext {
  readonly comesWhole = true;
  readonly #url: string;
  readonly #step: () => StepContext;
  readonly #keepGitDirectory: boolean;

  constructor(url: string, step: () => StepContext, keepGitDirectory: boolean) {
    this.#url = url;
    this.#step = step;
    this.#keepGitDirectory = keepGitDirectory;
  }

  async receive(directory: string): Promise<undefined> {
    const step = this.#step();
    const address = remoteAddress(this.#url);
    if (address === undefined) {
      throw new TiffinError(
        "invalid",
        "build.remote",
        `${JSON.stringify(this.#url)} is no git repository and no address of http or https`,
      );
    }
    const keepGitDirectory = this.#keepGitDirectory;
    const operation = address.kind === "git" ? { keepGitDirectory, ...address } : address;
    const vertex = vertexOf({ name: "[internal] load remote build context", operation, inputs: [] });
    const { tree } = await sourceTree(step, new Sources(), vertex);
    if (tree.kind !== "directory") throw new Error("a fetched context is a directory");
    if (address.kind === "git") await copyAll(tree.path, directory);
    else await place(tree.path, directory, step.services.limitBytes);
  }
}

async function copyAll(from: string, into: string): Promise<void> {
  using top = PlainEntry.ofLayer(from);
  using root = openDirectory(into);
  await unpack(packTree(top, "", { firstHostId: () => 0 }), contextUnpacking(root));
}

const tarMagicAt = 257;
const pieceBytes = 256 * 1024;

/** An archive is unpacked, anything else is the Dockerfile. */
async function place(from: string, into: string, limitBytes: number): Promise<void> {
  using directory = openFile(undefined, from, openFlags.readOnly | openFlags.directory);
  const name = listDirectory(directory, from)[0]?.name ?? "";
  using root = openDirectory(into);
  const start = new Uint8Array(512);
  {
    using file = openFile(undefined, `${from}/${name}`, openFlags.readOnly);
    readSome(file, start);
  }
  const isTar = new TextDecoder().decode(start.subarray(tarMagicAt, tarMagicAt + 5)) === "ustar";
  if (isTar || compressionOf(start) !== undefined) {
    await unpack(decompress(pieces(`${from}/${name}`), limitBytes), contextUnpacking(root, limitBytes));
    return;
  }
  using top = PlainEntry.ofLayer(from);
  using file = top.child(name);
  if (file === undefined) throw new Error("a fetched file that is gone");
  await unpack(packTree(file, "Dockerfile", { firstHostId: () => 0 }), contextUnpacking(root));
}

async function* pieces(path: string): AsyncGenerator<Uint8Array> {
  using file = openFile(undefined, path, openFlags.readOnly);
  const piece = new Uint8Array(pieceBytes);
  for (let got = readSome(file, piece); got > 0; got = readSome(file, piece)) yield piece.slice(0, got);
}
