/** `RUN --mount=...`: what it says, with Docker's defaults. Pure. */

import { commaFields } from "../../../docker/comma-fields.ts";
import { own } from "../../../lib/own.ts";
import { booleanOf } from "./flags.ts";

/** Before it is known what `from` means, and where the working directory is. */
export interface WrittenMount {
  readonly type: "bind" | "cache" | "tmpfs" | "secret" | "ssh";
  /** As written; empty where there is none. */
  readonly target: string;
  readonly from: string;
  readonly source: string;
  readonly readOnly: boolean;
  readonly id: string;
  readonly sharing: "shared" | "private" | "locked";
  readonly required: boolean;
  readonly mode: number | undefined;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  /** Of a secret: the variable that has it. */
  readonly variable: string | undefined;
}

const types = ["bind", "cache", "tmpfs", "secret", "ssh"] as const;
const sharings = ["shared", "private", "locked"] as const;

const aliases: Readonly<Record<string, string>> = {
  src: "source",
  dst: "target",
  destination: "target",
  ro: "readonly",
  rw: "readwrite",
};

/** Which keys each type takes, beside `type`. */
const keysOf: Readonly<Record<WrittenMount["type"], readonly string[]>> = {
  bind: ["target", "source", "from", "readonly", "readwrite"],
  cache: ["target", "source", "from", "readonly", "readwrite", "id", "sharing", "mode", "uid", "gid"],
  tmpfs: ["target", "size"],
  secret: ["target", "source", "id", "required", "mode", "uid", "gid", "env"],
  ssh: ["target", "id", "required", "mode", "uid", "gid"],
};

/** Throws `Error` in Docker's words. */
export function parseMount(text: string, expand: (word: string) => string): WrittenMount {
  const values: Record<string, string> = {};
  for (const field of commaFields(text)) {
    const equals = field.indexOf("=");
    const written = (equals === -1 ? field : field.slice(0, equals)).trim().toLowerCase();
    const key = own(aliases, written) ?? written;
    if (equals === -1 && !["readonly", "readwrite", "required"].includes(key)) {
      throw new Error(`invalid field '${field}' must be a key=value pair`);
    }
    // Where it comes from is decided before any stage is done, so variables mean nothing there.
    const value = equals === -1 ? "true" : field.slice(equals + 1);
    values[key] = key === "from" || key === "type" ? value : expand(value);
  }
  const type = types.find((known) => known === (values["type"] ?? "bind").toLowerCase());
  if (type === undefined) {
    throw new Error(
      `unsupported mount type ${JSON.stringify(values["type"])} (there are: ${types.join(", ")})`,
    );
  }
  for (const key of Object.keys(values)) {
    if (key !== "type" && !keysOf[type].includes(key)) {
      throw new Error(
        `unexpected key '${key}' for mount type '${type}' (it takes: ${keysOf[type].join(", ")})`,
      );
    }
  }
  return checked(mountOf(type, values));
}

function mountOf(type: WrittenMount["type"], values: Readonly<Record<string, string>>): WrittenMount {
  const value = (key: string): string => own(values, key) ?? "";
  const flag = (key: string): boolean =>
    Object.hasOwn(values, key) && booleanOf({ name: key, value: value(key) });
  const sharing = value("sharing") === "" ? "shared" : value("sharing").toLowerCase();
  const known = sharings.find((one) => one === sharing);
  if (known === undefined) throw new Error(`unsupported sharing value ${JSON.stringify(sharing)}`);
  const usual = type === "bind" ? !flag("readwrite") : false;
  return {
    type,
    target: value("target"),
    from: value("from"),
    source: value("source"),
    readOnly: Object.hasOwn(values, "readonly") ? flag("readonly") : usual,
    id: value("id"),
    sharing: known,
    required: flag("required"),
    mode: value("mode") === "" ? undefined : octalOf(value("mode")),
    uid: numberOf("uid", value("uid")),
    gid: numberOf("gid", value("gid")),
    sizeBytes: value("size") === "" ? 0 : sizeOf(value("size")),
    variable: value("env") === "" ? undefined : value("env"),
  };
}

function checked(mount: WrittenMount): WrittenMount {
  const needsTarget = mount.type === "bind" || mount.type === "cache" || mount.type === "tmpfs";
  if (needsTarget && mount.target === "") throw new Error(`mount type ${mount.type}: target is required`);
  if (mount.type === "secret" && mount.id === "" && mount.source === "" && mount.target === "") {
    throw new Error("invalid mount of a secret: it needs an id or a target");
  }
  if (mount.variable !== undefined && !/^[^=\0]+$/.test(mount.variable)) {
    throw new Error(`invalid name of a variable: ${JSON.stringify(mount.variable)}`);
  }
  return mount;
}

const largestMode = 0o7777;
const largestId = 2 ** 32 - 2;

function octalOf(text: string): number {
  const mode = /^0?o?[0-7]{1,6}$/.test(text) ? Number.parseInt(text.replace(/^0?o/, ""), 8) : Number.NaN;
  if (!(mode <= largestMode))
    throw new Error(`invalid value ${text} for mode: wanted octal digits up to 7777`);
  return mode;
}

function numberOf(key: string, text: string): number {
  if (text === "") return 0;
  const number = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number <= largestId)) throw new Error(`invalid value ${text} for ${key}: wanted a number`);
  return number;
}

const units: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

function sizeOf(text: string): number {
  const [, number = "", unit = ""] = /^(\d{1,12}(?:\.\d{1,6})?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text) ?? [];
  const factor = own(units, unit.toLowerCase());
  if (number === "" || factor === undefined) throw new Error(`invalid value for size: ${text}`);
  return Math.floor(Number(number) * factor);
}

/** The name of a secret without one is that of its file. */
export function secretIdOf({ id, source, target }: WrittenMount): string {
  if (id !== "") return id;
  const path = source === "" ? target : source;
  return path.split("/").findLast((part) => part !== "") ?? path;
}
