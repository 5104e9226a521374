/** What a shell may offer at a place of the command line, as data: fixed words, and lists that the engine is asked for. */

/** Lists that only the engine knows. */
export type LiveList = "containers" | "running" | "paused" | "startable" | "images" | "volumes" | "networks";

export interface Offer {
  readonly words: readonly string[];
  readonly lists: readonly LiveList[];
}

/** The commands that print the lists, one name a line. */
export const listCommands: Readonly<Record<LiveList, string>> = {
  containers: "tiffin ps --all --format '{{.Names}}' 2>/dev/null",
  running: "tiffin ps --format '{{.Names}}' 2>/dev/null",
  paused: "tiffin ps --filter status=paused --format '{{.Names}}' 2>/dev/null",
  startable:
    "tiffin ps --all --filter status=created --filter status=exited --format '{{.Names}}' 2>/dev/null",
  volumes: "tiffin volume ls --quiet 2>/dev/null",
  networks: "tiffin network ls --format '{{.Name}}' 2>/dev/null",
  images: "tiffin images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null",
};

export function words(...all: readonly string[]): Offer {
  return { words: all, lists: [] };
}

export function listed(...lists: readonly LiveList[]): Offer {
  return { words: [], lists };
}
