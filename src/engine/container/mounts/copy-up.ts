/**
 * Fills an empty volume with what the image has at the volume's place, as Docker does: owners, modes, times, extended
 * attributes, and links as links. Reads the unmounted layers; the target is a directory that nobody else can reach. In
 * slices of a few milliseconds, since an image may have any number of files there.
 */
import { chmodSync, copyFileSync, lchownSync, linkSync, lutimesSync, mkdirSync, symlinkSync } from "node:fs";
import { copyFile } from "node:fs/promises";
import { copyAttributes as copyExtendedAttributes } from "../../../kernel/extended-attributes.ts";
import { SyscallError } from "../../../kernel/syscall.ts";
import { type TreeEntry, type TreeLayer, TreeView } from "../../../kernel/tree-view.ts";
import { monotonicMs } from "../../../lib/clock.ts";
import { pause } from "../../../lib/timer.ts";

const sliceMs = 4;
const nsPerSecond = 1e9;
/** A copy of more than this takes long enough to be worth another thread. */
const largeBytes = 256 << 10;
/** overlayfs's own notes on a directory say nothing about its content. */
const isContent = (name: string): boolean => !/^(trusted|user)\.overlay\./.test(name);

/** Copies the directory at `path` of the layers (uppermost first) into `target`; nothing when there is none. */
export async function copyFromLayers(
  layers: readonly TreeLayer[],
  path: string,
  target: string,
): Promise<void> {
  using tree = new TreeView(layers);
  using entry = find(tree, path);
  if (entry?.isDirectory === true) await new TreeCopy().directory(entry, target);
}

/** Links in a circle lead nowhere. */
function find(tree: TreeView, path: string): TreeEntry | undefined {
  try {
    return tree.find(path);
  } catch (thrown) {
    if (thrown instanceof SyscallError && thrown.code === "ELOOP") return undefined;
    throw thrown;
  }
}

class TreeCopy {
  /** Where a file with several names has been copied to, by its identity. */
  readonly #copied = new Map<string, string>();
  #sliceStartMs = monotonicMs();

  async directory(directory: TreeEntry, target: string): Promise<void> {
    for (const name of directory.names()) {
      using entry = directory.child(name);
      if (entry !== undefined) await this.#entry(entry, `${target}/${name}`);
      if (monotonicMs() - this.#sliceStartMs < sliceMs) continue;
      await pause(0);
      this.#sliceStartMs = monotonicMs();
    }
    copyAttributes(directory, target);
  }

  async #entry(entry: TreeEntry, target: string): Promise<void> {
    const { status } = entry;
    if (status.type === "directory") {
      mkdirSync(target);
      await this.directory(entry, target);
    } else if (status.type === "file") {
      if (this.#isLinked(entry, target)) return;
      if (status.sizeBytes > largeBytes) await copyFile(entry.path, target);
      else copyFileSync(entry.path, target);
      copyAttributes(entry, target);
    } else if (status.type === "symlink") {
      symlinkSync(entry.target(), target);
      lchownSync(target, status.uid, status.gid);
      copyTime(entry, target);
    }
    // Sockets, pipes and devices in an image are not data.
  }

  /** Another name of a file that has been copied already becomes another name of the copy. */
  #isLinked({ status }: TreeEntry, target: string): boolean {
    if (status.links < 2) return false;
    const identity = `${status.deviceMajor}:${status.deviceMinor}:${status.inode}`;
    const first = this.#copied.get(identity);
    if (first === undefined) {
      this.#copied.set(identity, target);
      return false;
    }
    linkSync(first, target);
    return true;
  }
}

function copyAttributes({ status, fd }: TreeEntry, target: string): void {
  lchownSync(target, status.uid, status.gid);
  // After the owner: chown clears set-id bits, and capabilities.
  chmodSync(target, status.mode);
  copyExtendedAttributes(fd, target, isContent);
  copyTime({ status }, target);
}

/** Of a link itself too. */
function copyTime({ status }: Pick<TreeEntry, "status">, target: string): void {
  const seconds = Number(status.modifiedAtNs) / nsPerSecond;
  lutimesSync(target, seconds, seconds);
}
