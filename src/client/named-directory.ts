/** A directory of this machine, said so that an engine can tell whether it sees the same one. */
import { readFileSync, statSync } from "node:fs";
import type { NamedDirectories } from "../docker/types/build.ts";

/** Undefined where there is no such directory, or nothing to tell this machine from another. Links to `directory` are followed. */
export function namedDirectory(directory: string, name = ""): NamedDirectories | undefined {
  try {
    const { dev, ino } = statSync(directory, { bigint: true });
    return {
      Boot: readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim(),
      Directories: { [name]: { Path: directory, Device: deviceText(dev), Inode: String(ino) } },
    };
  } catch {
    return undefined;
  }
}

/** As C libraries put the two parts together. makedev(3) */
function deviceText(device: bigint): string {
  const major = ((device >> 8n) & 0xfffn) | ((device >> 32n) & 0xfffff000n);
  const minor = (device & 0xffn) | ((device >> 12n) & 0xffffff00n);
  return `${major}:${minor}`;
}
