/** The words that may stand where a command stands. */
import { type Completable, completableGroups } from "./completable.ts";

/** After the program's name. */
export function topWords(all: readonly Completable[]): string[] {
  const own = all.filter((one) => !one.name.includes(" ")).map((one) => one.name);
  return [...own, ...completableGroups.map((group) => group.name), "daemon", "help"].sort();
}

/** After the name of a group. */
export function membersOf(all: readonly Completable[], group: string): string[] {
  return all.filter((one) => one.name.startsWith(`${group} `)).map((one) => one.name.slice(group.length + 1));
}
