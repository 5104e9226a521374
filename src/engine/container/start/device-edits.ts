/**
 * Devices by the Container Device Interface: files in /etc/cdi and /var/run/cdi say what a container needs to use a device of a
 * vendor - nodes, mounts, variables. They are the machine's own, and looked at anew for each start, as devices come and go.
 */
import { readdirSync } from "node:fs";
import { type ConfigurationForm, readConfiguration } from "../../../lib/configuration.ts";
import { anything, decoderKit, optional } from "../../../lib/decoders.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import type { OciHook, OciHooks } from "../../../oci/mod.ts";
import type { ReadyMount } from "../runtime-spec/mod.ts";
import type { WantedDevice } from "../specification/mod.ts";

const { closed, integer, list, nullable, text } = decoderKit({
  code: "container.cdi-file",
  whole: "CDI file",
  shownLength: 60,
  limitElements: 1 << 16,
  allowsNul: false,
  nullIsEmpty: true,
});

// What else the specification knows of is found out from the device itself, or is for people.
const node = closed(
  { path: text, hostPath: optional(text), permissions: optional(text) },
  { besides: ["type", "major", "minor", "fileMode", "uid", "gid"] },
);
const mount = closed(
  { hostPath: text, containerPath: text, options: optional(list(text)) },
  { besides: ["type"] },
);
const edits = closed({
  env: optional(list(text)),
  deviceNodes: optional(list(node)),
  mounts: optional(list(mount)),
  hooks: optional(
    list(
      closed({
        hookName: text,
        path: text,
        args: optional(list(text)),
        env: optional(list(text)),
        timeout: optional(integer),
      }),
    ),
  ),
  additionalGids: optional(list(integer)),
  intelRdt: optional(nullable(anything)),
});
type Edits = ReturnType<typeof edits>;
const device = closed({ name: text, containerEdits: edits }, { besides: ["annotations"] });
const specification = closed(
  { cdiVersion: text, kind: text, devices: list(device), containerEdits: optional(edits) },
  { besides: ["annotations"] },
);

/** The second wins over the first. */
const directories = ["/etc/cdi", "/var/run/cdi"];
const limitFileBytes = 1 << 20;
const bindWords = ["bind", "rbind", "ro", "rw", "nosuid", "nodev", "private", "rprivate"];

/** What the devices add to a container. */
export interface DeviceEdits {
  readonly environment: readonly string[];
  readonly devices: readonly WantedDevice[];
  readonly mounts: readonly ReadyMount[];
  readonly groups: readonly number[];
  /** Programs of the host that take part in the start. */
  readonly hooks: OciHooks;
}

interface Known {
  readonly file: string;
  readonly common: Edits | undefined;
  readonly own: Edits;
}

/** Errors: `container.cdi` for devices that no file knows, or that need what is not done. */
export function deviceEdits(names: readonly string[]): DeviceEdits {
  if (names.length === 0) return { environment: [], devices: [], mounts: [], groups: [], hooks: {} };
  const problems: string[] = [];
  const known = knownDevices(problems);
  const lost = names.filter((name) => !known.has(name));
  if (lost.length > 0) {
    throw refusal(`unresolvable CDI devices ${lost.join(", ")}`, problems.join("; ") || undefined);
  }
  const commons = new Set<Edits>();
  const all: Edits[] = [];
  for (const name of new Set(names)) {
    const found = known.get(name);
    if (found === undefined) continue;
    refuseUndone(name, found);
    all.push(found.own);
    if (found.common !== undefined) commons.add(found.common);
  }
  all.push(...commons);
  return {
    environment: all.flatMap(({ env = [] }) => env),
    devices: all.flatMap(({ deviceNodes = [] }) =>
      deviceNodes.map(({ path, hostPath = "", permissions = "" }) => ({
        hostPath: hostPath || path,
        path,
        access: permissions || "rwm",
      })),
    ),
    mounts: all.flatMap(({ mounts = [] }) =>
      mounts.map(({ hostPath, containerPath, options = [] }) => ({
        kind: "bind" as const,
        source: hostPath,
        target: containerPath,
        readOnly: options.includes("ro"),
        propagation: "rprivate" as const,
        createSource: false,
        recursive: !options.includes("bind"),
      })),
    ),
    groups: all.flatMap(({ additionalGids = [] }) => additionalGids),
    hooks: hooksOf(all),
  };
}

/** A hook at the end would be run by whoever is there then: an engine that has not seen the file, or none. */
const hookKinds = ["prestart", "createRuntime", "createContainer", "startContainer", "poststart"] as const;
type HookKind = (typeof hookKinds)[number];

function isHookKind(name: string): name is HookKind {
  return hookKinds.some((kind) => kind === name);
}

function hooksOf(all: readonly Edits[]): OciHooks {
  const found: Partial<Record<HookKind, OciHook[]>> = {};
  for (const { hookName, path, args, env, timeout } of all.flatMap(({ hooks = [] }) => hooks)) {
    if (!isHookKind(hookName)) continue;
    const hook = {
      path,
      ...(args !== undefined && { args }),
      ...(env !== undefined && { env }),
      ...(timeout !== undefined && { timeout }),
    };
    found[hookName] = [...(found[hookName] ?? []), hook];
  }
  return found;
}

function refusal(why: string, remedy?: string): TiffinError {
  return new TiffinError("invalid", "container.cdi", `CDI device injection failed: ${why}`, {
    exitCode: 125,
    ...(remedy !== undefined && { remedy: `look at what cannot be read: ${remedy}` }),
  });
}

function refuseUndone(name: string, { file, common, own }: Known): void {
  for (const each of [own, ...(common === undefined ? [] : [common])]) {
    for (const { hookName, path } of each.hooks ?? []) {
      const wanted = hookKinds.join(", ");
      if (!isHookKind(hookName))
        throw refusal(
          `${name} of ${file} has a hook of the kind ${JSON.stringify(hookName)}: wanted ${wanted}`,
        );
      if (!path.startsWith("/"))
        throw refusal(`${name} of ${file} has the hook ${JSON.stringify(path)}: wanted an absolute path`);
    }
    if (each.intelRdt !== undefined && each.intelRdt !== null)
      throw refusal(`${name} of ${file} has intelRdt, which is not done`);
    for (const { options = [] } of each.mounts ?? []) {
      const word = options.find((option) => !bindWords.includes(option));
      if (word !== undefined) throw refusal(`${name} of ${file} has a mount with ${JSON.stringify(word)}`);
    }
  }
}

/** Hooks in it are programs that root runs. */
function formOf(file: string): ConfigurationForm<ReturnType<typeof specification>> {
  return {
    code: "container.cdi-file",
    limitBytes: limitFileBytes,
    trusted: true,
    decode: specification,
    ...(!file.endsWith(".json") && { parse: (text) => Bun.YAML.parse(text) }),
  };
}

function knownDevices(problems: string[]): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>();
  for (const directory of directories) {
    for (const file of filesOf(directory)) {
      try {
        const found = readConfiguration(file, formOf(file));
        if (found === undefined) continue;
        const { kind, devices, containerEdits } = found;
        for (const { name, containerEdits: own } of devices)
          known.set(`${kind}=${name}`, { file, common: containerEdits, own });
      } catch (thrown) {
        problems.push(messageOf(thrown));
      }
    }
  }
  return known;
}

function filesOf(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /\.(json|ya?ml)$/.test(name))
      .sort()
      .map((name) => `${directory}/${name}`);
  } catch {
    return [];
  }
}
