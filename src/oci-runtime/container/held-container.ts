/** A container whose process and freezer are held open, so that its state is told without looking for them again. */
import { openFile, openFlags } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { openPidfd } from "../../kernel/pidfd.ts";
import { SyscallError, trySyscall } from "../../kernel/syscall.ts";
import type { StoredContainer } from "./container-record.ts";
import { type ContainerStatus, freezerFiles, isAlive, type Signs, signsOf, statusBy } from "./status.ts";

/** For one word, which comes in one read. */
const word = new Uint8Array(32);
const decoder = new TextDecoder();

interface Freezer {
  readonly file: OwnedFd;
  readonly frozen: readonly string[];
}

/** What cannot be opened is asked for again each time instead. */
function ifPossible<Result>(work: () => Result): Result | undefined {
  try {
    return work();
  } catch (thrown) {
    if (thrown instanceof SyscallError) return undefined;
    throw thrown;
  }
}

export class HeldContainer implements Disposable {
  readonly container: StoredContainer;
  /** Who has made it. */
  readonly uid: number;
  /** Readable once the process has ended. */
  readonly process: OwnedFd | undefined;
  readonly #freezer: Freezer | undefined;
  readonly #plain: Signs;
  #ended: boolean;

  /** `mayHold`: two descriptors may be kept for it. */
  constructor(root: string, container: StoredContainer, uid: number, mayHold: boolean) {
    const { process, record } = container;
    const pidfd = mayHold && process !== undefined ? ifPossible(() => openPidfd(process.pid)) : undefined;
    // By then it was this process that the descriptor holds, or another one has its number.
    this.#ended = process !== undefined && !isAlive(process);
    if (this.#ended) pidfd?.[Symbol.dispose]();
    this.process = this.#ended ? undefined : pidfd;
    this.container = forList(container);
    this.uid = uid;
    this.#plain = signsOf(root, this.container);
    this.#freezer = this.process === undefined ? undefined : openFreezer(record.cgroup);
  }

  /** `hasEnded`: what `process` said. `names`: what is there in the root. */
  status(hasEnded: boolean, names: ReadonlySet<string>): ContainerStatus {
    if (hasEnded) this.#end();
    return statusBy(this.container, {
      isAlive: () => !this.#ended && (this.process !== undefined || this.#plain.isAlive()),
      isFrozen: () => this.#isFrozen(),
      isThere: (startSocket) => names.has(startSocket),
    });
  }

  get isHeld(): boolean {
    return this.process !== undefined && !this.#ended;
  }

  #isFrozen(): boolean {
    const freezer = this.#freezer;
    if (freezer === undefined) return this.#plain.isFrozen();
    const length = trySyscall("pread64", freezer.file.raw, word, word.length, 0);
    if (length < 0) return this.#plain.isFrozen();
    return freezer.frozen.includes(decoder.decode(word.subarray(0, length)).trim());
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.process?.[Symbol.dispose]();
    this.#freezer?.file[Symbol.dispose]();
  }
}

function openFreezer(cgroup: StoredContainer["record"]["cgroup"]): Freezer | undefined {
  for (const { path, frozen } of freezerFiles(cgroup)) {
    const file = ifPossible(() => openFile(undefined, path, openFlags.readOnly));
    if (file !== undefined) return { file, frozen };
  }
  return undefined;
}

/** Without what is large and what a list does not show: filters, environments, hooks. */
function forList({ record, ...stored }: StoredContainer): StoredContainer {
  const { seccomp: _filter, process: _process, hooks: _hooks, ...small } = record;
  return { ...stored, record: small };
}
