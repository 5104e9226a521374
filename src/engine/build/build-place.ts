/**
 * The directory of one build: its context, and a mark for every container that it makes. What an engine that ended in the middle
 * has left is taken away by the next one, containers first; then nothing of the build is there but the images of finished steps.
 */
import { parseIgnore } from "../../docker/dockerfile/ignore.ts";
import { listDirectory, removeTree } from "../../kernel/directory.ts";
import { makeDirectory, openDirectory, openFile, openFlags } from "../../kernel/files.ts";
import { writeAll } from "../../kernel/io.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { TreeView } from "../../kernel/tree-view.ts";
import { removeEntry } from "../../kernel/tree-writer.ts";
import { randomHex } from "../../lib/ids.ts";
import { unpack } from "../tree/mod.ts";

const placeMode = 0o700;
const markPrefix = "container-";
const nameDigits = 12;
const ignoreName = ".dockerignore";
const limitIgnoreBytes = 4 * 1024 * 1024;

export class BuildPlace implements Disposable {
  readonly path: string;

  constructor(directory: string) {
    makeDirectory(directory, placeMode);
    this.path = `${directory}/${randomHex(nameDigits)}`;
    makeDirectory(this.path, placeMode);
    makeDirectory(this.context, placeMode);
  }

  get context(): string {
    return `${this.path}/context`;
  }

  /** Everything in it is root's, as in Docker. */
  async receive(tar: AsyncIterable<Uint8Array>, limitHoleBytes: number): Promise<void> {
    using root = openDirectory(this.context);
    await unpack(tar, {
      root,
      directory: "/",
      keepTypes: false,
      owner: { uid: 0, gid: 0 },
      firstHostId: 0,
      whiteouts: false,
      limitHoleBytes,
    });
  }

  /** Of these files, which a client sends because they are needed, those that the context's patterns leave out. */
  removeIgnored(names: readonly string[]): void {
    using tree = new TreeView([this.context]);
    const text = tree.read(ignoreName, limitIgnoreBytes);
    if (text === undefined) return;
    const ignore = parseIgnore(new TextDecoder().decode(text));
    for (const name of names) {
      const parts = name.split("/").filter((part) => part !== "" && part !== ".");
      const last = parts.pop();
      if (last === undefined || parts.includes("..") || !ignore.excludes([...parts, last].join("/")))
        continue;
      using parent = tree.find(parts.join("/"));
      if (parent?.isDirectory === true) removeEntry(parent.fd, last);
    }
  }

  /** A directory with one file of its own. */
  fileOfItsOwn(name: string, content: string): string {
    const directory = `${this.path}/file-${randomHex(nameDigits)}`;
    makeDirectory(directory, placeMode);
    using file = openFile(undefined, `${directory}/${name}`, openFlags.writeOnly | openFlags.create, {
      mode: 0o644,
    });
    writeText(file, content);
    return directory;
  }

  /** A name for a container that goes with this build, whatever happens. */
  containerName(): string {
    const name = `build-${randomHex(nameDigits)}`;
    makeDirectory(`${this.path}/${markPrefix}${name}`, placeMode);
    return name;
  }

  [Symbol.dispose](): void {
    removeTree(this.path);
  }
}

function writeText(file: OwnedFd, text: string): void {
  writeAll(file, new TextEncoder().encode(text));
}

/** Takes away what builds have left that were cut short. */
export async function removeLeftBuilds(
  directory: string,
  removeContainer: (name: string) => Promise<void>,
): Promise<void> {
  makeDirectory(directory, placeMode);
  using places = openDirectory(directory);
  using list = openFile(places, ".", openFlags.readOnly | openFlags.directory);
  for (const { name } of listDirectory(list, directory)) {
    using place = openFile(places, name, openFlags.readOnly | openFlags.directory | openFlags.noFollow);
    for (const entry of listDirectory(place, name)) {
      if (entry.name.startsWith(markPrefix)) await removeContainer(entry.name.slice(markPrefix.length));
    }
    removeTree(`${directory}/${name}`);
  }
}
