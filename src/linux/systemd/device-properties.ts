/**
 * Device rules as DevicePolicy and DeviceAllow. systemd writes them into the v1 files again at every reload, so they
 * have to say at least as little as the rules: what it cannot express (a denial after a permission) is left out of
 * the permissions.
 */
import { allowsEverything, effectiveDeviceRules } from "../cgroup-devices.ts";
import type { DeviceRule } from "../cgroup-resources.ts";
import type { DbusValue } from "../dbus/value.ts";
import { property, type UnitProperty } from "./property.ts";

/** `kernelDevices` is /proc/devices, which names the drivers that a rule for all minors means. */
export function deviceProperties(rules: readonly DeviceRule[], kernelDevices: string): UnitProperty[] {
  const [first, ...rest] = effectiveDeviceRules(rules);
  if (allowsEverything(rules) || first?.allow === true) {
    return [property("DevicePolicy", "s", "auto"), property("DeviceAllow", "a(ss)", [])];
  }
  const names = driverNames(kernelDevices);
  const allowed = rest.filter(
    (rule, index) => rule.allow && !rest.slice(index + 1).some((later) => denies(later, rule)),
  );
  const entries = allowed.flatMap((rule) => entriesOf(rule, names));
  return [property("DevicePolicy", "s", "strict"), property("DeviceAllow", "a(ss)", entries)];
}

function isAny(number: number | undefined): boolean {
  return number === undefined || number < 0;
}

/** Whether a later denial takes something of a permission back. */
function denies(later: DeviceRule, rule: DeviceRule): boolean {
  if (later.allow) return false;
  const meets = (a: number | undefined, b: number | undefined): boolean => isAny(a) || isAny(b) || a === b;
  const [one = "a", other = "a"] = [later.type, rule.type];
  return (
    (one === "a" || other === "a" || one === other) &&
    meets(later.major, rule.major) &&
    meets(later.minor, rule.minor)
  );
}

function entriesOf(rule: DeviceRule, names: ReadonlyMap<string, readonly string[]>): DbusValue[] {
  const { major = -1, minor = -1, access = "rwm", type = "a" } = rule;
  const kinds = type === "b" ? ["block"] : type === "a" ? ["char", "block"] : ["char"];
  return kinds.flatMap((kind): DbusValue[] => {
    if (major < 0) return minor < 0 ? [[`${kind}-*`, access]] : [];
    if (minor >= 0) return [[`/dev/${kind}/${major}:${minor}`, access]];
    return (names.get(`${kind} ${major}`) ?? []).map((name) => [`${kind}-${name}`, access]);
  });
}

/** `char 136` -> `pts`. */
function driverNames(kernelDevices: string): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string[]>();
  let kind = "char";
  for (const line of kernelDevices.split("\n")) {
    if (line.startsWith("Block")) kind = "block";
    const [, major, name] = /^\s*(\d+) (\S+)$/.exec(line) ?? [];
    if (major === undefined || name === undefined) continue;
    const key = `${kind} ${major}`;
    names.set(key, [...(names.get(key) ?? []), name]);
  }
  return names;
}
