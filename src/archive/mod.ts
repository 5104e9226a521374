/** Archive formats, as pure codecs. */
export type { TarEntry, TarEntryType } from "./tar/entry.ts";
export { TarReader, type TarSink } from "./tar/read.ts";
export { endOfArchive, headerOf, padding } from "./tar/write.ts";
