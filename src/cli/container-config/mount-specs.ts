/**
 * `--mount type=...,src=...,dst=...` to the API's mount objects, and `--volume` to binds and anonymous volumes.
 * The engine checks that sources exist; here only the grammar counts. Pure.
 */

import type { MountRequest } from "../../docker/types/host-config.ts";
import { own } from "../../lib/own.ts";
import { parseByteSize } from "../flags/byte-size.ts";
import { parseCsvLine } from "../flags/csv-line.ts";
import { absolutePath } from "./absolute-path.ts";

/** MountRequest while it is being collected. */
interface Draft {
  type: string;
  source: string | undefined;
  target: string;
  readOnly: boolean;
  consistency: string | undefined;
  bind: Record<string, string | boolean>;
  volume: Record<string, string | boolean>;
  volumeLabels: Record<string, string>;
  volumeDriver: string | undefined;
  volumeDriverOptions: Record<string, string>;
  imageSubpath: string | undefined;
  tmpfs: Record<string, number>;
}

function parseYesNo(key: string, value: string | undefined): boolean {
  if (value === undefined || value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  throw new Error(`invalid value for ${key}: ${value}`);
}

function keyValue(text: string): [string, string] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

type Setter = (draft: Draft, value: string, key: string) => void;

/** Fields that need a value. */
const valueFields: Readonly<Record<string, Setter>> = {
  type: (draft, value) => {
    draft.type = value.toLowerCase();
  },
  source: (draft, value) => {
    draft.source = value;
  },
  target: (draft, value) => {
    draft.target = value;
  },
  consistency: (draft, value) => {
    draft.consistency = value.toLowerCase();
  },
  "bind-propagation": (draft, value) => {
    draft.bind["Propagation"] = value.toLowerCase();
  },
  "volume-subpath": (draft, value) => {
    draft.volume["Subpath"] = value;
  },
  "image-subpath": (draft, value) => {
    draft.imageSubpath = value;
  },
  "volume-driver": (draft, value) => {
    draft.volumeDriver = value;
  },
  "volume-label": (draft, value) => {
    const [name, content] = keyValue(value);
    draft.volumeLabels[name] = content;
  },
  "volume-opt": (draft, value) => {
    const [name, content] = keyValue(value);
    draft.volumeDriverOptions[name] = content;
  },
  "tmpfs-size": (draft, value) => {
    try {
      draft.tmpfs["SizeBytes"] = parseByteSize(value);
    } catch {
      throw new Error(`invalid value for tmpfs-size: ${value}`);
    }
  },
  "tmpfs-mode": (draft, value) => {
    if (!/^[0-7]{1,6}$/.test(value)) throw new Error(`invalid value for tmpfs-mode: ${value}`);
    draft.tmpfs["Mode"] = Number.parseInt(value, 8);
  },
  "bind-recursive": (draft, value) => {
    if (value === "enabled") return;
    if (value === "disabled") draft.bind["NonRecursive"] = true;
    else if (value === "writable") draft.bind["ReadOnlyNonRecursive"] = true;
    else if (value === "readonly") draft.bind["ReadOnlyForceRecursive"] = true;
    else {
      throw new Error(
        `invalid value for bind-recursive: ${value} (must be "enabled", "disabled", "writable", or "readonly")`,
      );
    }
  },
};

/** Fields that may stand without a value. */
const switchFields: Readonly<Record<string, (draft: Draft, on: boolean) => void>> = {
  readonly: (draft, on) => {
    draft.readOnly = on;
  },
  "volume-nocopy": (draft, on) => {
    draft.volume["NoCopy"] = on;
  },
  "bind-nonrecursive": (draft, on) => {
    draft.bind["NonRecursive"] = on;
  },
  idmap: (draft, on) => {
    draft.bind["IdMap"] = on;
  },
  "bind-create-src": (draft, on) => {
    draft.bind["CreateMountpoint"] = on;
  },
};

const synonyms: Readonly<Record<string, string>> = {
  src: "source",
  dst: "target",
  destination: "target",
  ro: "readonly",
};

function setField(draft: Draft, field: string, cwd: string): void {
  const equals = field.indexOf("=");
  const written = (equals < 0 ? field : field.slice(0, equals)).toLowerCase();
  const key = own(synonyms, written) ?? written;
  const value = equals < 0 ? undefined : field.slice(equals + 1);
  const asSwitch = own(switchFields, key);
  if (asSwitch !== undefined) {
    asSwitch(draft, parseYesNo(written, value));
    return;
  }
  if (value === undefined) throw new Error(`invalid field '${field}' must be a key=value pair`);
  const set = own(valueFields, key);
  if (set === undefined) throw new Error(`unexpected key '${written}' in '${field}'`);
  const relativePath = key === "source" && /^\.{1,2}(\/|$)/.test(value);
  set(draft, relativePath ? absolutePath(cwd, value) : value, key);
}

function requireMatchingType(draft: Draft): void {
  const driverGiven = draft.volumeDriver !== undefined || Object.keys(draft.volumeDriverOptions).length > 0;
  const volumeGiven =
    driverGiven || Object.keys(draft.volume).length > 0 || Object.keys(draft.volumeLabels).length > 0;
  const refuse = (options: string): Error =>
    new Error(`cannot mix '${options}' options with mount type '${draft.type}'`);
  if (volumeGiven && draft.type !== "volume") throw refuse("volume-*");
  if (Object.keys(draft.bind).length > 0 && draft.type !== "bind") throw refuse("bind-*");
  if (Object.keys(draft.tmpfs).length > 0 && draft.type !== "tmpfs") throw refuse("tmpfs-*");
  requirePropagation(draft);
  if (draft.imageSubpath !== undefined && draft.type !== "image") throw refuse("image-*");
}

/** What the kinds of recursive read-only binds ask of the other fields. */
function requirePropagation(draft: Draft): void {
  const forced = draft.bind["ReadOnlyForceRecursive"] === true;
  const wants = (value: string, other: string): Error =>
    new Error(`option 'bind-recursive=${value}' requires '${other}' to be specified in conjunction`);
  if (draft.bind["ReadOnlyNonRecursive"] === true && !draft.readOnly) throw wants("writable", "readonly");
  if (forced && !draft.readOnly) throw wants("readonly", "readonly");
  if (forced && draft.bind["Propagation"] !== "rprivate")
    throw wants("readonly", "bind-propagation=rprivate");
}

/** Parses one `--mount` value. Relative sources (`./x`) are taken from `cwd`. */
export function parseMount(text: string, cwd: string): MountRequest {
  const draft: Draft = {
    type: "volume",
    source: undefined,
    target: "",
    readOnly: false,
    consistency: undefined,
    bind: {},
    volume: {},
    volumeLabels: {},
    volumeDriver: undefined,
    volumeDriverOptions: {},
    imageSubpath: undefined,
    tmpfs: {},
  };
  for (const field of parseCsvLine(text)) setField(draft, field, cwd);
  if (draft.target === "") throw new Error("target is required");
  if (draft.type === "") throw new Error("type is required");
  requireMatchingType(draft);
  const driver = {
    ...(draft.volumeDriver === undefined ? {} : { Name: draft.volumeDriver }),
    ...(Object.keys(draft.volumeDriverOptions).length > 0 ? { Options: draft.volumeDriverOptions } : {}),
  };
  const volume = {
    ...draft.volume,
    ...(Object.keys(draft.volumeLabels).length > 0 ? { Labels: draft.volumeLabels } : {}),
    ...(Object.keys(driver).length > 0 ? { DriverConfig: driver } : {}),
  };
  return {
    Type: draft.type,
    Target: draft.target,
    ...(draft.source === undefined ? {} : { Source: draft.source }),
    ...(draft.readOnly ? { ReadOnly: true } : {}),
    ...(draft.consistency === undefined ? {} : { Consistency: draft.consistency }),
    ...(Object.keys(draft.bind).length > 0 ? { BindOptions: draft.bind } : {}),
    ...(Object.keys(volume).length > 0 ? { VolumeOptions: volume } : {}),
    ...(draft.imageSubpath === undefined ? {} : { ImageOptions: { Subpath: draft.imageSubpath } }),
    ...(Object.keys(draft.tmpfs).length > 0 ? { TmpfsOptions: draft.tmpfs } : {}),
  };
}

export interface VolumeSpecs {
  /** `source:target[:options]`, relative sources made absolute. */
  readonly binds: readonly string[];
  /** Targets that get a volume of their own. */
  readonly anonymous: Readonly<Record<string, Record<string, never>>>;
}

/** Sorts `--volume` values into the two fields of a create request. */
export function volumeSpecs(values: readonly string[], cwd: string): VolumeSpecs {
  const binds: string[] = [];
  const anonymous: Record<string, Record<string, never>> = {};
  for (const value of values) {
    const colon = value.indexOf(":");
    if (colon < 0) {
      if (value === "") throw new Error("invalid empty volume spec");
      anonymous[value] = {};
      continue;
    }
    const source = value.slice(0, colon);
    const looksLikePath = /^(\.{1,2}(\/|$)|~\/)/.test(source) || source.startsWith("/");
    binds.push(looksLikePath ? absolutePath(cwd, source) + value.slice(colon) : value);
  }
  return { binds, anonymous };
}

/** `--tmpfs PATH[:OPTIONS]` to the API's map. */
export function tmpfsMap(values: readonly string[]): Readonly<Record<string, string>> {
  const map: Record<string, string> = {};
  for (const value of values) {
    const colon = value.indexOf(":");
    map[colon < 0 ? value : value.slice(0, colon)] = colon < 0 ? "" : value.slice(colon + 1);
  }
  return map;
}
