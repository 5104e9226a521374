/** One case for every field of a document and every odd value, made from the document's own decoder. */
import { type Decoder, structureOf } from "../../src/docker/decode.ts";
import { oddKeys, oddScalars, oddStructures } from "./odd-values.ts";

export interface OddCase {
  /** The field, such as `HostConfig.Ulimits[].Soft`. */
  readonly path: string;
  /** The whole body. */
  readonly body: string;
}

interface Leaf {
  readonly path: readonly string[];
  readonly kind: "plain" | "list" | "map";
}

function leaves(decoder: Decoder<unknown>, path: readonly string[] = []): Leaf[] {
  const structure = structureOf(decoder);
  if (structure === undefined) return [{ path, kind: "plain" }];
  if (structure.kind === "object") {
    return Object.entries(structure.fields).flatMap(([name, field]) =>
      leaves(typeof field === "function" ? field : field.whenPresent, [...path, name]),
    );
  }
  const own: Leaf = { path, kind: structure.kind };
  if (structureOf(structure.element) === undefined) return [own];
  return [own, ...leaves(structure.element, [...path, structure.kind === "list" ? "[]" : "{}"])];
}

/** What lets the value be looked at instead of something missing beside it. */
const companions: Readonly<Record<string, string>> = {
  "HostConfig.Mounts.[]": '"Type":"tmpfs","Target":"/fuzz"',
  "HostConfig.Mounts.[].BindOptions": '"Propagation":"rprivate"',
  "HostConfig.Devices.[]": '"PathOnHost":"/dev/null"',
  "HostConfig.Ulimits.[]": '"Name":"nofile","Soft":64,"Hard":64',
  "HostConfig.BlkioWeightDevice.[]": '"Path":"/dev/null","Weight":100',
  "HostConfig.BlkioDeviceReadBps.[]": '"Path":"/dev/null","Rate":100',
  "HostConfig.BlkioDeviceWriteBps.[]": '"Path":"/dev/null","Rate":100',
  "HostConfig.BlkioDeviceReadIOps.[]": '"Path":"/dev/null","Rate":100',
  "HostConfig.BlkioDeviceWriteIOps.[]": '"Path":"/dev/null","Rate":100',
  "HostConfig.RestartPolicy": '"Name":"on-failure"',
  "HostConfig.LogConfig": '"Type":"json-file"',
};

/** Fields that mean something only in a network; the others are tried without, which is quicker. */
const networked = /^(?:HostConfig\.(?:PortBindings|PublishAllPorts|Dns|ExtraHosts)|ExposedPorts|MacAddress)/;

/** Keys for the maps in the middle of a path. */
const keys: Readonly<Record<string, string>> = {
  "HostConfig.PortBindings": "80/tcp",
  "NetworkingConfig.EndpointsConfig": "none",
};

/** Fields that go first in the object at `path`; what comes later in JSON wins, so the value under test does. */
function wrap(value: string, path: readonly string[], base: string): string {
  let text = value;
  const mode = networked.test(path.join(".")) ? '"NetworkMode":"bridge"' : '"NetworkMode":"none"';
  for (let depth = path.length - 1; depth >= 0; depth -= 1) {
    const step = path[depth] ?? "";
    const above = path.slice(0, depth).join(".");
    if (step === "[]") text = `[${text}]`;
    else {
      const name = step === "{}" ? (keys[above] ?? "a") : step;
      const before =
        depth === 0
          ? `"HostConfig":{${mode}},${base}`
          : (companions[above] ?? (above === "HostConfig" ? mode : ""));
      text = `{${before === "" ? "" : `${before},`}${JSON.stringify(name)}:${text}}`;
    }
  }
  return text;
}

function valuesFor({ path, kind }: Leaf): string[] {
  const hostile = path.join(".") === "HostConfig.Binds" ? oddScalars.map(bindOf) : oddScalars;
  switch (kind) {
    case "plain":
      return [...oddScalars, ...oddStructures];
    case "list":
      return [
        ...hostile.map((value) => `[${value}]`),
        ...oddScalars.filter((value) => value.startsWith('"')).map((value) => `["a",${value},${value}]`),
        ...oddStructures,
        '"a"',
        "7",
      ];
    case "map":
      return [
        ...oddScalars.map((value) => `{"a":${value}}`),
        ...oddKeys.flatMap((key) => [`{${key}:""}`, `{${key}:"1"}`, `{${key}:{}}`, `{${key}:null}`]),
        ...oddStructures,
        '"a"',
        "7",
      ];
  }
}

/** A bind's target, from a source that is there: a missing one would be made on this host. */
function bindOf(value: string): string {
  return value.startsWith('"') ? `"/tmp:${value.slice(1)}` : value;
}

/** All cases of a decoder; `base` are fields that every body has. A document without `HostConfig` ignores that. */
export function oddCases(decoder: Decoder<unknown>, base: string): OddCase[] {
  return leaves(decoder).flatMap((leaf) =>
    valuesFor(leaf).map((value) => ({ path: leaf.path.join("."), body: wrap(value, leaf.path, base) })),
  );
}

/** `count` of them, chosen by `seed`: the same ones each time. */
export function sample<T>(all: readonly T[], count: number, seed: number): T[] {
  let state = seed >>> 0;
  const random = (): number => {
    // A linear congruential generator: the choice only has to be spread and repeatable.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  return all
    .map((item) => ({ item, rank: random() }))
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, count)
    .map(({ item }) => item);
}
