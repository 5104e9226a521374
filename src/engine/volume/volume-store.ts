/**
 * Named volumes of the local kind. The directory is the volume; the row says what a directory cannot, and is made again
 * when it is missing. A volume comes into being with the first container that names it. An anonymous one belongs to the
 * container it was made for and goes with it.
 *
 *   ROOT/volumes/<name>/_data      its files, or where what its driver mounts is thought to be
 *   ROOT/volumes/<name>/driver     driver and options, where they are not the ordinary ones: the row once more
 *   ROOT/volumes/.new-<hex>/       being made or filled; nobody's yet, so a start takes it away
 *   ROOT/volumes/.trash/<hex>      being deleted
 *
 * No name of a volume begins with a dot. Only what has such a name is ever deleted at a start.
 */
import type { Database } from "bun:sqlite";
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  utimesSync,
} from "node:fs";
import { mapOf, object, text } from "../../docker/decode.ts";
import { isEmptyDirectory } from "../../kernel/directory.ts";
import { readTextIfPossible, writeAtomically } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { nowMs } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { randomHex } from "../../lib/ids.ts";
import { syncDirectory, Trash, treeBytes } from "../layer/mod.ts";
import { directWrites, type Writes } from "../store/mod.ts";
import { VolumePlugins } from "./plugins.ts";

export interface Volume {
  readonly name: string;
  /** Where its files are on the host. */
  readonly directory: string;
  readonly anonymous: boolean;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdMs: number;
  /** `local`, or the name of a plug-in. */
  readonly driver: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface VolumeWishes {
  readonly anonymous: boolean;
  /** It must outlive a power cut. */
  readonly durable: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  readonly driver?: string;
  readonly options?: Readonly<Record<string, string>>;
  /** Copies what an empty volume begins with into the directory that it is given, the directory's own owner included. */
  readonly fill?: (directory: string) => Promise<void>;
}

export interface VolumeStore {
  /** Where the data of a volume of that name is, or would be. */
  placeOf(name: string): string;
  /** The volume of that name, made when there is none, and filled when it is empty. */
  ensure(name: string, wishes: VolumeWishes): Promise<Volume>;
  find(name: string): Volume | undefined;
  /** By name. */
  all(): Volume[];
  /** What its files take on the disk, hard links once. */
  bytesOf(name: string): Promise<number>;
  /** Takes the volume away at once; its files are deleted in the background. Idempotent. */
  remove(name: string): void;
  /**
   * Mounts of volumes that containers share while they run, by the volume's name. They exist as descriptors alone: whatever
   * ends how, the kernel takes them back with the last container that has them.
   */
  readonly mounted: Map<string, OwnedFd>;
  /** The drivers that are not the engine's own. */
  readonly plugins: VolumePlugins;
  /** As `remove`, of its driver too, which may refuse; `force` takes the volume away all the same. */
  removeWithDriver(name: string, force?: boolean): Promise<void>;
  /** At a start: brings rows and directories to agree, and reports what did not. No volume is deleted. */
  recover(): void;
  /** Resolves when the files of all removed volumes have been deleted. */
  emptied(): Promise<void>;
  /** Stops background work; the next start goes on with it. */
  close(): void;
}

type VolumeFailpoint = "volume.filled" | "volume.placed" | "volume.discarded";

export interface VolumeStoreOptions {
  readonly plugins?: VolumePlugins;
  readonly database: Database;
  /** ROOT/volumes. */
  readonly root: string;
  readonly writes?: Writes;
  readonly report?: (thrown: unknown) => void;
  /** Where a test makes the engine fail or die. */
  readonly fail?: (name: VolumeFailpoint) => void;
}

interface VolumeRow {
  readonly name: string;
  readonly anonymous: number;
  readonly labels: string;
  readonly created_ms: number;
  readonly driver: string;
  readonly driver_options: string;
}

const labelsOf = mapOf(text);

/** It is the name of a directory, too. */
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,254}$/;
const anonymousPattern = /^[0-9a-f]{64}$/;
const unfinishedPrefix = ".new-";
const privateMode = 0o700;
const dataMode = 0o755;
const nameDigits = 16;
export const localDriver = "local";
const driverFile = "driver";
const driverOf = object({ driver: text, options: mapOf(text) });

export function isVolumeName(name: string): boolean {
  return namePattern.test(name);
}

export function isAnonymousName(name: string): boolean {
  return anonymousPattern.test(name);
}

export function openVolumeStore(options: VolumeStoreOptions): VolumeStore {
  return new LocalVolumeStore(options);
}

class LocalVolumeStore implements VolumeStore {
  readonly mounted = new Map<string, OwnedFd>();
  readonly plugins: VolumePlugins;
  readonly #root: string;
  readonly #writes: Writes;
  readonly #report: (thrown: unknown) => void;
  readonly #fail: (name: VolumeFailpoint) => void;
  readonly #trash: Trash;
  readonly #rows: ReturnType<typeof statementsOf>;
  /** Volumes that are being made or filled: the second container waits for the first. */
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor({ database, root, writes, report, plugins, fail }: VolumeStoreOptions) {
    mkdirSync(root, { recursive: true, mode: privateMode });
    this.#root = root;
    this.plugins = plugins ?? new VolumePlugins();
    this.#writes = writes ?? directWrites;
    this.#report = report ?? (() => {});
    this.#fail = fail ?? (() => {});
    this.#trash = new Trash(`${root}/.trash`, this.#report);
    this.#rows = statementsOf(database);
  }

  async ensure(name: string, wishes: VolumeWishes): Promise<Volume> {
    while (this.#busy.has(name)) await this.#busy.get(name);
    const found = this.find(name);
    const { fill } = wishes;
    if (found !== undefined) {
      // What a driver mounts is filled where it is mounted, if at all.
      if (fill !== undefined && isPlain(found) && isEmptyDirectory(found.directory)) {
        await this.#alone(name, () => this.#fillExisting(found.directory, fill));
      }
      return found;
    }
    await this.#alone(name, () => this.#make(name, wishes));
    const made = this.find(name);
    if (made === undefined) throw new Error(`volume ${name} was removed while it was made`);
    return made;
  }

  find(name: string): Volume | undefined {
    const row = this.#rows.find.get(name);
    if (row === null) return undefined;
    return this.#volumeOf(row);
  }

  all(): Volume[] {
    return this.#rows.all.all().map((row) => this.#volumeOf(row));
  }

  bytesOf(name: string): Promise<number> {
    return treeBytes(`${this.#root}/${name}`);
  }

  #volumeOf({
    name,
    anonymous,
    labels,
    created_ms: createdMs,
    driver,
    driver_options: options,
  }: VolumeRow): Volume {
    return {
      name,
      directory: this.placeOf(name),
      anonymous: anonymous === 1,
      labels: labelsOf(JSON.parse(labels), `labels of volume ${name}`),
      createdMs,
      driver,
      options: labelsOf(JSON.parse(options), `options of volume ${name}`),
    };
  }

  remove(name: string): void {
    this.#trash.discard(`${this.#root}/${name}`);
    this.#fail("volume.discarded");
    this.#writes.settle(`removal of volume ${name}`, () => this.#rows.forget.run(name));
  }

  async removeWithDriver(name: string, force = false): Promise<void> {
    const { driver = localDriver } = this.find(name) ?? {};
    if (driver !== localDriver) {
      try {
        await (await this.plugins.find(driver)).remove(name);
      } catch (thrown) {
        if (!force) throw thrown;
        this.#report(thrown);
      }
    }
    this.remove(name);
  }

  recover(): void {
    const known = new Set(this.#rows.all.all().map((row) => row.name));
    const present = new Set<string>();
    for (const entry of readdirSync(this.#root)) {
      if (entry.startsWith(unfinishedPrefix)) this.#trash.discard(`${this.#root}/${entry}`);
      else if (!entry.startsWith(".")) present.add(entry);
    }
    for (const name of present) if (!known.has(name)) this.#adopt(name);
    for (const name of known) {
      if (present.has(name)) continue;
      this.#report(
        new Error(`volume ${name} has no directory ${this.#root}/${name} any more; it is forgotten`),
      );
      this.#writes.settle(`removal of volume ${name}`, () => this.#rows.forget.run(name));
    }
    this.#trash.start();
  }

  emptied(): Promise<void> {
    return this.#trash.emptied();
  }

  close(): void {
    for (const mount of this.mounted.values()) mount[Symbol.dispose]();
    this.mounted.clear();
    this.#trash.close();
  }

  placeOf(name: string): string {
    return `${this.#root}/${name}/_data`;
  }

  async #alone(name: string, work: () => Promise<void>): Promise<void> {
    const working = work();
    // Whoever waits looks again; the failure is for the one who began.
    const settled = working.catch(() => {});
    this.#busy.set(name, settled);
    try {
      await working;
    } finally {
      this.#busy.delete(name);
    }
  }

  async #make(name: string, wishes: VolumeWishes): Promise<void> {
    const { driver = localDriver, options = {} } = wishes;
    const plugin = driver === localDriver ? undefined : await this.plugins.find(driver);
    // One that the plug-in has already is taken over, and left to it when the rest fails.
    const makes = plugin !== undefined && !(await plugin.has(name));
    if (makes) await plugin.create(name, options);
    try {
      await this.#makeOwn(name, wishes);
    } catch (thrown) {
      if (makes) await plugin.remove(name).catch(this.#report);
      throw thrown;
    }
  }

  /** What the engine itself has of a volume. */
  async #makeOwn(name: string, wishes: VolumeWishes): Promise<void> {
    const unfinished = this.#beginUnfinished();
    try {
      if (isPlain(wishes)) await wishes.fill?.(`${unfinished}/_data`);
      else this.#writeDriver(unfinished, wishes);
      this.#fail("volume.filled");
      if (wishes.durable) syncDirectory(unfinished);
      renameSync(unfinished, `${this.#root}/${name}`);
      if (wishes.durable) syncDirectory(this.#root);
    } catch (thrown) {
      this.#trash.discard(unfinished);
      throw thrown;
    }
    try {
      this.#fail("volume.placed");
      const anonymous = wishes.anonymous ? 1 : 0;
      const labels = JSON.stringify(wishes.labels ?? {});
      const { driver = localDriver, options = {} } = wishes;
      this.#writes.write(`volume ${name}`, () =>
        this.#rows.insert.run(name, nowMs(), labels, anonymous, driver, JSON.stringify(options)),
      );
    } catch (thrown) {
      this.#trash.discard(`${this.#root}/${name}`);
      throw thrown;
    }
  }

  /**
   * Other containers may have the empty volume mounted and write to it meanwhile. So it is copied where nobody else is,
   * and then each entry is renamed into place: a rename follows no link, whatever they do.
   */
  async #fillExisting(directory: string, fill: (directory: string) => Promise<void>): Promise<void> {
    const unfinished = this.#beginUnfinished();
    try {
      const filled = `${unfinished}/_data`;
      await fill(filled);
      const entries = readdirSync(filled);
      const { uid, gid, mode, atime, mtime } = lstatSync(filled);
      if (!isEmptyDirectory(directory)) return;
      for (const entry of entries) renameSync(`${filled}/${entry}`, `${directory}/${entry}`);
      chownSync(directory, uid, gid);
      chmodSync(directory, mode & 0o7777);
      utimesSync(directory, atime, mtime);
    } finally {
      this.#trash.discard(unfinished);
    }
  }

  #writeDriver(directory: string, { driver = localDriver, options = {} }: VolumeWishes): void {
    writeAtomically(`${directory}/${driverFile}`, JSON.stringify({ driver, options }));
  }

  #readDriver(directory: string): { readonly driver: string; readonly options: Volume["options"] } {
    const path = `${directory}/${driverFile}`;
    const found = readTextIfPossible(path);
    if (found === undefined) return { driver: localDriver, options: {} };
    return driverOf(JSON.parse(found), path);
  }

  #beginUnfinished(): string {
    const unfinished = `${this.#root}/${unfinishedPrefix}${randomHex(nameDigits)}`;
    mkdirSync(unfinished, { mode: privateMode });
    mkdirSync(`${unfinished}/_data`);
    // The mode of mkdir is subject to the process's umask.
    chmodSync(`${unfinished}/_data`, dataMode);
    return unfinished;
  }

  #adopt(name: string): void {
    const directory = `${this.#root}/${name}`;
    if (!namePattern.test(name) || !existsSync(`${directory}/_data`)) {
      this.#report(new Error(`${directory} is no volume of this engine; it is left as it is`));
      return;
    }
    try {
      const madeMs = Math.round(lstatSync(directory).mtimeMs);
      const { driver, options } = this.#readDriver(directory);
      const anonymous = isAnonymousName(name) ? 1 : 0;
      this.#rows.insert.run(name, madeMs, "{}", anonymous, driver, JSON.stringify(options));
      this.#report(new Error(`volume ${name} was not in the database; it is taken over from ${directory}`));
    } catch (thrown) {
      this.#report(new Error(`volume ${name} is not in the database: ${messageOf(thrown)}`));
    }
  }
}

/** Whether it is a directory of the engine and nothing else. */
function isPlain({ driver = localDriver, options = {} }: Pick<VolumeWishes, "driver" | "options">): boolean {
  return driver === localDriver && Object.keys(options).length === 0;
}

const selection = "SELECT name, anonymous, labels, created_ms, driver, driver_options FROM volume";

function statementsOf(database: Database) {
  return {
    find: database.query<VolumeRow, [string]>(`${selection} WHERE name = ?`),
    all: database.query<VolumeRow, []>(`${selection} ORDER BY name`),
    insert: database.query<unknown, [string, number, string, number, string, string]>(
      "INSERT INTO volume (name, created_ms, labels, anonymous, driver, driver_options) VALUES (?, ?, ?, ?, ?, ?)",
    ),
    forget: database.query<unknown, [string]>("DELETE FROM volume WHERE name = ?"),
  };
}
