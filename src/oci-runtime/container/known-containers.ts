/**
 * State files that this process has read already, for `list`, which wants all of them. What it keeps may be thrown away at any moment,
 * and is believed only while the file is the one that was read: its device, inode, length and time of change are the same, and that time
 * was past when it was read, so that a later change cannot have the same. (Clocks of file systems tick every few milliseconds.)
 */
import { type FileStatus, fileStatus } from "../../kernel/directory.ts";
import { nowMs } from "../../lib/clock.ts";
import { readContainer, type StoredContainer } from "./container-record.ts";

const tickMs = 100;
const nsPerMs = 1_000_000n;
/** Roots of which something is kept. */
const mostRoots = 4;

interface Known {
  readonly status: FileStatus;
  readonly container: StoredContainer;
}

export interface Listed {
  readonly container: StoredContainer;
  /** Who has made it. */
  readonly uid: number;
}

export class KnownContainers {
  /** By root, then by id. */
  readonly #known = new Map<string, Map<string, Known>>();

  /** What is kept of containers that are not among `ids` is forgotten. */
  forgetOthers(root: string, ids: readonly string[]): void {
    const before = this.#known.get(root);
    this.#known.delete(root);
    const kept = new Map<string, Known>();
    for (const id of ids) {
      const known = before?.get(id);
      if (known !== undefined) kept.set(id, known);
    }
    this.#known.set(root, kept);
    const [oldest] = this.#known.keys();
    if (this.#known.size > mostRoots && oldest !== undefined) this.#known.delete(oldest);
  }

  /** Throws as `readContainer` does. */
  read(root: string, id: string): Listed {
    const status = fileStatus(`${root}/${id}`);
    const uid = status?.uid ?? 0;
    const known = this.#known.get(root)?.get(id);
    if (status !== undefined && known !== undefined && isSame(known.status, status)) {
      return { container: known.container, uid };
    }
    const container = readContainer(root, id);
    const isSettled =
      status !== undefined && BigInt(nowMs()) - status.modifiedAtNs / nsPerMs > BigInt(tickMs);
    if (isSettled) this.#known.get(root)?.set(id, { status, container: forList(container) });
    return { container, uid };
  }
}

function isSame(one: FileStatus, other: FileStatus): boolean {
  return (
    one.inode === other.inode &&
    one.modifiedAtNs === other.modifiedAtNs &&
    one.sizeBytes === other.sizeBytes &&
    one.deviceMinor === other.deviceMinor &&
    one.deviceMajor === other.deviceMajor &&
    one.uid === other.uid &&
    one.type === other.type
  );
}

/** Without what is large and what a list does not show: filters, environments, hooks. */
function forList({ record, ...stored }: StoredContainer): StoredContainer {
  const { seccomp: _filter, process: _process, hooks: _hooks, ...small } = record;
  return { ...stored, record: small };
}
