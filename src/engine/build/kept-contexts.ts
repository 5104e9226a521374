/**
 * Directories of clients that stay when their build has ended, so that the next one from the same directory brings only what has
 * changed. One build has one at a time. After another start of the machine nothing is believed that was written before.
 */
import { createHash } from "node:crypto";
import { fileStatus, listDirectory, removeTreeInSlices } from "../../kernel/directory.ts";
import { makeDirectory, openDirectory, openFile, openFlags } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { spreadDirectories } from "../../kernel/spread.ts";
import { changeTime } from "../../kernel/tree-writer.ts";
import { nowMs } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { randomHex } from "../../lib/ids.ts";
import { resolveFlags } from "../../linux/open-flags.ts";

const privateMode = 0o700;
const placeDigits = 8;
const bootDigits = 8;
const nameDigits = 32;
/** Those used last stay. */
const limitKept = 16;
const nsPerMs = 1_000_000n;

export interface KeptContext extends Disposable {
  /** Where its files are. */
  readonly path: string;
  /** What its files have, so that nobody has to go through them to know. */
  tellBytes(bytes: number): void;
}

export interface KeptContextUse {
  readonly name: string;
  readonly bytes: number;
  readonly usedMs: number;
  readonly inUse: boolean;
}

export class KeptContexts {
  readonly #directory: string;
  readonly #boot: string;
  readonly #report: (thrown: unknown) => void;
  readonly #inUse = new Set<string>();
  /** Each build asks for the room of all: those that no build has had since have not changed. */
  readonly #bytes = new Map<string, number>();

  /** @param bootId Of this start of the machine. @param report Hears of what could not be taken away. */
  constructor(directory: string, bootId: string, report: (thrown: unknown) => void) {
    this.#directory = directory;
    this.#boot = digest(bootId, bootDigits);
    this.#report = report;
  }

  /** Takes away what was there before the machine's last start, and of the rest what is too much. */
  async settle(): Promise<void> {
    makeDirectory(this.#directory, privateMode);
    for (const name of this.#names()) {
      if (!name.startsWith(this.#boot)) await this.#remove(name);
    }
  }

  /** The directory of that key; undefined while another build has it. */
  take(key: string): KeptContext | undefined {
    const name = `${this.#boot}-${digest(key, nameDigits)}`;
    if (this.#inUse.has(name)) return undefined;
    this.#inUse.add(name);
    this.#bytes.delete(name);
    const place = `${this.#directory}/${name}`;
    try {
      makeDirectory(this.#directory, privateMode);
      if (makeDirectory(place, privateMode)) void this.#tidy();
      const files = filesOf(place);
      using parent = openDirectory(this.#directory);
      changeTime(parent, name, BigInt(nowMs()) * nsPerMs);
      return {
        path: files,
        tellBytes: (bytes) => void this.#bytes.set(name, bytes),
        [Symbol.dispose]: () => void this.#inUse.delete(name),
      };
    } catch (thrown) {
      this.#inUse.delete(name);
      throw thrown;
    }
  }

  usage(): KeptContextUse[] {
    return this.#names().map((name) => ({
      name,
      bytes: this.#bytesOf(name),
      usedMs: this.#usedMs(name),
      inUse: this.#inUse.has(name),
    }));
  }

  /** False: a build has it. */
  async remove(name: string): Promise<boolean> {
    if (this.#inUse.has(name) || !this.#names().includes(name)) return false;
    this.#inUse.add(name);
    await this.#remove(name);
    this.#inUse.delete(name);
    return true;
  }

  #names(): string[] {
    makeDirectory(this.#directory, privateMode);
    using list = openFile(undefined, this.#directory, openFlags.readOnly | openFlags.directory);
    return listDirectory(list, this.#directory).map(({ name }) => name);
  }

  #usedMs(name: string): number {
    return Number((fileStatus(`${this.#directory}/${name}`)?.modifiedAtNs ?? 0n) / nsPerMs);
  }

  #bytesOf(name: string): number {
    const known = this.#bytes.get(name);
    if (known !== undefined) return known;
    using root = openDirectory(`${this.#directory}/${name}`);
    const bytes = bytesBelow(root, ".");
    if (!this.#inUse.has(name)) this.#bytes.set(name, bytes);
    return bytes;
  }

  async #tidy(): Promise<void> {
    const old = this.#names()
      .map((name) => ({ name, usedMs: this.#usedMs(name) }))
      .sort((a, b) => b.usedMs - a.usedMs)
      .slice(limitKept);
    for (const { name } of old) await this.remove(name);
  }

  async #remove(name: string): Promise<void> {
    this.#bytes.delete(name);
    try {
      await removeTreeInSlices(`${this.#directory}/${name}`);
    } catch (thrown) {
      this.#report(new Error(`cannot take a kept context away: ${messageOf(thrown)}`));
    }
  }
}

/**
 * The directory in `place` that has the files. Where it is new its name is, too: an ext4 without a journal looks at each inode that was
 * taken away in the last minutes, for each file that it makes in the same part of the disk, and the same name would lead there again.
 */
function filesOf(place: string): string {
  using list = openFile(undefined, place, openFlags.readOnly | openFlags.directory);
  const there = listDirectory(list, place)[0];
  if (there !== undefined) return `${place}/${there.name}`;
  spreadDirectories(place);
  const files = `${place}/${randomHex(placeDigits)}`;
  makeDirectory(files, privateMode);
  return files;
}

function bytesBelow(root: OwnedFd, path: string): number {
  const resolve = resolveFlags.beneath | resolveFlags.noSymlinks;
  using list = openFile(root, path, openFlags.readOnly | openFlags.directory, { resolve });
  let bytes = 0;
  for (const { name, type } of listDirectory(list, path)) {
    if (type === "directory") bytes += bytesBelow(root, `${path}/${name}`);
    else bytes += fileStatus(name, list)?.sizeBytes ?? 0;
  }
  return bytes;
}

function digest(text: string, digits: number): string {
  return createHash("sha256").update(text).digest("hex").slice(0, digits);
}
