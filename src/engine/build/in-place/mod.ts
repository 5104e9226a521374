/** Directories of clients that are read where they are. */
export { ContextChanged } from "./context-changed.ts";
export { DirectoryMemory } from "./directory-memory.ts";
export { appearanceOf, type OpenedDirectories, openNamed } from "./open-named.ts";
