/**
 * The directory of one build: its context, and a mark for every container that it makes. What an engine that ended in the middle
 * has left is taken away by the next one, containers first; then nothing of the build is there but the images of finished steps.
 */
import { dirname } from "node:path";
import { parseIgnore } from "../../docker/dockerfile/ignore.ts";
import { listDirectory, removeTree } from "../../kernel/directory.ts";
import { exists, makeDirectory, openDirectory, openFile, openFlags } from "../../kernel/files.ts";
import { spreadDirectories } from "../../kernel/spread.ts";
import { TreeView } from "../../kernel/tree-view.ts";
import { removeEntry } from "../../kernel/tree-writer.ts";
import { randomHex } from "../../lib/ids.ts";

const placeMode = 0o700;
const markPrefix = "container-";
const nameDigits = 12;
const ignoreName = ".dockerignore";
const limitIgnoreBytes = 4 * 1024 * 1024;

export class BuildPlace implements Disposable {
  readonly path: string;
  readonly #secrets: string;
  readonly #held: Disposable[] = [];

  /** `secrets`: a directory in memory, for what no disk may have. */
  constructor(directory: string, secrets: string) {
    makeDirectory(directory, placeMode);
    const name = randomHex(nameDigits);
    this.path = `${directory}/${name}`;
    this.#secrets = `${secrets}/${name}`;
    makeDirectory(this.path, placeMode);
  }

  /** A new directory in memory. `remove` takes it away. */
  secretDirectory(): { readonly directory: string; readonly remove: () => void } {
    makeDirectory(dirname(this.#secrets), placeMode);
    makeDirectory(this.#secrets, placeMode);
    const directory = `${this.#secrets}/${randomHex(nameDigits)}`;
    makeDirectory(directory, placeMode);
    return { directory, remove: () => void removeTree(directory) };
  }

  /** Of these files, which a client sends because they are needed, those that the context's patterns leave out. */
  static removeIgnored(directory: string, names: readonly string[]): void {
    using tree = new TreeView([directory]);
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

  /** Lets go of it when the build ends. */
  holdToEnd(held: Disposable): void {
    this.#held.push(held);
  }

  /** A new directory, empty. */
  directory(): string {
    const directory = `${this.path}/part-${randomHex(nameDigits)}`;
    makeDirectory(directory, placeMode);
    // What is made and removed for each build would be looked at by the next, where the disk has it beside (see `spreadDirectories`).
    spreadDirectories(directory);
    return directory;
  }

  /** A name for a container that goes with this build, whatever happens. */
  containerName(): string {
    const name = `build-${randomHex(nameDigits)}`;
    makeDirectory(`${this.path}/${markPrefix}${name}`, placeMode);
    return name;
  }

  [Symbol.dispose](): void {
    for (const held of this.#held) held[Symbol.dispose]();
    removeTree(this.path);
    if (exists(this.#secrets)) removeTree(this.#secrets);
  }
}

/** Takes away what builds have left that were cut short. */
export async function removeLeftBuilds(
  directory: string,
  secrets: string,
  removeContainer: (name: string) => Promise<void>,
): Promise<void> {
  makeDirectory(directory, placeMode);
  if (exists(secrets)) removeTree(secrets);
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
