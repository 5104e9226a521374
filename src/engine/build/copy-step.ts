/** `COPY`, `ADD` and `WORKDIR`: files into a container that never runs, whose changes become a layer. */

import { emptyFile, endOfArchive, headerOf } from "../../archive/mod.ts";
import { openFile, openFlags } from "../../kernel/files.ts";
import { readSome } from "../../kernel/io.ts";
import { TreeView } from "../../kernel/tree-view.ts";
import { plainSpecification } from "../container/mod.ts";
import type { Image } from "../image/mod.ts";
import { closeLowers, treeLayerOf } from "../layer/mod.ts";
import { compressionOf, type TreeNode } from "../tree/mod.ts";
import { notDoneYet } from "./build-error.ts";
import type { BuildUnderWay } from "./build-under-way.ts";
import { commitOptions, removeQuietly, type StepCommit } from "./run-program.ts";
import {
  below,
  contentDigest,
  findSources,
  type Placed,
  pathParts,
  resolvedPath,
  type Source,
  sourceStream,
  withMode,
} from "./sources.ts";

export interface WantedSource {
  readonly pattern: string;
  /** A directory of the host that it is in; else the context, or what `from` says. */
  readonly directory?: string;
}

export interface FilesStep {
  readonly instruction: string;
  readonly sources: readonly WantedSource[];
  readonly destination: string;
  /** Where a relative destination begins. */
  readonly directory: string;
  readonly from: string | undefined;
  readonly owner: string | undefined;
  readonly mode: number | undefined;
}

/** What to make of it once its content is known; undefined when an equal step has been done before. */
export type Decide = (says: string) => (StepCommit & { became(id: string): void }) | undefined;

/** The image with the directory, under the names of its links. */
export async function makeDirectoryStep(
  build: BuildUnderWay,
  image: Image,
  directory: string,
  commit: StepCommit,
): Promise<string> {
  using base = openImage(build, image);
  const path = base.resolved(directory);
  const archives = base.has(path) ? [] : [{ path: "/", archive: directoryTar(path) }];
  return await commitWith(build, image, { owner: undefined, commit, archives });
}

interface Archive {
  readonly path: string;
  readonly archive: AsyncIterable<Uint8Array>;
  /** Belongs to root, whatever `--chown` says. */
  readonly ofRoot?: boolean;
}

/** The step of a `COPY` or an `ADD`. */
export async function copyFiles(
  build: BuildUnderWay,
  image: Image,
  step: FilesStep,
  decide: Decide,
): Promise<void> {
  using held = new DisposableStack();
  const name = step.instruction.toUpperCase();
  const from = held.use(await openFrom(build, step.from));
  const found = step.sources.flatMap((wanted) => {
    refuseRemote(wanted.pattern, step);
    const tree = wanted.directory === undefined ? from.tree : held.use(new TreeView([wanted.directory]));
    if (step.from === undefined && escapes(wanted.pattern)) {
      throw new Error(`${name} failed: forbidden path outside the build context: ${wanted.pattern} ()`);
    }
    const sources = tree === undefined ? [] : findSources(tree, wanted.pattern);
    // A pattern may find nothing as long as something is found.
    if (sources.length === 0 && !/[*?[\\]/.test(wanted.pattern))
      throw new Error(notFound(step, wanted.pattern));
    return sources.map((source) => ({ ...source, node: held.use(source.node) }));
  });
  if (found.length === 0) throw new Error(`${name} failed: no source files were specified`);
  const { destination } = step;
  const intoDirectory = /(?:^|\/)\.?$/.test(destination);
  if (found.length > 1 && !intoDirectory) {
    throw new Error(
      `When using ${name} with more than one source file, the destination must be a directory and end with a /`,
    );
  }
  const whole = destination.startsWith("/") ? destination : `${step.directory}/${destination}`;
  const digest = `${kindOf(found)}:${await contentDigest(found)}`;
  const owner = step.owner === undefined ? "" : `--chown=${step.owner} `;
  const commit = decide(`${name} ${owner}${digest} in ${destination} `);
  if (commit === undefined) return;
  using base = openImage(build, image);
  const top = base.resolved(whole);
  const archives = archivesFor(step, { found, top, intoDirectory, base });
  commit.became(await commitWith(build, image, { owner: step, commit, archives }));
}

function refuseRemote(pattern: string, { instruction }: FilesStep): void {
  if (instruction !== "add") return;
  if (/^https?:\/\//.test(pattern)) throw notDoneYet("ADD of a URL");
  if (/^git@|^git:\/\/|^ssh:\/\/|\.git(?:#.*)?$/.test(pattern)) throw notDoneYet("ADD of a git repository");
}

function escapes(pattern: string): boolean {
  let depth = 0;
  for (const part of pattern.split("/")) {
    if (part === "..") depth -= 1;
    else if (part !== "" && part !== ".") depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

function notFound({ instruction, from }: FilesStep, pattern: string): string {
  const where =
    from === undefined
      ? "file not found in build context or excluded by .dockerignore"
      : `nothing like it in ${from}`;
  return `${instruction.toUpperCase()} failed: ${where}: stat ${pattern.replace(/^\/+/, "")}: file does not exist`;
}

function kindOf(found: readonly Source[]): string {
  const [only, ...more] = found;
  if (only === undefined || more.length > 0) return "multi";
  return only.node.status.type === "directory" ? "dir" : "file";
}

interface Target {
  readonly found: readonly Source[];
  /** Without links, and without a slash before it. */
  readonly top: string;
  readonly intoDirectory: boolean;
  readonly base: OpenImage;
}

function archivesFor(step: FilesStep, { found, top, intoDirectory, base }: Target): Archive[] {
  using there = base.find(top);
  const isDirectory = there?.isDirectory === true;
  const archives: Archive[] = [];
  const placed: Placed[] = [];
  for (const { path, node } of found) {
    const shown = step.mode === undefined ? node : withMode(node, step.mode);
    if (node.status.type === "directory") {
      // Its place is a directory like any other; only what is in it is as it was.
      if (!isDirectory && top !== "") {
        const parent = top.split("/").slice(0, -1).join("/");
        if (parent !== "" && !base.has(parent)) {
          archives.push({ path: "/", archive: directoryTar(parent), ofRoot: true });
        }
        archives.push({ path: "/", archive: directoryTar(top) });
      }
      placed.push({ node: shown, path: top, contentOnly: true });
    } else if (step.instruction === "add" && isArchive(node)) {
      if (!isDirectory && top !== "") archives.push({ path: "/", archive: directoryTar(top) });
      archives.push({ path: `/${top}`, archive: contentOf(node) });
    } else {
      const name = path.split("/").at(-1) ?? path;
      const at = isDirectory || intoDirectory ? base.resolved(below(top, name)) : top;
      placed.push({ node: shown, path: at, contentOnly: false });
    }
  }
  if (placed.length > 0) archives.push({ path: "/", archive: sourceStream(placed) });
  return archives;
}

const tarMagicAt = 257;
const looksBytes = 512;

/** A tar, compressed or not, as far as its beginning tells. */
function isArchive(node: TreeNode): boolean {
  if (node.status.type !== "file") return false;
  using file = openContent(node);
  const start = readToEndOf(file, looksBytes);
  if (compressionOf(start) !== undefined) return true;
  return new TextDecoder().decode(start.subarray(tarMagicAt, tarMagicAt + 5)) === "ustar";
}

function openContent(node: TreeNode): ReturnType<typeof openFile> {
  return openFile(undefined, `/proc/self/fd/${node.fd.raw}`, openFlags.readOnly);
}

function readToEndOf(file: ReturnType<typeof openFile>, bytes: number): Uint8Array {
  const buffer = new Uint8Array(bytes);
  let filled = 0;
  for (
    let got = readSome(file, buffer);
    got > 0 && filled < bytes;
    got = readSome(file, buffer.subarray(filled))
  ) {
    filled += got;
    if (filled === bytes) break;
  }
  return buffer.subarray(0, filled);
}

const pieceBytes = 256 * 1024;

async function* contentOf(node: TreeNode): AsyncGenerator<Uint8Array> {
  using file = openContent(node);
  const piece = new Uint8Array(pieceBytes);
  for (let got = readSome(file, piece); got > 0; got = readSome(file, piece)) yield piece.subarray(0, got);
}

const madeMode = 0o755;

async function* directoryTar(path: string): AsyncGenerator<Uint8Array> {
  yield headerOf({ ...emptyFile, type: "directory", path, mode: madeMode });
  yield endOfArchive;
}

interface OpenImage extends Disposable {
  readonly tree: TreeView | undefined;
  find(path: string): ReturnType<TreeView["find"]>;
  has(path: string): boolean;
  /** Without links, and without a slash before it. */
  resolved(path: string): string;
}

function openImage({ context }: BuildUnderWay, { chain }: Image): OpenImage {
  const lowers = context.layers.openLowers(chain);
  try {
    const tree = lowers.length === 0 ? undefined : new TreeView(lowers.map(treeLayerOf));
    return {
      tree,
      find: (path) => tree?.find(path),
      has: (path) => isThere(tree, path),
      resolved: (path) => (tree === undefined ? pathParts(path).join("/") : resolvedPath(tree, path)),
      [Symbol.dispose]() {
        tree?.[Symbol.dispose]();
        closeLowers(lowers);
      },
    };
  } catch (thrown) {
    closeLowers(lowers);
    throw thrown;
  }
}

function isThere(tree: TreeView | undefined, path: string): boolean {
  using found = tree?.find(path);
  return found !== undefined;
}

async function openFrom(build: BuildUnderWay, from: string | undefined): Promise<OpenImage> {
  if (from !== undefined) return openImage(build, await build.imageFrom(from));
  const tree = new TreeView([build.place.context]);
  return {
    tree,
    find: (path) => tree.find(path),
    has: (path) => isThere(tree, path),
    resolved: (path) => resolvedPath(tree, path),
    [Symbol.dispose]: () => tree[Symbol.dispose](),
  };
}

interface Committed {
  /** What `--chown` says, where it is said. */
  readonly owner: Pick<FilesStep, "owner"> | undefined;
  readonly commit: StepCommit;
  readonly archives: readonly Archive[];
}

async function commitWith(
  build: BuildUnderWay,
  image: Image,
  { owner, commit, archives }: Committed,
): Promise<string> {
  const { context, place } = build;
  const { containers } = context;
  const name = place.containerName();
  const user = owner?.owner;
  try {
    // Without the image's volumes: what is copied below them belongs to the image.
    const specification = {
      ...plainSpecification,
      process: {
        ...plainSpecification.process,
        arguments: ["#(nop)"],
        user: user === undefined ? "" : user.includes(":") ? user : `${user}:${user}`,
      },
    };
    await containers.createFrom(specification, { image: image.id, name });
    for (const { path, archive, ofRoot = false } of archives) {
      await containers.putArchive(
        name,
        { path, keepTypes: false, ownedByUser: user !== undefined && !ofRoot },
        archive,
      );
    }
    build.signal.throwIfAborted();
    return await containers.commit(name, commitOptions(commit));
  } finally {
    await removeQuietly(build, name);
  }
}
