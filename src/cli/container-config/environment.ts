/** Environment variables and labels, from options and from files, as a create request carries them. */
import { messageOf } from "../../lib/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type ReadFile = (path: string) => Uint8Array;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Words for a file that could not be opened. */
export function unreadable(path: string, thrown: unknown): string {
  return `open ${path}: ${errnoWords(thrown)}`;
}

function errnoWords(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
  if (code === "ENOENT") return "no such file or directory";
  if (code === "EACCES") return "permission denied";
  if (code === "EISDIR") return "is a directory";
  return messageOf(thrown);
}

/** The lines of a variables file that say something: no comments, no blank ones, leading blanks removed. */
function readLines(path: string, readFile: ReadFile): string[] {
  let text: string;
  try {
    text = utf8.decode(readFile(path));
  } catch (thrown) {
    if (thrown instanceof TypeError) throw new Error(`env file ${path} contains invalid utf8 bytes`);
    throw new Error(unreadable(path, thrown));
  }
  return text
    .replace(/^\uFEFF/, "")
    .split("\n")
    .map((line) => line.replace(/\r$/, "").trimStart())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

function nameOf(entry: string): string {
  const equals = entry.indexOf("=");
  return equals < 0 ? entry : entry.slice(0, equals);
}

/** `NAME=value`, or `NAME` for the value that the caller's own environment has. */
export function checkEnvOption(entry: string): string {
  if (nameOf(entry) === "") throw new Error(`invalid environment variable: ${entry}`);
  return entry;
}

/** `key[=value]` with a key. */
export function checkLabel(entry: string): string {
  if (nameOf(entry) === "") throw new Error(`invalid label '${entry}': empty name`);
  return entry;
}

/**
 * All variables in the order files first, options last, so that options win. A bare name takes the caller's value; without one
 * an option still sends the name, which removes the image's variable.
 */
export function environmentEntries(
  files: readonly string[],
  options: readonly string[],
  env: Environment,
  readFile: ReadFile,
): string[] {
  const entries: string[] = [];
  for (const file of files) {
    for (const line of readLines(file, readFile)) {
      const name = nameOf(line);
      if (name === "") throw new Error(`no variable name on line '${line}'`);
      if (/\s/.test(name)) throw new Error(`variable '${name}' contains whitespaces`);
      if (line !== name) entries.push(line);
      else if (env[name] !== undefined) entries.push(`${name}=${env[name]}`);
    }
  }
  for (const option of options) {
    const inherited = option.includes("=") ? undefined : env[option];
    entries.push(inherited === undefined ? option : `${option}=${inherited}`);
  }
  return entries;
}

/** `key=value` texts as a map; a bare key has an empty value. */
export function keyValueMap(entries: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    entries.map((entry) => {
      const equals = entry.indexOf("=");
      return equals < 0 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
    }),
  );
}

/** Labels of files first, then of options. A bare key in a file takes the caller's variable of that name, or is left out. */
export function labelMap(
  files: readonly string[],
  options: readonly string[],
  env: Environment,
  readFile: ReadFile,
): Readonly<Record<string, string>> {
  const fromFiles = environmentEntries(files, [], env, readFile);
  return keyValueMap([...fromFiles, ...options]);
}
