/** Environment variables and labels, from options and from files, as a create request carries them. */
import { errnoOf } from "../../client/api-error.ts";
import { messageOf } from "../../lib/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type ReadFile = (path: string) => Uint8Array;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Words for a file that could not be read. */
export function unreadable(path: string, thrown: unknown): string {
  const code = errnoOf(thrown);
  // Opening a directory works; what fails is the reading.
  if (code === "EISDIR") return `read ${path}: is a directory`;
  if (code === "ENOENT") return `open ${path}: no such file or directory`;
  if (code === "ENOTDIR") return `open ${path}: not a directory`;
  if (code === "EACCES") return `open ${path}: permission denied`;
  return `open ${path}: ${messageOf(thrown)}`;
}

/** The bytes between newlines; a carriage return before one belongs to it. */
function* linesOf(bytes: Uint8Array): Generator<Uint8Array> {
  for (let start = 0; start < bytes.length; ) {
    const newline = bytes.indexOf(newlineByte, start);
    const end = newline < 0 ? bytes.length : newline;
    yield bytes.subarray(start, end > start && bytes[end - 1] === returnByte ? end - 1 : end);
    start = end + 1;
  }
}

const newlineByte = 10;
const returnByte = 13;

function decodeLine(path: string, line: Uint8Array, number: number): string {
  try {
    return utf8.decode(line);
  } catch {
    throw new Error(`invalid env file (${path}): invalid utf8 bytes at line ${number}: [${line.join(" ")}]`);
  }
}

/** The lines of a variables file that say something: no comments, no blank ones, leading blanks removed. */
function readLines(path: string, readFile: ReadFile): string[] {
  let bytes: Uint8Array;
  try {
    bytes = readFile(path);
  } catch (thrown) {
    const reason = unreadable(path, thrown);
    throw new Error(errnoOf(thrown) === "EISDIR" ? `invalid env file (${path}): ${reason}` : reason);
  }
  return [...linesOf(bytes)]
    .map((line, index) =>
      decodeLine(path, line, index + 1)
        .replace(/^\uFEFF/, "")
        .trimStart(),
    )
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
      if (name === "") throw new Error(`invalid env file (${file}): no variable name on line '${line}'`);
      if (/\s/.test(name))
        throw new Error(`invalid env file (${file}): variable '${name}' contains whitespaces`);
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
