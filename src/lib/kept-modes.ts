/**
 * Which permissions a new file of a directory keeps when it is made with them. A umask or the directory's access list can take
 * some away, never add any; so a mode of bits that were all seen to be kept needs neither a look nor a change. acl(5)
 */
export class KeptModes {
  #bits = 0;

  covers(mode: number): boolean {
    return (mode & ~this.#bits) === 0;
  }

  /** A file was made with `wanted`, permission bits alone, and has `found`. */
  learn(wanted: number, found: number): void {
    if (found === wanted) this.#bits |= wanted;
  }
}
