/** Mounts on the host that a case binds from; taken away at its end. */
function call(...words: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync([...words]);
  if (exitCode !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
}

export class HostMounts implements AsyncDisposable {
  readonly #points: string[] = [];

  /** A file system, a tmpfs when nothing else is said, at `point` with the mount options `words`. */
  add(point: string, words: string, type = "tmpfs"): void {
    call("mount", "-t", type, "-o", words, "tiffin-test", point);
    this.#points.push(point);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const point of this.#points.reverse()) call("umount", "-l", point);
  }
}

/** A tmpfs at `point` whose mount, and those below it, propagate. */
export function onHostMount(point: string, words: string): HostMounts {
  const mounts = new HostMounts();
  mounts.add(point, words);
  call("mount", "--make-shared", point);
  return mounts;
}
