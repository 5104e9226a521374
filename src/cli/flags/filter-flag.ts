/** `--filter name=value`, repeatable; the API takes them as a map of lists. */
import { own } from "../../lib/own.ts";
import { custom, type Flag } from "./flag.ts";

export type FilterMap = Readonly<Record<string, readonly string[]>>;

function accept(before: FilterMap, text: string): FilterMap {
  const equals = text.indexOf("=");
  if (equals < 0) throw new Error("bad format of filter (expected name=value)");
  const name = text.slice(0, equals).trim().toLowerCase();
  const value = text.slice(equals + 1).trim();
  return { ...before, [name]: [...(own(before, name) ?? []), value] };
}

export const filter: Flag<FilterMap> = custom<FilterMap>(
  "f",
  "filter",
  "Show only what matches the conditions (name=value)",
  {},
  accept,
);

/** Of commands where `-f` means something else. */
export const longFilter: Flag<FilterMap> = custom<FilterMap>(
  "",
  "filter",
  "Only what matches the conditions (name=value)",
  {},
  accept,
);

/** The `filters` query value, or undefined when there are none. */
export function encodeFilters(filters: FilterMap): string | undefined {
  return Object.keys(filters).length === 0 ? undefined : JSON.stringify(filters);
}
