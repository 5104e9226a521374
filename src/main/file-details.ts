/** What the kernel tells of files, and Node does not, for the command line. */
import { isCarried } from "../archive/mod.ts";
import type { FileDetails } from "../client/pack-host.ts";
import { dataStretches } from "../kernel/data-stretches.ts";
import { attributeNames, readAttribute } from "../kernel/extended-attributes.ts";
import { openFlags, tryOpenFile } from "../kernel/files.ts";
import { OwnedFd } from "../kernel/owned-fd.ts";

/** A file with more stretches is taken whole: the list of them would be the larger part. */
const mostStretches = 4096;
/** Labels of security modules are this machine's; this one is the program's. */
const capability = "security.capability";

const noAttributes: ReadonlyMap<string, Uint8Array> = new Map();

function opened<T, O>(path: string, flags: number, otherwise: O, look: (file: OwnedFd) => T): T | O {
  const found = tryOpenFile(path, flags | openFlags.noFollow);
  if (!(found instanceof OwnedFd)) return otherwise;
  using file = found;
  return look(file);
}

function attributesOf(file: OwnedFd): ReadonlyMap<string, Uint8Array> {
  const found = new Map<string, Uint8Array>();
  for (const name of attributeNames(file)) {
    const isContent = name.startsWith("security.") ? name === capability : isCarried(name, "directory");
    const value = isContent ? readAttribute(file, name) : undefined;
    if (value !== undefined) found.set(name, value);
  }
  return found;
}

export const fileDetails: FileDetails = {
  attributes: (path) => opened(path, openFlags.path, noAttributes, attributesOf),
  stretches: (path) =>
    opened(path, openFlags.nonBlocking, undefined, (file) => dataStretches(file, mostStretches)),
};
