/** What `logs --details` puts before each line: what the log's labels, variables and tag are. Pure. */
import { regularExpression } from "../../../docker/regular-expression.ts";
import { fillTag, type TagValues } from "./log-tag.ts";
import type { LogDetails } from "./specification.ts";

export interface LogSubject {
  readonly details: LogDetails;
  readonly labels: Readonly<Record<string, string>>;
  readonly environment: readonly string[];
  readonly tagValues: TagValues;
}

/** As Go's `url.QueryEscape`. */
function escaped(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

/** Names and values that the options ask for. */
export function chosenDetails({ details, labels, environment }: LogSubject): Map<string, string> {
  const found = new Map<string, string>();
  const collect = (
    entries: Iterable<readonly [string, string]>,
    names: readonly string[],
    pattern: string | undefined,
  ): void => {
    const matching = pattern === undefined ? undefined : regularExpression(pattern);
    for (const [key, value] of entries) {
      if (names.includes(key) || matching?.(key)) found.set(key, value);
    }
  };
  collect(Object.entries(labels), details.labels, details.labelsPattern);
  const variables = environment.map((entry): [string, string] => {
    const [name = ""] = entry.split("=", 1);
    return [name, entry.slice(name.length + 1)];
  });
  collect(variables, details.environment, details.environmentPattern);
  return found;
}

export function logDetails(subject: LogSubject): string {
  const { details, tagValues } = subject;
  const found = chosenDetails(subject);
  if (details.tag !== "") found.set("tag", fillTag(details.tag, tagValues));
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${escaped(key)}=${escaped(value)}`)
    .join(",");
}
