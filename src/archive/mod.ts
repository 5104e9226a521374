/** Archive formats, as pure codecs. */

export { isCarried } from "./erofs/attributes.ts";
export type { ImageSource } from "./erofs/image-bytes.ts";
export { type ImageEntry, type ReadImageOptions, readImage } from "./erofs/read.ts";
export { type ImageSink, segmentBytes } from "./erofs/sink.ts";
export { type ErofsImage, ErofsWriter, type ErofsWriterOptions } from "./erofs/write.ts";
export { escapes, insidePath } from "./inside-path.ts";
export { countedBytes, emptyFile, type TarEntry, type TarEntryType, type TarSegment } from "./tar/entry.ts";
export { type TarMember, tarMembers } from "./tar/members.ts";
export { TarReader, type TarSink } from "./tar/read.ts";
export { endOfArchive, headerOf, padding, storedBytes } from "./tar/write.ts";
export { limitUnpackedBytes, tooLarge } from "./too-large.ts";
