/** Views of a process's memory: `maps`, `smaps` and `mem` (proc_pid_maps(5), proc_pid_smaps(5), proc_pid_mem(5)). */
import { openFlags } from "../../kernel/files.ts";
import { SyscallError, trySyscall } from "../../kernel/syscall.ts";
import { errno } from "../../linux/errno.ts";
import { gone, misuse, unreadable } from "../errors.ts";
import type { ObservedProcess } from "../observed-process.ts";
import { type Cell, fields, type Report, type TextSection, table } from "../report.ts";
import { bytesText } from "../units.ts";

interface Mapping {
  readonly start: bigint;
  readonly end: bigint;
  readonly permissions: string;
  readonly offset: string;
  readonly device: string;
  readonly inode: string;
  readonly path: string;
}

const mapLine = /^([0-9a-f]+)-([0-9a-f]+) ([rwxps-]{4}) ([0-9a-f]+) ([0-9a-f]+:[0-9a-f]+) (\d+) *(.*)$/;

export function parseMapLine(line: string): Mapping | undefined {
  const match = mapLine.exec(line);
  if (match === null) return undefined;
  const [, start = "", end = "", permissions = "", offset = "", device = "", inode = "", path = ""] = match;
  return { start: BigInt(`0x${start}`), end: BigInt(`0x${end}`), permissions, offset, device, inode, path };
}

function mappingsOf(process: ObservedProcess): Mapping[] {
  return process
    .text("maps")
    .split("\n")
    .flatMap((line) => parseMapLine(line) ?? []);
}

const kindByPath: readonly (readonly [RegExp, string])[] = [
  [/^\[heap\]$/, "heap"],
  [/^\[stack\]$/, "main stack"],
  [/^\[(?:vdso|vvar.*|vsyscall)\]$/, "given by the kernel, for quick calls"],
  [/^\[anon:(.*)\]$/, "memory of no file, with a name"],
  [/^\/memfd:/, "memory file"],
  [/^\/dev\/shm\/|^\/SYSV/, "shared memory"],
  [/^\/dev\/zero/, "shared memory"],
];

/** What a range is for, in words. */
export function kindOf({ permissions, path }: Pick<Mapping, "permissions" | "path">): string {
  const known = kindByPath.find(([pattern]) => pattern.test(path))?.[1];
  if (known !== undefined) return known;
  const readable = permissions[0] === "r";
  const writable = permissions[1] === "w";
  if (path === "") return readable || writable ? "memory of no file" : "kept free, a guard";
  if (permissions[2] === "x") return "code";
  if (!(readable || writable)) return "kept free";
  if (!writable) return "constants of a file";
  return permissions[3] === "s" ? "file, changes are written to it" : "data of a file, changes are private";
}

const hex = (value: bigint): string => `0x${value.toString(16)}`;

export function mapsReport(process: ObservedProcess): Report {
  const mappings = mappingsOf(process);
  const rows = mappings.map((mapping): Cell[] => {
    const size = Number(mapping.end - mapping.start);
    return [
      `${hex(mapping.start)}-${hex(mapping.end)}`,
      { value: size, shown: bytesText(size) },
      mapping.permissions,
      `0x${mapping.offset.replace(/^0+(?=.)/, "")}`,
      mapping.inode === "0" ? null : `${mapping.device} ${mapping.inode}`,
      kindOf(mapping),
      mapping.path,
    ];
  });
  const total = mappings.reduce((sum, { start, end }) => sum + Number(end - start), 0);
  return {
    sections: [
      table(
        "",
        {
          range: "RANGE",
          bytes: "SIZE",
          permissions: "PERM",
          offset: "OFFSET",
          file: "DEVICE INODE",
          kind: "WHAT",
          path: "PATH",
        },
        rows,
      ),
    ],
    notes: [
      `${mappings.length} ranges, ${bytesText(total)} of address space. r read, w write, x execute, p private, s shared.`,
      ...(mappings.length === 0 ? ["A thread of the kernel and a process that has ended have none."] : []),
    ],
  };
}

const costs = [
  "Rss",
  "Pss",
  "Shared_Clean",
  "Shared_Dirty",
  "Private_Clean",
  "Private_Dirty",
  "Swap",
] as const;

const costMeanings: Readonly<Record<(typeof costs)[number], string>> = {
  Rss: "resident, shared pages counted whole",
  Pss: "resident, each shared page divided by those who share it",
  Shared_Clean: "resident, shared with others, as in the file",
  Shared_Dirty: "resident, shared with others, changed",
  Private_Clean: "resident, of this process alone, as in the file",
  Private_Dirty: "resident, of this process alone, changed: what its end frees",
  Swap: "swapped out",
};

export function smapsReport(process: ObservedProcess): Report {
  const totals = new Map<string, number>();
  const rows: Cell[][] = [];
  let current: Mapping | undefined;
  let values = new Map<string, number>();
  const finish = (): void => {
    if (current === undefined) return;
    const shown = costs.map((cost) => {
      const bytes = values.get(cost) ?? 0;
      return { value: bytes, shown: bytesText(bytes) };
    });
    rows.push([
      `${hex(current.start)}-${hex(current.end)}`,
      ...shown,
      current.permissions,
      current.path || kindOf(current),
    ]);
  };
  for (const line of process.text("smaps").split("\n")) {
    const mapping = parseMapLine(line);
    if (mapping !== undefined) {
      finish();
      current = mapping;
      values = new Map();
      continue;
    }
    const match = /^([A-Za-z_]+): +(\d+) kB$/.exec(line);
    if (match?.[1] === undefined) continue;
    const bytes = Number(match[2]) * 1024;
    values.set(match[1], bytes);
    totals.set(match[1], (totals.get(match[1]) ?? 0) + bytes);
  }
  finish();
  const summed = costs.map((cost) => {
    const bytes = totals.get(cost) ?? 0;
    return { key: cost, value: bytes, text: bytesText(bytes), meaning: costMeanings[cost] };
  });
  return {
    sections: [
      fields("All together", summed, "total"),
      table(
        "By range",
        {
          range: "RANGE",
          rss: "RSS",
          pss: "PSS",
          sharedClean: "SHARED CLEAN",
          sharedDirty: "SHARED DIRTY",
          privateClean: "PRIVATE CLEAN",
          privateDirty: "PRIVATE DIRTY",
          swap: "SWAP",
          permissions: "PERM",
          path: "PATH",
        },
        rows,
        "ranges",
      ),
    ],
  };
}

export interface MemoryRange {
  readonly start: bigint;
  readonly bytes: number;
}

/** Beyond it a dump is for programs, which take `--raw`. */
const largestDumpBytes = 1024 * 1024;
const largestRawBytes = 1024 * 1024 * 1024;

/** `START-END` or `START+LENGTH`; numbers are hexadecimal, a length may be decimal with `0d`. */
export function parseRange(text: string): MemoryRange {
  const match = /^(?:0x)?([0-9a-f]{1,16})(?:-(?:0x)?([0-9a-f]{1,16})|\+(\d+|0x[0-9a-f]+))$/i.exec(text);
  if (match?.[1] === undefined) {
    throw misuse(
      `a range of memory is START-END (hexadecimal) or START+LENGTH (bytes), not ${JSON.stringify(text)}`,
      "tiffin proc maps shows the ranges of a process",
    );
  }
  const start = BigInt(`0x${match[1]}`);
  const length = match[2] === undefined ? BigInt(match[3] ?? "0") : BigInt(`0x${match[2]}`) - start;
  if (length <= 0n) throw misuse(`the range ${text} ends before it begins`);
  if (length > BigInt(largestRawBytes)) {
    throw misuse(
      `the range ${text} has ${bytesText(Number(length))}; at most ${bytesText(largestRawBytes)} are read at once`,
    );
  }
  return { start, bytes: Number(length) };
}

export function readMemory(process: ObservedProcess, text: string | undefined, raw: boolean): Uint8Array {
  if (text === undefined) {
    throw misuse(
      "mem wants to know which addresses: --range START-END",
      `choose from tiffin proc maps ${process.pid}`,
    );
  }
  const range = parseRange(text);
  if (!raw && range.bytes > largestDumpBytes) {
    throw misuse(
      `${bytesText(range.bytes)} are too many to print`,
      "a shorter --range, or --raw for the bytes themselves",
    );
  }
  using file = process.open("mem", openFlags.readOnly);
  const bytes = new Uint8Array(range.bytes);
  let done = 0;
  while (done < bytes.length) {
    const position = range.start + BigInt(done);
    const got = readAt(file.raw, bytes.subarray(done), position);
    if (got <= 0) throw unreadableMemory(process, position, -got);
    done += got;
  }
  return bytes;
}

/** pread64 takes the position as a register: addresses of the upper half do not fit a JavaScript integer exactly. */
function readAt(fd: number, into: Uint8Array, position: bigint): number {
  if (position > BigInt(Number.MAX_SAFE_INTEGER)) return -errno.EIO;
  return trySyscall("pread64", fd, into, into.length, Number(position));
}

function unreadableMemory(process: ObservedProcess, position: bigint, code: number): Error {
  const stat = process.statIfPossible;
  if (stat === undefined || code === 0) {
    return gone(`reading the memory of process ${process.pid}: it has ended, or its address space has`);
  }
  const what = `reading the memory of process ${process.pid} (${stat.name}) at ${hex(position)}`;
  const mapping = mappingsOf(process).find(({ start, end }) => position >= start && position < end);
  if (mapping === undefined)
    return gone(`${what}: nothing is mapped there`, `choose from tiffin proc maps ${process.pid}`);
  const name = mapping.path === "" ? "" : ` (${mapping.path})`;
  if (/^\[(?:vvar|vsyscall)/.test(mapping.path)) {
    return unreadable(`${what}${name}: pages of the kernel's own cannot be read through /proc`);
  }
  const reason = new SyscallError("pread64", code, "mem").code;
  return unreadable(
    `${what}${name}: ${reason}; the range is ${mapping.permissions}: ${kindOf(mapping)}`,
    "a range of a file that is shorter than its mapping, and memory of a device, have no bytes to read",
  );
}

const bytesPerLine = 16;

export function memoryDump(bytes: Uint8Array, start: bigint): TextSection {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += bytesPerLine) {
    const part = bytes.subarray(at, at + bytesPerLine);
    const digits = Array.from(part, (byte) => byte.toString(16).padStart(2, "0"));
    const half = bytesPerLine / 2;
    const left = digits
      .slice(0, half)
      .join(" ")
      .padEnd(half * 3 - 1);
    const right = digits
      .slice(half)
      .join(" ")
      .padEnd(half * 3 - 1);
    const letters = Array.from(part, (byte) =>
      byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".",
    ).join("");
    lines.push(`${(start + BigInt(at)).toString(16).padStart(12, "0")}  ${left}  ${right}  ${letters}`);
  }
  return { kind: "text", key: "dump", title: "", lines };
}
