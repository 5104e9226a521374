/** Numbers as the words that people know them by. */
import { capabilitiesOfMask, capabilityNames } from "../linux/capabilities.ts";
import { namespaceKinds } from "../linux/clone-flags.ts";
import { mountAttributes, mountPropagations } from "../linux/mount-flags.ts";

const attributeWords: readonly (readonly [number, string])[] = [
  [mountAttributes.readOnly, "ro"],
  [mountAttributes.noSuid, "nosuid"],
  [mountAttributes.noDevices, "nodev"],
  [mountAttributes.noExec, "noexec"],
  [mountAttributes.noAccessTime, "noatime"],
  [mountAttributes.strictAccessTime, "strictatime"],
  [mountAttributes.noDirectoryAccessTime, "nodiratime"],
  [mountAttributes.noSymlinkFollow, "nosymfollow"],
  [mountAttributes.idMap, "idmap"],
];

/** `ro,nosuid`; the empty text for none. */
export function attributeText(attributes: number | bigint): string {
  const bits = Number(attributes);
  return attributeWords
    .filter(([bit]) => (bits & bit) === bit)
    .map(([, word]) => word)
    .join(",");
}

/** What clearing these means in mount's words: `rw,suid`. The access-time field is cleared as a whole. */
export function clearedText(attributes: number | bigint): string {
  const bits = Number(attributes);
  const words = attributeWords
    .filter(([bit]) => (bits & bit) === bit && (bit & mountAttributes.accessTimeMask) === 0)
    .map(([, word]) => (word === "ro" ? "rw" : word.replace(/^no/, "")));
  if ((bits & mountAttributes.accessTimeMask) !== 0) words.push("atime");
  return words.join(",");
}

export function propagationText(propagation: number | bigint): string {
  const bits = Number(propagation);
  for (const [word, value] of Object.entries(mountPropagations)) if (bits === value) return word;
  return "";
}

/** `mount,uts,pid`, in a fixed order. */
export function namespaceText(flags: number | bigint): string {
  const bits = BigInt(flags);
  return Object.entries(namespaceKinds)
    .filter(([, { flag }]) => (bits & BigInt(flag)) !== 0n)
    .map(([name]) => name)
    .join(",");
}

/** `chown,kill`; `all` or `none` where that is shorter. */
export function capabilityText(mask: number | bigint): string {
  const names = capabilitiesOfMask(BigInt(mask));
  if (names.length === 0) return "none";
  if (names.length === capabilityNames.length) return "all";
  return names.map((name) => name.replace("CAP_", "").toLowerCase()).join(",");
}

/** `0755`. */
export function modeText(mode: number): string {
  return `0${(mode & 0o7777).toString(8)}`;
}

/** `major:minor` of a number in the kernel's encoding. */
export function deviceText(device: number | bigint): string {
  const bits = BigInt(device);
  const minor = (bits & 0xffn) | ((bits >> 12n) & 0xfff00n);
  return `${(bits >> 8n) & 0xfffn}:${minor}`;
}
