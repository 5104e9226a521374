/** Every command as shell completion sees it, made from the commands' own tables. */
import { options as labOptions, labSummary, nouns, undoOutline } from "../../lab/outline.ts";
import { own } from "../../lib/own.ts";
import { viewOutlines } from "../../observe/outline.ts";
import type { Command } from "../command.ts";
import { commandGroups, commandTable } from "../command-table.ts";
import { listed, type Offer, words } from "./offer.ts";
import { valuesOf } from "./option-values.ts";

export interface CompletableOption {
  readonly long: string;
  readonly short: string | undefined;
  readonly help: string;
  readonly takesValue: boolean;
  /** Undefined: anything. */
  readonly values: Offer | undefined;
}

export interface Completable {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletableOption[];
  readonly arguments: Offer;
  /** All arguments are of this kind, not just the first. */
  readonly isRepeated: boolean;
}

/** Of these, only what runs is wanted. */
const forRunning = new Set([
  "attach",
  "exec",
  "kill",
  "pause",
  "cgroup",
  "port",
  "stats",
  "stop",
  "top",
  "wait",
]);

/** Of these, only what is in the one state that they end. */
const forState: Readonly<Record<string, Offer>> = { start: listed("startable"), unpause: listed("paused") };

/** What the usage does not tell: the words are names of several kinds. */
const mixed: Readonly<Record<string, Offer>> = {
  explain: { words: ["run", "exec", "rm", "network"], lists: ["containers"] },
  proc: { words: [...viewOutlines.map(({ name }) => name), "tree", "modules", "self"], lists: ["running"] },
  why: { words: ["host", "outside"], lists: ["running"] },
};

function argumentsOf(shortest: string, usage: string): Offer {
  const several = own(mixed, shortest);
  if (several !== undefined) return several;
  // What is yet to be made has no name that could be offered.
  if (/\bNETWORK\b/.test(usage)) return shortest === "network create" ? words() : listed("networks");
  if (/\bCONTAINER\b/.test(usage))
    return own(forState, shortest) ?? listed(forRunning.has(shortest) ? "running" : "containers");
  if (/(?:\b|_)IMAGE\b|\bREPOSITORY\b/.test(usage)) return listed("images");
  if (/\bVOLUME \[/.test(usage)) return listed("volumes");
  if (usage.includes("NAME|ID")) return listed("containers", "images", "volumes");
  return /^\w+(?:\|\w+)+$/.test(usage) ? words(...usage.split("|")) : words();
}

function describe(name: string, command: Command): Completable {
  const shortest = command.names.at(-1) ?? name;
  return {
    name,
    summary: command.summary,
    options: Object.entries(command.flags)
      .filter(([, flag]) => !flag.hidden)
      .map(([long, flag]) => ({
        long,
        short: flag.short,
        help: flag.help,
        takesValue: flag.bare === undefined,
        values: flag.bare === undefined ? valuesOf(shortest, long) : undefined,
      })),
    arguments: argumentsOf(shortest, command.usage),
    isRepeated:
      Object.hasOwn(mixed, shortest) ||
      /\b(CONTAINER|ID|IMAGE|VOLUME|NETWORK) \[(?:NAME|\1)\b/.test(command.usage),
  };
}

/** Commands whose name is followed by another: groups, and the bench with its nouns. */
export const completableGroups: readonly { readonly name: string; readonly summary: string }[] = [
  ...commandGroups,
  { name: "lab", summary: labSummary },
];

/** The bench's nouns, whose verbs are their first arguments. */
function benchCompletables(): Completable[] {
  const options = labOptions
    .filter(({ name }) => name !== "help")
    .map(({ name, value, summary }) => ({
      long: name,
      short: undefined,
      help: summary,
      takesValue: value !== undefined,
      values: undefined,
    }));
  const all: readonly { name: string; summary: string; verbs?: object }[] = [...nouns, undoOutline];
  return all.map(({ name, summary, verbs }) => ({
    name: `lab ${name}`,
    summary,
    options,
    arguments: words(...Object.keys(verbs ?? {})),
    isRepeated: false,
  }));
}

/** In the order of their names. */
export async function completables(): Promise<Completable[]> {
  const lists = await Promise.all(
    commandTable.map(async (entry) => {
      const command = await entry.load();
      return entry.names.map((name) => describe(name, command));
    }),
  );
  return [...lists.flat(), ...benchCompletables()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
