/** Directories of clients that are read where they are. */
export { contextChanged, isContextChanged } from "./context-changed.ts";
export { DirectoryMemory } from "./directory-memory.ts";
export { appearanceOf, type OpenedDirectories, openNamed } from "./open-named.ts";
