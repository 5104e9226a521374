/**
 * Documents of the API as strangers may read them: the values of variables, labels, options and annotations are gone, and so is
 * every other place where such a value stands. Of a command the program and the names of its options stay: what is a password in it
 * nobody can tell from outside (`mysql -psoup`, `login cook soup`, a script). Who logs in by an address is gone everywhere.
 */

const mask = "***";
/** Lists of `NAME=value`. */
const variableLists = new Set(["Env"]);
/** Objects whose values are anybody's. */
const valueObjects = new Set(["Labels", "Annotations", "Options", "DriverOpts", "StorageOpt", "Config:log"]);
/** Shorter values are words of their own elsewhere: `1`, `yes`. */
const leastSecretLength = 4;
/** Well known, and no secret. */
const plainVariables = new Set(["PATH", "HOME", "TERM", "LANG", "TZ", "HOSTNAME"]);

const assignment = /^(-{0,2}[\w.-]*(?:pass|secret|token|key|credential|auth)[\w.-]*[=:]).+/i;
/** Words of commands, with the program first, or without it. */
const commands = new Set(["Cmd", "Entrypoint", "Command", "Test", "Shell", "Args"]);
const listInText = /\["(?:[^"\\]|\\.)*"(?:,"(?:[^"\\]|\\.)*")*\]/g;
const optionName = /^(?:--[\w.-]+=?|-\w)/;
const userOfAddress = /(\w+:\/\/)[^/@\s"]+@/g;

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function splitVariable(entry: string): readonly [name: string, value: string] {
  const equals = entry.indexOf("=");
  return equals === -1 ? [entry, ""] : [entry.slice(0, equals), entry.slice(equals + 1)];
}

/** Adds the values of variables anywhere in `document`. */
function secretsIn(document: unknown, found: Set<string>): void {
  if (Array.isArray(document)) for (const item of document) secretsIn(item, found);
  if (!isObject(document)) return;
  for (const [key, value] of Object.entries(document)) {
    if (!variableLists.has(key) || !Array.isArray(value)) {
      secretsIn(value, found);
      continue;
    }
    for (const entry of value) {
      if (typeof entry !== "string") continue;
      const [name, secret] = splitVariable(entry);
      if (!plainVariables.has(name) && secret.length >= leastSecretLength) found.add(secret);
    }
  }
}

function maskedText(text: string, secrets: readonly string[]): string {
  let plain = text;
  for (const secret of secrets) plain = plain.replaceAll(secret, mask);
  return maskedLists(plain).replace(userOfAddress, `$1${mask}@`).replace(assignment, `$1${mask}`);
}

/** `--name=value`, `-nvalue`, `--name`, `value`: the name stays. */
function maskedWord(word: string): string {
  const name = optionName.exec(word)?.[0] ?? "";
  return name === word && name !== "" ? word : `${name}${mask}`;
}

function maskedCommand(words: readonly string[], hasProgram: boolean): string[] {
  return words.map((word, index) => (hasProgram && index === 0 ? word : maskedWord(word)));
}

/** Lists of words in the lines of a plan. */
function maskedLists(text: string): string {
  return text.replace(listInText, (found) => {
    const words: unknown = JSON.parse(found);
    return JSON.stringify(maskedCommand(Array.isArray(words) ? words.map(String) : [], true));
  });
}

function maskedVariable(entry: unknown): unknown {
  if (typeof entry !== "string") return entry;
  const [name] = splitVariable(entry);
  return plainVariables.has(name) ? entry : `${name}=${mask}`;
}

function masked(key: string, value: unknown, secrets: readonly string[]): unknown {
  if (typeof value === "string") return maskedText(value, secrets);
  if (Array.isArray(value)) {
    const ofItem = (item: unknown): unknown =>
      variableLists.has(key) ? maskedVariable(item) : masked("", item, secrets);
    return value.map(ofItem);
  }
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => {
      // A log's receiver is told with its tokens.
      const inside = key === "LogConfig" && name === "Config" ? "Config:log" : name;
      if (commands.has(name)) {
        // What stands behind an entrypoint has no program before it, and neither have arguments.
        const entrypoint = value["Entrypoint"];
        const isBehind = name === "Cmd" && Array.isArray(entrypoint) && entrypoint.length > 0;
        return [name, commandOf(inner, secrets, name !== "Args" && !isBehind)];
      }
      return [name, valueObjects.has(key) ? mask : masked(inside, inner, secrets)];
    }),
  );
}

/** As words, or as the one line of a list, which is cut anywhere. */
function commandOf(value: unknown, secrets: readonly string[], hasProgram: boolean): unknown {
  const plain = (text: string): string => maskedText(text, secrets);
  if (typeof value === "string") {
    const [program = "", rest] = value.split(" ", 2);
    return rest === undefined ? plain(program) : `${plain(program)} ${mask}`;
  }
  if (!Array.isArray(value)) return masked("", value, secrets);
  return maskedCommand(value.map(String), hasProgram).map(plain);
}

/** `documents` without what is secret in any of them: a list shows the commands of those whose variables another document has. */
export function maskedDocuments(documents: ReadonlyMap<string, unknown>): Map<string, unknown> {
  const found = new Set<string>();
  for (const document of documents.values()) secretsIn(document, found);
  // The longest first: one may be a part of another.
  const secrets = [...found].sort((a, b) => b.length - a.length);
  return new Map([...documents].map(([name, document]) => [name, masked("", document, secrets)]));
}
