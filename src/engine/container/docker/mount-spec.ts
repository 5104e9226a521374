/**
 * What a user may say about mounts (`-v`, `--mount`, `--tmpfs`, image volumes) turned into one list, with Docker's
 * words for what cannot be. Pure: whether a source exists is looked at when the container starts.
 */
import { invalidVolumeName } from "../../../docker/messages.ts";
import type { MountRequest } from "../../../docker/types/host-config.ts";
import { TiffinError } from "../../../lib/errors.ts";
import {
  checkTmpfsOptions,
  cleanPath,
  isVolumeName,
  type MountSpec,
  type Propagation,
  propagations,
  type TmpfsMount,
} from "../specification/mod.ts";

function isPropagation(word: string): word is Propagation {
  return propagations.some((known) => known === word);
}

function refuse(spec: string, why?: string): TiffinError {
  const tail = why === undefined ? "" : `: ${why}`;
  return new TiffinError(
    "invalid",
    "container.volume-spec",
    `invalid volume specification: '${spec}'${tail}`,
  );
}

/** An absolute, clean path in the container that is not its root. */
function decodeTarget(spec: string, kind: string, target: string): string {
  if (!target.startsWith("/")) {
    throw refuse(
      spec,
      `invalid mount config for type "${kind}": invalid mount path: '${target}' mount path must be absolute`,
    );
  }
  const clean = cleanPath(target);
  if (clean === "/") {
    throw refuse(
      spec,
      `invalid mount config for type "${kind}": invalid specification: destination can't be '/'`,
    );
  }
  return clean;
}

/** One `-v` argument: `[SOURCE:]TARGET[:OPTIONS]`. */
export function decodeBindString(spec: string, driver = ""): MountSpec {
  const parts = spec.split(":");
  const [first = "", second, third] = parts;
  if (parts.length > 3 || parts.some((part) => part === "")) throw refuse(spec);
  if (second === undefined) {
    return {
      kind: "volume",
      volume: "",
      target: decodeTarget(spec, "volume", first),
      readOnly: false,
      copy: true,
      ...(driver !== "" && { driver }),
    };
  }
  const bind = first.startsWith("/");
  // `-v /data:ro` is an anonymous volume at a path that happens to look like a source.
  const target = decodeTarget(spec, bind ? "bind" : "volume", second);
  const options = decodeBindOptions(spec, third ?? "");
  if (bind) {
    // Nothing is copied into a directory of the host, so nobody can ask for it not to be.
    if (!options.copy) throw refuse(spec, foreignField("bind", "VolumeOptions"));
    return {
      kind: "bind",
      source: cleanPath(first),
      target,
      readOnly: options.readOnly,
      propagation: options.propagation ?? "rprivate",
      createSource: true,
      recursive: true,
      ...(options.idMapped && { idMapped: true }),
    };
  }
  if (options.idMapped) throw refuse(spec, "idmap is for binds");
  if (options.propagation !== undefined) throw refuse(spec, foreignField("volume", "BindOptions"));
  if (!isVolumeName(first)) {
    throw new TiffinError("invalid", "container.volume-name", invalidVolumeName(first));
  }
  const { readOnly, copy } = options;
  return { kind: "volume", volume: first, target, readOnly, copy, ...(driver !== "" && { driver }) };
}

function foreignField(kind: "bind" | "volume", field: string): string {
  return `invalid mount config for type "${kind}": field ${field} must not be specified`;
}

interface BindOptions {
  readonly readOnly: boolean;
  readonly copy: boolean;
  readonly propagation: Propagation | undefined;
  readonly idMapped: boolean;
}

function decodeBindOptions(spec: string, text: string): BindOptions {
  let readOnly = false;
  let copy = true;
  let idMapped = false;
  let propagation: Propagation | undefined;
  const words = text === "" ? [] : text.split(",");
  if (words.includes("ro") && words.includes("rw")) throw refuse(spec, `invalid mode: ${text}`);
  for (const word of words) {
    if (word === "ro") readOnly = true;
    else if (word === "nocopy") copy = false;
    else if (word === "idmap") idMapped = true;
    else if (isPropagation(word) && propagation === undefined) propagation = word;
    // SELinux labels and the hints of Docker Desktop change nothing here.
    else if (!["rw", "z", "Z", "cached", "delegated", "consistent"].includes(word)) {
      throw refuse(spec, `invalid mode: ${text}`);
    }
  }
  return { readOnly, copy, propagation, idMapped };
}

function refuseMount(kind: string, why: string): TiffinError {
  return new TiffinError(
    "invalid",
    "container.mount-config",
    `invalid mount config for type "${kind}": ${why}`,
  );
}

/** One `--mount`. */
export function decodeMountRequest(mount: MountRequest): MountSpec {
  const kind = mount.Type ?? "";
  const target = mount.Target ?? "";
  const source = mount.Source ?? "";
  if (target === "") throw refuseMount(kind, "field Target must not be empty");
  if (!target.startsWith("/")) {
    throw refuseMount(kind, `invalid mount path: '${target}' mount path must be absolute`);
  }
  const clean = cleanPath(target);
  if (clean === "/") throw refuseMount(kind, "invalid specification: destination can't be '/'");
  const readOnly = mount.ReadOnly ?? false;
  switch (kind) {
    case "bind": {
      if (source === "") throw refuseMount(kind, "field Source must not be empty");
      if (!source.startsWith("/")) {
        throw refuseMount(kind, `invalid mount path: '${source}' mount path must be absolute`);
      }
      const propagation = mount.BindOptions?.Propagation ?? "";
      if (propagation !== "" && !isPropagation(propagation)) {
        throw refuseMount(kind, `invalid propagation mode: ${propagation}`);
      }
      return {
        kind,
        source: cleanPath(source),
        target: clean,
        readOnly,
        propagation: propagation === "" ? "rprivate" : propagation,
        createSource: mount.BindOptions?.CreateMountpoint ?? false,
        recursive: !(mount.BindOptions?.NonRecursive ?? false),
        ...(readOnly && isWritableBelow(mount.BindOptions ?? {}) && { writableBelow: true }),
        ...(mount.BindOptions?.IdMap === true && { idMapped: true }),
      };
    }
    case "volume":
      if (source !== "" && !isVolumeName(source)) {
        throw refuseMount(
          kind,
          `"${source}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed`,
        );
      }
      return {
        kind,
        volume: source,
        target: clean,
        readOnly,
        copy: !(mount.VolumeOptions?.NoCopy ?? false),
        ...volumeWishes(mount.VolumeOptions ?? {}),
      };
    case "image": {
      if (source === "") throw refuseMount(kind, "field Source must not be empty");
      const subpath = mount.ImageOptions?.Subpath ?? "";
      return { kind, image: source, target: clean, ...(subpath !== "" && { subpath }) };
    }
    case "tmpfs": {
      if (source !== "") throw refuseMount(kind, "field Source must not be specified");
      const options = [...tmpfsDefaults];
      if (readOnly) options.push("ro");
      const { SizeBytes, Mode } = mount.TmpfsOptions ?? {};
      if (SizeBytes !== undefined && SizeBytes > 0) options.push(`size=${SizeBytes}`);
      if (Mode !== undefined && Mode > 0) options.push(`mode=${Mode.toString(8)}`);
      options.push(...tmpfsWords(mount.TmpfsOptions?.Options ?? []));
      return { kind, target: clean, options };
    }
    default:
      throw new TiffinError("invalid", "container.mount-type", `mount type unknown: "${kind}"`);
  }
}

type VolumeMount = Extract<MountSpec, { kind: "volume" }>;

/** What is said of a volume that may have to be made. */
function volumeWishes(
  options: NonNullable<MountRequest["VolumeOptions"]>,
): Pick<VolumeMount, "subpath" | "driver" | "driverOptions" | "labels"> {
  const { Subpath: subpath = "", Labels: labels = {}, DriverConfig = {} } = options;
  const { Name: driver = "", Options: driverOptions = {} } = DriverConfig;
  return {
    ...(subpath !== "" && { subpath }),
    ...(driver !== "" && { driver }),
    ...(Object.keys(driverOptions).length > 0 && { driverOptions }),
    ...(Object.keys(labels).length > 0 && { labels }),
  };
}

/** Options of `--mount type=tmpfs`: a word, or a word and its value. */
function tmpfsWords(options: readonly (readonly string[])[]): string[] {
  const words = options.map((pair) => {
    if (pair.length === 1 || pair.length === 2) return pair.join("=");
    throw refuseMount(
      "tmpfs",
      `invalid option ${JSON.stringify(pair)}: wanted a word, or a word and its value`,
    );
  });
  checkTmpfsOptions(words);
  return words;
}

/** Read-only goes for everything below, unless that is asked not to be; who insists on it is refused what would undo it. */
function isWritableBelow(options: NonNullable<MountRequest["BindOptions"]>): boolean {
  const { ReadOnlyNonRecursive = false, ReadOnlyForceRecursive = false, Propagation = "" } = options;
  if (!ReadOnlyForceRecursive) return ReadOnlyNonRecursive;
  if (ReadOnlyNonRecursive) {
    throw refuseMount("bind", "mount options conflict: ReadOnlyNonRecursive && ReadOnlyForceRecursive");
  }
  if (!["", "private", "rprivate"].includes(Propagation)) {
    throw refuseMount(
      "bind",
      `ReadOnlyForceRecursive needs the propagation rprivate: with ${Propagation}, what is mounted on the host later would be writable`,
    );
  }
  return false;
}

const tmpfsDefaults: readonly string[] = ["nosuid", "nodev", "noexec"];

/** One `--tmpfs TARGET[:OPTIONS]` as the API's map of target to options. */
export function decodeTmpfs(target: string, options: string): TmpfsMount {
  if (!target.startsWith("/")) {
    throw refuseMount("tmpfs", `invalid mount path: '${target}' mount path must be absolute`);
  }
  const words = options === "" ? [] : options.split(",");
  checkTmpfsOptions(words);
  return { kind: "tmpfs", target: cleanPath(target), options: [...tmpfsDefaults, ...words] };
}

/**
 * The container's mounts from all sources. Later ones win over image volumes; two user mounts on one target are
 * refused. Ordered by depth, so that a parent is mounted before what lies below it.
 */
export function collectMounts(request: {
  readonly binds: readonly string[];
  readonly mounts: readonly MountRequest[];
  readonly tmpfs: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly imageVolumes: readonly string[];
  /** Of other containers; what is asked for by itself comes before them. */
  readonly inherited?: readonly MountSpec[];
  /** Of volumes that are asked for without one (`--volume-driver`). */
  readonly driver?: string;
}): MountSpec[] {
  const byTarget = new Map<string, MountSpec>();
  const add = (mount: MountSpec): void => {
    if (byTarget.has(mount.target)) {
      throw new TiffinError("invalid", "container.duplicate-mount", `Duplicate mount point: ${mount.target}`);
    }
    byTarget.set(mount.target, mount);
  };
  for (const bind of request.binds) add(decodeBindString(bind, request.driver));
  for (const mount of request.mounts) add(decodeMountRequest(mount));
  for (const [target, options] of Object.entries(request.tmpfs)) add(decodeTmpfs(target, options));
  for (const mount of inherited(request.inherited ?? [])) {
    if (!byTarget.has(mount.target)) byTarget.set(mount.target, mount);
  }
  const { driver = "" } = request;
  for (const volume of [...request.volumes, ...request.imageVolumes]) {
    const target = decodeTarget(volume, "volume", volume);
    if (byTarget.has(target)) continue;
    const made = { kind: "volume", volume: "", target, readOnly: false, copy: true } as const;
    byTarget.set(target, driver === "" ? made : { ...made, driver });
  }
  const depth = (mount: MountSpec): number => mount.target.split("/").length;
  return [...byTarget.values()].sort((a, b) => depth(a) - depth(b));
}

/** The last container that is named has what it mounts where another does too. */
function inherited(mounts: readonly MountSpec[]): readonly MountSpec[] {
  return [...new Map(mounts.map((mount) => [mount.target, mount])).values()];
}

/** `--volumes-from CONTAINER[:MODE]`. Errors: `container.volumes-from`. */
export function decodeVolumesFrom(text: string): { readonly container: string; readonly readOnly: boolean } {
  const [container = "", mode, ...rest] = text.split(":");
  const wrong = (why: string): TiffinError => new TiffinError("invalid", "container.volumes-from", why);
  if (text === "" || container === "") throw wrong(`volumes-from specification cannot be an empty string`);
  const words = mode === undefined ? [] : mode.split(",");
  const isKnown = (word: string): boolean => ["ro", "rw", "z", "Z"].includes(word);
  const both = words.includes("ro") && words.includes("rw");
  if (rest.length > 0 || both || !words.every(isKnown))
    throw wrong(`invalid mode: ${text.slice(container.length + 1)}`);
  return { container, readOnly: words.includes("ro") };
}

/** What a container takes over of another one's mounts: its volumes, binds and images. */
export function takenOver(mounts: readonly MountSpec[], readOnly: boolean): MountSpec[] {
  return mounts.flatMap((mount): MountSpec[] => {
    if (mount.kind === "tmpfs") return [];
    if (mount.kind === "image") return [mount];
    if (mount.kind === "volume") return [{ ...mount, copy: false, readOnly: mount.readOnly || readOnly }];
    return [{ ...mount, readOnly: mount.readOnly || readOnly }];
  });
}

const optionFields = {
  bind: "BindOptions",
  volume: "VolumeOptions",
  image: "ImageOptions",
  tmpfs: "TmpfsOptions",
} as const;

/** Options of another kind of mount have no effect, so they are an error. */
export function validateMountOptions(mount: MountRequest): void {
  for (const [kind, field] of Object.entries(optionFields)) {
    if (kind === mount.Type || mount[field] === undefined) continue;
    throw new TiffinError(
      "invalid",
      "container.mount-config",
      `invalid mount config for type "${mount.Type ?? ""}": field ${field} must not be specified`,
    );
  }
}
