/**
 * Where systemd puts a container: `linux.cgroupsPath` as `slice:prefix:name`, the scope's name, and the directory
 * that follows from both.
 */
import { TiffinError } from "../../lib/errors.ts";

export interface ScopeName {
  /** `machine-a.slice` */
  readonly slice: string;
  /** `prefix-name.scope` */
  readonly unit: string;
  /** Below the manager's own group: `/machine.slice/machine-a.slice/prefix-name.scope`. */
  readonly directory: string;
}

const suffix = { slice: ".slice", scope: ".scope" } as const;
/** UNIT_NAME_MAX of systemd, without the final NUL. */
const nameLimit = 255;
const defaultPrefix = "tiffin";

function wrong(path: string, why: string): TiffinError {
  return new TiffinError(
    "invalid",
    "runtime.cgroups-path",
    `linux.cgroupsPath is ${JSON.stringify(path)}: ${why}`,
    { remedy: "with --systemd-cgroup write it as slice:prefix:name" },
  );
}

/**
 * Reads `path`; absent or empty, the container's id gives the name. `defaultSlice` is `system.slice` for root and
 * `user.slice` for others. Throws `invalid`.
 */
export function parseScopePath(path: string | undefined, id: string, defaultSlice: string): ScopeName {
  const text = path ?? "";
  const [slice = "", prefix = "", name = "", more] = text === "" ? ["", defaultPrefix, id] : text.split(":");
  if (text !== "" && text.split(":").length < 3) throw wrong(text, "systemd wants slice:prefix:name");
  if (more !== undefined || name === "") throw wrong(text, "systemd wants slice:prefix:name");
  if (name.endsWith(suffix.slice)) throw wrong(text, "a container is a scope, it cannot be a slice");
  const unit = `${escapeName(prefix === "" ? name : `${prefix}-${name}`)}${suffix.scope}`;
  if (unit.length > nameLimit)
    throw wrong(text, `the name of its scope is longer than ${nameLimit} characters`);
  const wanted = slice === "" ? defaultSlice : slice;
  const above = sliceDirectory(wanted);
  if (above === undefined) throw wrong(text, `${JSON.stringify(wanted)} is no name of a slice`);
  return { slice: wanted, unit, directory: `${above}/${groupName(unit)}` };
}

/** systemd.unit(5), "String escaping", of what a unit's name may not hold. */
function escapeName(name: string): string {
  return [...new TextEncoder().encode(name)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[\w:.@\\-]/.test(character) ? character : `\\x${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");
}

/** `a-b.slice` lies in `a.slice`; `-.slice` is the root, as "". Undefined for a name that is none. */
function sliceDirectory(slice: string): string | undefined {
  if (!slice.endsWith(suffix.slice) || !/^[\w:.@\\-]+$/.test(slice)) return undefined;
  const name = slice.slice(0, -suffix.slice.length);
  if (name === "-") return "";
  const parts = name.split("-");
  if (parts.includes("")) return undefined;
  const names = parts.map((_, index) => groupName(`${parts.slice(0, index + 1).join("-")}${suffix.slice}`));
  return `/${names.join("/")}`;
}

const reserved = ["cgroup", "cpu", "cpuacct", "cpuset", "io", "blkio", "memory", "devices", "pids"] as const;

/** systemd puts `_` before names that could be taken for a file of the kernel's. */
function groupName(unit: string): string {
  const taken = /^[._]/.test(unit) || reserved.some((word) => unit.startsWith(`${word}.`));
  return taken ? `_${unit}` : unit;
}
