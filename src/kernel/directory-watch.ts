/** Which entries of a directory have changed since one last asked, so that nobody reads again what is as it was. */
import { readAvailable } from "./io.ts";
import { OwnedFd } from "./owned-fd.ts";
import { cString, trySyscall } from "./syscall.ts";

const inotifyCloexecNonblock = 0o2000000 | 0o4000;
const changes = {
  modify: 0x2,
  attributes: 0x4,
  movedFrom: 0x40,
  movedTo: 0x80,
  create: 0x100,
  delete: 0x200,
};
const onlyDirectory = 0x0100_0000;
const queueOverflow = 0x4000;
const unmounted = 0x2000;
const ignored = 0x8000;
/** struct inotify_event: watch, mask, cookie, length of the name that follows. */
const headBytes = 16;
const maskAt = 4;
const lengthAt = 12;
const bufferBytes = 64 * 1024;
const decoder = new TextDecoder();

export class DirectoryWatch implements Disposable {
  readonly #inotify: OwnedFd;

  private constructor(inotify: OwnedFd) {
    this.#inotify = inotify;
  }

  /** Undefined where there is no such directory, or the kernel gives no more watches. */
  static open(path: string): DirectoryWatch | undefined {
    const fd = trySyscall("inotify_init1", inotifyCloexecNonblock);
    if (fd < 0) return undefined;
    const inotify = new OwnedFd(fd, `changes in ${path}`);
    const mask = Object.values(changes).reduce((all, one) => all | one, onlyDirectory);
    if (trySyscall("inotify_add_watch", inotify.raw, cString(path), mask) >= 0)
      return new DirectoryWatch(inotify);
    inotify[Symbol.dispose]();
    return undefined;
  }

  /** Names that have changed since the last call, or undefined when any may have: too much happened, or the directory has gone. */
  changed(): ReadonlySet<string> | undefined {
    const names = new Set<string>();
    const buffer = new Uint8Array(bufferBytes);
    const view = new DataView(buffer.buffer);
    for (;;) {
      const got = readAvailable(this.#inotify, buffer);
      if (got === undefined) return names;
      for (let at = 0; at < got; ) {
        const length = view.getUint32(at + lengthAt, true);
        if ((view.getUint32(at + maskAt, true) & (queueOverflow | unmounted | ignored)) !== 0)
          return undefined;
        const name = decoder.decode(buffer.subarray(at + headBytes, at + headBytes + length));
        names.add(name.slice(0, name.indexOf("\0")));
        at += headBytes + length;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#inotify[Symbol.dispose]();
  }
}
