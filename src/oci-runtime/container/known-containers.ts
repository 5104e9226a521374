/**
 * All containers below a root, for `list`. Who asks for the first time has them read, one after the other; who asks again, as only those
 * do whom a resident helper serves, is told from memory. What is kept there is believed because the kernel says what changes: inotify
 * which entries of the root, a descriptor of each process its end; whether it is frozen is read, from a file that is open. What
 * inotify could not say (its queue was full, another directory has the root's name) has everything read again.
 */
import { type FileStatus, fileStatus, pathStatus } from "../../kernel/directory.ts";
import { DirectoryWatch } from "../../kernel/directory-watch.ts";
import { exists } from "../../kernel/files.ts";
import { PollSet, pollIn } from "../../kernel/poll.ts";
import { fdLimit } from "../../kernel/process-limits.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { RuntimeHost } from "../host/host.ts";
import {
  isContainerName,
  listContainers,
  namesBelow,
  readContainer,
  type StoredContainer,
} from "./container-record.ts";
import { HeldContainer } from "./held-container.ts";
import { type ContainerStatus, statusOf } from "./status.ts";

/** Roots of which something is kept. */
const mostRoots = 4;
/** So many are read before others have their turn. */
const atOnce = 32;
/** One part of the descriptors that this process may have; commands need the others. */
const partOfDescriptors = 8;
const descriptorsEach = 2;

export interface Listed {
  readonly container: StoredContainer;
  /** Who has made it. */
  readonly uid: number;
  readonly status: ContainerStatus;
}

type Pause = Pick<RuntimeHost, "pause">;
type Tell = (error: TiffinError) => void;

/** What has no readable state is told of; what was deleted since it was listed is not. */
function readIfThere(root: string, id: string, tell: Tell): StoredContainer | "gone" | "unreadable" {
  try {
    return readContainer(root, id);
  } catch (thrown) {
    if (!(thrown instanceof TiffinError)) throw thrown;
    if (thrown.code === "runtime.no-container") return "gone";
    tell(thrown);
    return "unreadable";
  }
}

const ownerOf = (root: string, id: string): number => fileStatus(`${root}/${id}`)?.uid ?? 0;

async function readAll(root: string, host: Pause, tell: Tell): Promise<Listed[]> {
  const listed: Listed[] = [];
  for (const [index, id] of listContainers(root).entries()) {
    const container = readIfThere(root, id, tell);
    if (typeof container !== "string")
      listed.push({ container, uid: ownerOf(root, id), status: statusOf(root, container) });
    if (index % atOnce === atOnce - 1) await host.pause(0);
  }
  return listed;
}

class WatchedRoot implements Disposable {
  readonly #root: string;
  readonly #identity: FileStatus | undefined;
  readonly #watch: DirectoryWatch;
  readonly #mostHeld = Math.floor(fdLimit() / partOfDescriptors / descriptorsEach);
  readonly #names: Set<string>;
  /** To be read before the next answer. */
  readonly #changed: Set<string>;
  readonly #held = new Map<string, HeldContainer>();
  #sorted: readonly string[] | undefined;
  #isDisposed = false;

  /** The watch is older than the names, so whatever changes while they are read is seen too. */
  constructor(root: string, watch: DirectoryWatch) {
    this.#root = root;
    this.#watch = watch;
    this.#identity = pathStatus(root);
    this.#names = new Set(namesBelow(root));
    this.#changed = new Set(this.#names);
  }

  /** False when it is no longer known what has changed. */
  notice(): boolean {
    const now = pathStatus(this.#root);
    const before = this.#identity;
    const isSame =
      now !== undefined &&
      now.inode === before?.inode &&
      now.deviceMajor === before.deviceMajor &&
      now.deviceMinor === before.deviceMinor;
    const changed = isSame ? this.#watch.changed() : undefined;
    for (const name of changed ?? []) this.#changed.add(name);
    return changed !== undefined;
  }

  async list(host: Pause, tell: Tell): Promise<Listed[]> {
    for (const [index, name] of [...this.#changed].entries()) {
      // Another list may have read it while this one let others have their turn.
      if (this.#changed.delete(name)) this.#readAgain(name, tell);
      if (index % atOnce === atOnce - 1) await host.pause(0);
      // Another list has found meanwhile that this is no longer the root.
      if (this.#isDisposed) return readAll(this.#root, host, tell);
    }
    this.#sorted ??= [...this.#held.keys()].sort();
    const all = this.#sorted.flatMap((id) => this.#held.get(id) ?? []);
    const ended = endedAmong(all);
    return all.map((each) => ({
      container: each.container,
      uid: each.uid,
      status: each.status(ended.has(each), this.#names),
    }));
  }

  #readAgain(name: string, tell: Tell): void {
    if (!isContainerName(name)) {
      if (exists(`${this.#root}/${name}`)) this.#names.add(name);
      else this.#names.delete(name);
      return;
    }
    const before = this.#held.get(name);
    before?.[Symbol.dispose]();
    this.#held.delete(name);
    const container = readIfThere(this.#root, name, tell);
    // Each list tells of it.
    if (container === "unreadable") this.#changed.add(name);
    if (typeof container !== "string") {
      const mayHold = this.#held.size < this.#mostHeld;
      this.#held.set(name, new HeldContainer(this.#root, container, ownerOf(this.#root, name), mayHold));
    }
    if ((before === undefined) === this.#held.has(name)) this.#sorted = undefined;
  }

  [Symbol.dispose](): void {
    this.#isDisposed = true;
    this.#watch[Symbol.dispose]();
    for (const each of this.#held.values()) each[Symbol.dispose]();
    this.#held.clear();
  }
}

function endedAmong(all: readonly HeldContainer[]): ReadonlySet<HeldContainer> {
  const held = all.filter((each) => each.isHeld);
  if (held.length === 0) return new Set();
  const set = new PollSet(held.length);
  for (const [index, each] of held.entries()) set.set(index, each.process, pollIn);
  while (set.wait(0) === "interrupted");
  return new Set(held.filter((_, index) => set.events(index) !== 0));
}

export class KnownContainers {
  /** Undefined for one that was listed once. */
  readonly #roots = new Map<string, WatchedRoot | undefined>();

  /** Sorted by their ids. `tell` hears of those whose state cannot be read. */
  async list(root: string, host: Pause, tell: Tell): Promise<Listed[]> {
    const watched = this.#watched(root);
    return watched === undefined ? readAll(root, host, tell) : watched.list(host, tell);
  }

  #watched(root: string): WatchedRoot | undefined {
    const known = this.#roots.get(root);
    if (known?.notice() === true) return known;
    known?.[Symbol.dispose]();
    const watch = this.#roots.has(root) ? DirectoryWatch.open(root) : undefined;
    const watched = watch === undefined ? undefined : new WatchedRoot(root, watch);
    this.#roots.delete(root);
    this.#roots.set(root, watched);
    const [oldest] = this.#roots;
    if (this.#roots.size > mostRoots && oldest !== undefined) {
      this.#roots.delete(oldest[0]);
      oldest[1]?.[Symbol.dispose]();
    }
    return watched;
  }
}
