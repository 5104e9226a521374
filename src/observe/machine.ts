/** What the kernel told this program at its start: the size of a page, and when the machine began. */
import { readBytes, readTextIfPossible } from "../kernel/files.ts";

/** getauxval(3): AT_PAGESZ. */
const atPageSize = 6n;
const commonPageBytes = 4096;

export function pageBytesOfMachine(): number {
  const bytes = readBytes("/proc/self/auxv");
  const words = new BigUint64Array(bytes.slice().buffer);
  for (let index = 0; index + 1 < words.length; index += 2) {
    if (words[index] === atPageSize) return Number(words[index + 1]);
  }
  return commonPageBytes;
}

/** Seconds since 1970 at which the machine began; undefined where /proc/stat cannot be read. */
export function bootSeconds(): number | undefined {
  const line = /^btime (\d+)$/m.exec(readTextIfPossible("/proc/stat") ?? "");
  return line?.[1] === undefined ? undefined : Number(line[1]);
}
