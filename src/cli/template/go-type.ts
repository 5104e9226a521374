/** Go's types, as far as Docker's documents are made of them, read from the way in which Go writes them. Pure. */
import { formatGoDuration } from "../../docker/go-duration.ts";
import { own } from "../../lib/own.ts";
import { containerStructs } from "./docker-container-structs.ts";
import { namedTypes, systemStructs } from "./docker-system-structs.ts";
import { goTimeText } from "./go-time.ts";

export type GoKind =
  | "bool"
  | "string"
  | "int"
  | "uint"
  | "float"
  | "slice"
  | "map"
  | "pointer"
  | "struct"
  | "interface";

export interface GoField {
  readonly name: string;
  /** Empty: JSON does not have it. */
  readonly jsonName: string;
  readonly omitEmpty: boolean;
  /** Its own fields are fields of the outer struct too. */
  readonly isEmbedded: boolean;
  readonly type: GoType;
}

interface Parts {
  readonly of?: string;
  readonly key?: string;
  readonly length?: number;
  readonly fields?: string;
}

export class GoType {
  readonly name: string;
  readonly kind: GoKind;
  /** Of an array: how many members there are. */
  readonly length: number | undefined;
  readonly #parts: Parts;
  #fields: readonly GoField[] | undefined;

  constructor(name: string, kind: GoKind, parts: Parts = {}) {
    this.name = name.replaceAll(rawMark, "");
    this.kind = kind;
    this.length = parts.length;
    this.#parts = parts;
  }

  /** Of a pointer: what it points to; else what the members are. */
  get of(): GoType {
    return goType(this.#parts.of ?? "interface {}");
  }

  get key(): GoType {
    return goType(this.#parts.key ?? "string");
  }

  get fields(): readonly GoField[] {
    this.#fields ??= (this.#parts.fields ?? "")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .map(readField);
    return this.#fields;
  }

  /** A type of another name that is made like this one. */
  named(name: string): GoType {
    return new GoType(name, this.kind, this.#parts);
  }

  /** The same kind of list of the same members, whatever it is called. */
  isListOfText(): boolean {
    return this.kind === "slice" && this.length === undefined && this.#parts.of === "string";
  }

  /** How it says itself what it is, where it does: from the value that JSON has. */
  get say(): ((value: unknown) => string) | undefined {
    return own(sayers, this.name);
  }
}

function numbers(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

const sayers: Readonly<Record<string, (value: unknown) => string>> = {
  "blkiodev.ThrottleDevice": (value) => `${numbers(value)["Path"]}:${numbers(value)["Rate"]}`,
  "blkiodev.WeightDevice": (value) => `${numbers(value)["Path"]}:${numbers(value)["Weight"]}`,
  "registry.NetIPNet": String,
  "time.Duration": (value) => formatGoDuration(Number(value)),
  "time.Time": goTimeText,
  "units.Ulimit": (value) => {
    const { Name: name, Soft: soft, Hard: hard } = numbers(value);
    return `${name}=${soft}:${hard}`;
  },
};

/** Stands before `interface {}` where Go reads numbers of JSON as the texts that they are. */
const rawMark = "raw ";

const basicKinds: Readonly<Record<string, GoKind>> = {
  bool: "bool",
  string: "string",
  int: "int",
  int64: "int",
  "time.Duration": "int",
  uint: "uint",
  uint8: "uint",
  uint16: "uint",
  uint32: "uint",
  uint64: "uint",
  float64: "float",
  "json.Number": "string",
  "interface {}": "interface",
  [`${rawMark}interface {}`]: "interface",
};

const read = new Map<string, GoType>();

/** `text`: `map[string]*network.EndpointSettings`. A type that is not known is a struct without fields. */
export function goType(text: string): GoType {
  const known = read.get(text);
  if (known !== undefined) return known;
  const type = readType(text);
  read.set(text, type);
  return type;
}

function readType(text: string): GoType {
  const basic = own(basicKinds, text);
  if (basic !== undefined) return new GoType(text, basic);
  if (text.startsWith("*")) return new GoType(text, "pointer", { of: text.slice(1) });
  const [, length, member] = /^\[(\d*)\](.*)$/.exec(text) ?? [];
  if (length !== undefined && member !== undefined)
    return new GoType(text, "slice", { of: member, ...(length === "" ? {} : { length: Number(length) }) });
  const [, key, of] = /^map\[([^\]]*)\](.*)$/.exec(text) ?? [];
  if (key !== undefined && of !== undefined) return new GoType(text, "map", { key, of });
  const made = own(namedTypes, text);
  if (made !== undefined) return goType(made).named(text);
  return new GoType(text, "struct", {
    fields: own(containerStructs, text) ?? own(systemStructs, text) ?? "",
  });
}

/** `Health *container.Health = ,omitempty`. */
function readField(line: string): GoField {
  const [declared = "", tag = ""] = line.split(" = ");
  const gap = declared.indexOf(" ");
  const isEmbedded = gap < 0;
  const type = isEmbedded ? declared : declared.slice(gap + 1);
  const name = isEmbedded ? type.slice(type.lastIndexOf(".") + 1) : declared.slice(0, gap);
  const [jsonName, ...options] = tag.split(",");
  return {
    name,
    jsonName: jsonName === "-" ? "" : jsonName || name,
    omitEmpty: options.includes("omitempty"),
    isEmbedded,
    type: goType(type),
  };
}

export const float = goType("float64");
export const jsonNumber = goType("json.Number");
/** What Go makes of JSON of which it knows nothing, with numbers as texts. */
export const rawJson = goType(`${rawMark}interface {}`);

/** Lists and maps of what `anything` is. */
export function listOfAnything(anything: GoType): GoType {
  return goType(`[]${anything === rawJson ? rawMark : ""}interface {}`);
}

export function mapOfAnything(anything: GoType): GoType {
  return goType(`map[string]${anything === rawJson ? rawMark : ""}interface {}`);
}
