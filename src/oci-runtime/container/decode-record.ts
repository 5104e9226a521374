/**
 * The border where a state file becomes a record. Only this program writes such files, but a disk may have lost a
 * part of one, and in a directory that others can write to it may be anything: what would end in a wrong kill or
 * unlink is looked at, the rest is only read.
 */
const headPattern = /^tiffin-runtime 1 (\d{10})([ ?])(\d{20})\n/;
const socketPattern = /^@start-[0-9a-f]+$/;

export interface DecodedRecord {
  readonly pid: number;
  readonly startTicks: number;
  /** The process is not ready to be started: its creation goes on, or its creator died. */
  readonly creating: boolean;
  /** A container's record, as far as it has been looked at. */
  readonly record: object;
}

/** The process that the head of a damaged record names; undefined when it names none. */
export function decodeHead(text: string): { readonly pid: number; readonly startTicks: number } | undefined {
  const head = headPattern.exec(text);
  if (head === null || Number(head[1]) === 0) return undefined;
  return { pid: Number(head[1]), startTicks: Number(head[3]) };
}

/** Undefined for text that is no whole record. */
export function decodeRecord(text: string): DecodedRecord | undefined {
  const head = headPattern.exec(text);
  if (head === null || !text.endsWith("}\n")) return undefined;
  const record = parse(text.slice(head[0].length));
  if (record === undefined) return undefined;
  return { pid: Number(head[1]), startTicks: Number(head[3]), creating: head[2] === "?", record };
}

function parse(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isRecord(value: unknown): value is object {
  if (!isObject(value)) return false;
  const { bundle, rootfs, created, cgroup, namespaces, startSocket, hooks } = value;
  const texts = [bundle, rootfs, created].every((field) => typeof field === "string");
  const socket = startSocket === undefined || socketPattern.test(String(startSocket));
  const whole = Array.isArray(namespaces) && (hooks === undefined || isObject(hooks));
  return texts && socket && whole && (cgroup === null || isCgroup(cgroup));
}

function isCgroup(value: unknown): boolean {
  if (!isObject(value) || !isObject(value["facts"])) return false;
  return typeof value["directory"] === "string" && Array.isArray(value["joined"]);
}
