/** A property of a systemd unit, and how an annotation writes one. */
import { TiffinError } from "../../lib/errors.ts";
import { type DbusValue, type DbusVariant, variant } from "../dbus/value.ts";

export interface UnitProperty {
  readonly name: string;
  readonly value: DbusVariant;
}

export function property(name: string, signature: string, value: DbusValue): UnitProperty {
  return { name, value: variant(signature, value) };
}

const annotationPrefix = "org.systemd.property.";
const integerTypes: Readonly<Record<string, string>> = {
  byte: "y",
  int16: "n",
  uint16: "q",
  int32: "i",
  uint32: "u",
  handle: "u",
  int64: "x",
  uint64: "t",
};

/**
 * Annotations `org.systemd.property.NAME` with values in GVariant's text form: `'text'`, `true`, `7`, `uint64 7`,
 * `['a', 'b']`. A time `...Sec` in seconds becomes `...USec`. Throws `invalid`.
 */
export function annotatedProperties(annotations: Readonly<Record<string, string>>): UnitProperty[] {
  return Object.entries(annotations).flatMap(([key, text]) =>
    key.startsWith(annotationPrefix) ? [annotated(key, key.slice(annotationPrefix.length), text)] : [],
  );
}

function annotated(key: string, name: string, text: string): UnitProperty {
  if (!/^[A-Za-z]{3,}$/.test(name)) throw wrong(key, "is no name of a property");
  const value = parseValue(text.trim());
  if (value === undefined) throw wrong(key, `is ${JSON.stringify(text)}, which is no value`);
  return name.endsWith("Sec") && !name.endsWith("USec") ? inMicroseconds(key, name, value) : { name, value };
}

function wrong(key: string, why: string): TiffinError {
  return new TiffinError("invalid", "runtime.systemd-property", `annotation ${key} ${why}`, {
    remedy: "write it as busctl or gvariant do: 'text', true, uint64 7, ['a', 'b']",
  });
}

function inMicroseconds(key: string, name: string, { value }: DbusVariant): UnitProperty {
  const seconds = typeof value === "bigint" || typeof value === "number" ? Number(value) : Number.NaN;
  if (!(seconds >= 0)) throw wrong(key, "is no number of seconds");
  return property(`${name.slice(0, -"Sec".length)}USec`, "t", BigInt(Math.round(seconds * 1e6)));
}

function parseValue(text: string): DbusVariant | undefined {
  if (text === "true" || text === "false") return variant("b", text === "true");
  const string = parseText(text);
  if (string !== undefined) return variant("s", string);
  if (text.startsWith("[") && text.endsWith("]")) return parseList(text.slice(1, -1).trim());
  const [, type = "int32", digits] = /^(?:(\w+)\s+)?([-+]?\d+)$/.exec(text) ?? [];
  const code = Object.hasOwn(integerTypes, type) ? integerTypes[type] : undefined;
  if (digits !== undefined && code !== undefined) return variant(code, BigInt(digits));
  return /^(double\s+)?[-+]?\d*\.\d+$/.test(text)
    ? variant("d", Number(text.replace(/^double\s+/, "")))
    : undefined;
}

/** A text in either kind of quotes; `\` takes the next character as it is. */
function parseText(text: string): string | undefined {
  const quoted = /^'((?:[^'\\]|\\.)*)'$/s.exec(text) ?? /^"((?:[^"\\]|\\.)*)"$/s.exec(text);
  return quoted?.[1]?.replaceAll(/\\(.)/gs, "$1");
}

function parseList(text: string): DbusVariant | undefined {
  const items: DbusVariant[] = [];
  for (const part of text === ""
    ? []
    : (text.match(/(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,'"])+/gs) ?? [])) {
    const item = parseValue(part.trim());
    if (item === undefined) return undefined;
    items.push(item);
  }
  const signature = items[0]?.signature ?? "s";
  if (items.some((item) => item.signature !== signature)) return undefined;
  return variant(
    `a${signature}`,
    items.map(({ value }) => value),
  );
}
