/** The tag of a log: a text with fields, in Docker's spelling of Go's templates. Pure. */
import { refuse } from "./refuse.ts";

const tagFields = [
  "ID",
  "FullID",
  "Name",
  "ImageID",
  "ImageFullID",
  "ImageName",
  "Hostname",
  "Command",
  "DaemonName",
] as const;
type TagField = (typeof tagFields)[number];
export type TagValues = Readonly<Record<TagField, string>>;

const tagField = /\{\{\s*\.([A-Za-z]+)\s*\}\}/g;

function isTagField(name: string): name is TagField {
  return tagFields.some((field) => field === name);
}

export function checkTag(value: string): void {
  const names = [...value.matchAll(tagField)].map(([, name = ""]) => name);
  const unknown = names.find((name) => !isTagField(name));
  if (unknown === undefined && !value.replaceAll(tagField, "").includes("{{")) return;
  const wanted = tagFields.map((field) => `{{.${field}}}`).join(", ");
  refuse(
    "log-option",
    `invalid log option tag: ${JSON.stringify(value)}, wanted a text with any of ${wanted}`,
  );
}

export function fillTag(tag: string, values: TagValues): string {
  return tag.replaceAll(tagField, (_, name: string) => (isTagField(name) ? values[name] : ""));
}
