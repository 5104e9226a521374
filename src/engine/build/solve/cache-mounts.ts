/**
 * Directories that steps keep between builds (`RUN --mount=type=cache`). Each is a directory of the engine's for what its mount says; a
 * step gets the whole of it and never a path inside, so that nothing that another step puts there can lead anybody out.
 */
import { createHash } from "node:crypto";
import { listDirectory, removeTreeInSlices } from "../../../kernel/directory.ts";
import {
  exists,
  makeDirectory,
  openDirectory,
  openFile,
  openFlags,
  renamePath,
} from "../../../kernel/files.ts";
import { changeMode, changeOwner } from "../../../kernel/tree-writer.ts";
import { randomHex } from "../../../lib/ids.ts";
import { treeBytes } from "../../layer/mod.ts";
import type { RunMount } from "../graph/mod.ts";

type CacheMount = Extract<RunMount, { kind: "cache" }>;

const placeMode = 0o700;
const nameDigits = 32;
const contentName = "content";
const unfinished = ".new-";

/** Puts the first content into a directory. */
export type FillCache = (directory: string, name: string) => Promise<void>;

export interface HeldCache {
  /** Of the host. */
  readonly path: string;
  /** Of the directory that keeps it. */
  readonly name: string;
  release(): void;
}

export class CacheMounts {
  readonly #directory: string;
  readonly #users = new Map<string, number>();
  /** The last who waits for each that one step alone may have. */
  readonly #locks = new Map<string, Promise<void>>();
  readonly #making = new Map<string, Promise<void>>();
  /** Each build asks for the room of all, and to go through one may take seconds: here are those that no step has had since. */
  readonly #bytes = new Map<string, number>();
  #uses = 0;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** For a step, until it is released. `begins` tells what a new one begins with, empty for nothing. */
  async hold(mount: CacheMount, begins: string, fill: FillCache, signal: AbortSignal): Promise<HeldCache> {
    makeDirectory(this.#directory, placeMode);
    const base = cacheMountName(mount, begins);
    if (mount.sharing === "private") return await this.#use(this.#freeName(base), mount, fill);
    if (mount.sharing === "shared") return await this.#use(base, mount, fill);
    const before = this.#locks.get(base) ?? Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#locks.set(
      base,
      before.then(() => promise),
    );
    try {
      await untilAborted(before, signal);
      const held = await this.#use(base, mount, fill);
      return {
        ...held,
        release: () => {
          held.release();
          resolve();
        },
      };
    } catch (thrown) {
      resolve();
      throw thrown;
    }
  }

  isInUse(name: string): boolean {
    return (this.#users.get(name) ?? 0) > 0;
  }

  names(): string[] {
    if (!exists(this.#directory)) return [];
    using directory = openFile(undefined, this.#directory, openFlags.readOnly | openFlags.directory);
    return listDirectory(directory, this.#directory)
      .map(({ name }) => name)
      .filter((name) => !name.startsWith(unfinished));
  }

  pathOf(name: string): string {
    return `${this.#directory}/${name}/${contentName}`;
  }

  async bytesOf(name: string): Promise<number> {
    const known = this.#bytes.get(name);
    if (known !== undefined) return known;
    if (!exists(this.pathOf(name))) return 0;
    const uses = this.#uses;
    const bytes = await treeBytes(this.pathOf(name));
    // Nobody may have had it meanwhile.
    if (!this.isInUse(name) && uses === this.#uses) this.#bytes.set(name, bytes);
    return bytes;
  }

  async remove(name: string): Promise<void> {
    if (this.isInUse(name)) return;
    this.#bytes.delete(name);
    const gone = `${this.#directory}/${unfinished}${randomHex(nameDigits)}`;
    if (!exists(`${this.#directory}/${name}`)) return;
    renamePath(`${this.#directory}/${name}`, gone);
    await removeTreeInSlices(gone);
  }

  /** What an engine that ended has not finished. */
  async settle(): Promise<void> {
    if (!exists(this.#directory)) return;
    using directory = openFile(undefined, this.#directory, openFlags.readOnly | openFlags.directory);
    for (const { name } of listDirectory(directory, this.#directory)) {
      if (name.startsWith(unfinished)) await removeTreeInSlices(`${this.#directory}/${name}`);
    }
  }

  /** The first of its kind that nobody has. */
  #freeName(base: string): string {
    for (let number = 0; ; number += 1) {
      const name = number === 0 ? base : `${base}-${number}`;
      if (!this.isInUse(name)) return name;
    }
  }

  async #use(name: string, mount: CacheMount, fill: FillCache): Promise<HeldCache> {
    this.#users.set(name, (this.#users.get(name) ?? 0) + 1);
    this.#uses += 1;
    this.#bytes.delete(name);
    let held = true;
    const release = (): void => {
      if (held) this.#users.set(name, (this.#users.get(name) ?? 1) - 1);
      held = false;
    };
    try {
      const making = this.#making.get(name) ?? this.#make(name, mount, fill);
      this.#making.set(name, making);
      await making.finally(() => this.#making.delete(name));
      return { path: this.pathOf(name), name, release };
    } catch (thrown) {
      release();
      throw thrown;
    }
  }

  async #make(name: string, { mode, uid, gid }: CacheMount, fill: FillCache): Promise<void> {
    if (exists(`${this.#directory}/${name}`)) return;
    const made = `${this.#directory}/${unfinished}${randomHex(nameDigits)}`;
    makeDirectory(made, placeMode);
    try {
      makeDirectory(`${made}/${contentName}`, placeMode);
      using directory = openDirectory(made);
      changeOwner(directory, contentName, { uid, gid });
      changeMode(directory, contentName, mode);
      await fill(`${made}/${contentName}`, name);
      renamePath(made, `${this.#directory}/${name}`);
    } catch (thrown) {
      await removeTreeInSlices(made);
      throw thrown;
    }
  }
}

/** Of the directory that keeps it: the same in every engine. */
export function cacheMountName({ id, source, input }: CacheMount, begins: string): string {
  const text = JSON.stringify([id, input === -1 ? "" : begins, source]);
  return createHash("sha256").update(text).digest("hex").slice(0, nameDigits);
}

async function untilAborted(work: Promise<void>, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", abort);
    promise.catch(() => {});
  }
}
