/** Docker's filters of events. Pure. */

import { invalidFilter } from "../../docker/messages.ts";
import { TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";
import { hasLabel } from "../labels.ts";
import type { EngineEvent } from "./event-bus.ts";

export type EventFilters = Readonly<Record<string, readonly string[]>>;
type Test = (event: EngineEvent, value: string) => boolean;

/** By the beginning of the id, or of the name. */
const objectOf =
  (type: string): Test =>
  (event, value) =>
    event.type === type && (event.id.startsWith(value) || (event.attributes["name"] ?? "").startsWith(value));

function isImage({ type, id, attributes }: EngineEvent, value: string): boolean {
  const names = type === "image" ? [id, attributes["name"] ?? ""] : [attributes["image"] ?? ""];
  return names.some((name) => name === value || withoutTag(name) === withoutTag(value));
}

function withoutTag(name: string): string {
  const colon = name.lastIndexOf(":");
  return colon > name.lastIndexOf("/") ? name.slice(0, colon) : name;
}

const never: Test = () => false;

/** A key's values: any of them will do, all keys must hold. */
const tests: Readonly<Record<string, Test>> = {
  type: (event, value) => event.type === value,
  // `exec_create` means `exec_create: sh -c ...` too, `health_status` its outcomes.
  event: ({ action }, value) => action === value || action.startsWith(`${value}:`),
  container: objectOf("container"),
  volume: objectOf("volume"),
  network: objectOf("network"),
  daemon: objectOf("daemon"),
  image: isImage,
  scope: (_event, value) => value === "local",
  // There are none of these here.
  plugin: never,
  service: never,
  node: never,
  secret: never,
  config: never,
};

/** Errors: `event.filter` for a key that Docker does not have either. */
export function eventTest(filters: EventFilters): (event: EngineEvent) => boolean {
  const all = Object.entries(filters).map(([key, values]): ((event: EngineEvent) => boolean) => {
    // A label is the exception: all of them must be there.
    if (key === "label") return (event) => values.every((value) => hasLabel(event.attributes, value));
    const test = own(tests, key);
    if (test === undefined) throw new TiffinError("invalid", "event.filter", invalidFilter(key));
    return (event) => values.length === 0 || values.some((value) => test(event, value));
  });
  return (event) => all.every((test) => test(event));
}
