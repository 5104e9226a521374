/**
 * What is known of files' content, so that an unchanged file is not read again. A file is known by its place on the disk, its
 * size and its times, of which nobody can choose that of the last change; one that has changed a moment ago might change
 * once more within the same tick of that clock, and is not remembered.
 */
import type { FileStatus } from "../../kernel/directory.ts";
import { nowMs } from "../../lib/clock.ts";

/** The oldest go: as many as a large context has. */
const limitFiles = 40_000;
const nsPerMs = 1_000_000n;
/** Longer than a tick of the clock that file systems look at. */
const settledMs = 50;

type Identity = Pick<
  FileStatus,
  "deviceMajor" | "deviceMinor" | "inode" | "sizeBytes" | "modifiedAtNs" | "changedAtNs"
>;

export class ContentMemory {
  readonly #facts = new Map<string, string>();

  /** What was remembered of the file as it is. */
  find(status: Identity): string | undefined {
    return this.#facts.get(keyOf(status));
  }

  remember(status: Identity, fact: string): void {
    if (BigInt(nowMs() - settledMs) * nsPerMs < status.changedAtNs) return;
    this.#facts.set(keyOf(status), fact);
    if (this.#facts.size <= limitFiles) return;
    for (const oldest of this.#facts.keys()) {
      this.#facts.delete(oldest);
      return;
    }
  }
}

function keyOf({ deviceMajor, deviceMinor, inode, sizeBytes, modifiedAtNs, changedAtNs }: Identity): string {
  return `${deviceMajor}:${deviceMinor}:${inode}:${sizeBytes}:${modifiedAtNs}:${changedAtNs}`;
}
