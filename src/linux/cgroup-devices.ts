/** Device rules: what a list amounts to, the devices that every container has, and the text form of cgroup v1. */
import type { DeviceRule } from "./cgroup-resources.ts";

function isWildcard(number: number | undefined): boolean {
  return number === undefined || number < 0;
}

/** True for a rule about every device and every access. */
export function coversEverything(rule: DeviceRule): boolean {
  const type = rule.type ?? "a";
  const access = rule.access === undefined || rule.access === "" ? "rwm" : rule.access;
  return (
    (type === "a" || type === "") &&
    isWildcard(rule.major) &&
    isWildcard(rule.minor) &&
    ["r", "w", "m"].every((letter) => access.includes(letter))
  );
}

/** True when the last word of the list is "everything": a new group needs no rules then. */
export function allowsEverything(rules: readonly DeviceRule[]): boolean {
  const last = rules.at(-1);
  return last === undefined || (last.allow && coversEverything(last));
}

/** `c 1:3 rwm`, `b *:* m`, or `a` for everything, which also resets the rules before. */
export function deviceListText(rule: DeviceRule): string {
  if (coversEverything(rule)) return "a";
  const number = (value: number | undefined): string =>
    value === undefined || value < 0 ? "*" : String(value);
  const type = rule.type === undefined || rule.type === "" ? "a" : rule.type === "u" ? "c" : rule.type;
  const access = rule.access === undefined || rule.access === "" ? "rwm" : rule.access;
  return `${type} ${number(rule.major)}:${number(rule.minor)} ${access}`;
}

/**
 * Allowed in every container with device rules, whatever its list says: making nodes (harmless without access to
 * them), null, zero, full, random, urandom, tty, console, ptmx and the terminals of devpts.
 */
export const standardDeviceRules: readonly DeviceRule[] = [
  { allow: true, type: "c", access: "m" },
  { allow: true, type: "b", access: "m" },
  { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
  { allow: true, type: "c", major: 1, minor: 5, access: "rwm" },
  { allow: true, type: "c", major: 1, minor: 7, access: "rwm" },
  { allow: true, type: "c", major: 1, minor: 8, access: "rwm" },
  { allow: true, type: "c", major: 1, minor: 9, access: "rwm" },
  { allow: true, type: "c", major: 5, minor: 0, access: "rwm" },
  { allow: true, type: "c", major: 5, minor: 1, access: "rwm" },
  { allow: true, type: "c", major: 5, minor: 2, access: "rwm" },
  { allow: true, type: "c", major: 136, access: "rwm" },
];

/**
 * The list that is enforced: rules before the last all-covering one are void; without one everything is denied at
 * first; the standard devices come last. Repeated rules appear once.
 */
export function effectiveDeviceRules(rules: readonly DeviceRule[]): DeviceRule[] {
  const start = rules.findLastIndex(coversEverything);
  const head: DeviceRule = start < 0 ? { allow: false } : { allow: rules[start]?.allow === true };
  const seen = new Set<string>();
  const list = [head];
  for (const rule of [...rules.slice(start + 1), ...standardDeviceRules]) {
    const key = `${rule.allow} ${deviceListText(rule)}`;
    // A repetition after a contrary rule means something, so only a run of agreeing rules is thinned.
    if (list.at(-1)?.allow !== rule.allow) seen.clear();
    if (seen.has(key)) continue;
    seen.add(key);
    list.push(rule);
  }
  return list;
}
