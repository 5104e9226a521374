/**
 * Documents of the API as strangers may read them: the values of variables, labels, options and annotations are gone, and so is
 * every other place where such a value stands, what looks like a password in a command, and who logs in by an address.
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
  return plain.replace(userOfAddress, `$1${mask}@`).replace(assignment, `$1${mask}`);
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
      return [name, valueObjects.has(key) ? mask : masked(inside, inner, secrets)];
    }),
  );
}

/** `documents` without what is secret in any of them: a list shows the commands of those whose variables another document has. */
export function maskedDocuments(documents: ReadonlyMap<string, unknown>): Map<string, unknown> {
  const found = new Set<string>();
  for (const document of documents.values()) secretsIn(document, found);
  // The longest first: one may be a part of another.
  const secrets = [...found].sort((a, b) => b.length - a.length);
  return new Map([...documents].map(([name, document]) => [name, masked("", document, secrets)]));
}
