/**
 * The device rules of a container as an eBPF program for cgroup v2 (BPF_PROG_TYPE_CGROUP_DEVICE), assembled here
 * because cgroup v2 has no device files. The last rule of the list that speaks about a request decides, so the
 * rules are tested from last to first.
 *
 * The kernel calls it with {u32 access << 16 | type, u32 major, u32 minor}; it returns 1 to allow.
 */

import { coversEverything } from "./cgroup-devices.ts";
import type { DeviceRule } from "./cgroup-resources.ts";

/** Instruction codes used here: class, size or operation, and source, as linux/bpf.h composes them. */
export const bpfCodes = {
  loadWord: 0x61, // BPF_LDX | BPF_MEM | BPF_W
  moveRegister: 0xbc, // BPF_ALU | BPF_MOV | BPF_X (32 bit)
  moveImmediate: 0xb7, // BPF_ALU64 | BPF_MOV | BPF_K
  andImmediate: 0x54, // BPF_ALU | BPF_AND | BPF_K
  shiftRightImmediate: 0x74, // BPF_ALU | BPF_RSH | BPF_K
  jumpNotEqual: 0x55, // BPF_JMP | BPF_JNE | BPF_K
  jumpEqual: 0x15, // BPF_JMP | BPF_JEQ | BPF_K
  exit: 0x95, // BPF_JMP | BPF_EXIT
} as const;

const typeBlock = 1;
const typeChar = 2;
const accessBits = { m: 1, r: 2, w: 4 } as const;
const accessAll = 7;

const result = 0;
const context = 1;
const type = 2;
const access = 3;
const major = 4;
const minor = 5;
const scratch = 1;

interface Instruction {
  readonly code: number;
  readonly destination: number;
  readonly source: number;
  readonly offset: number;
  readonly immediate: number;
}

function instruction(code: number, destination: number, source = 0, offset = 0, immediate = 0): Instruction {
  return { code, destination, source, offset, immediate };
}

/** Assembles the program for `rules`. Throws `RangeError` for a rule that cannot be expressed. */
export function deviceProgram(rules: readonly DeviceRule[]): Uint8Array {
  const program: Instruction[] = [
    instruction(bpfCodes.loadWord, type, context, 0),
    instruction(bpfCodes.moveRegister, access, type),
    instruction(bpfCodes.andImmediate, type, 0, 0, 0xffff),
    instruction(bpfCodes.shiftRightImmediate, access, 0, 0, 16),
    instruction(bpfCodes.loadWord, major, context, 4),
    instruction(bpfCodes.loadWord, minor, context, 8),
  ];
  for (const rule of merged(rules).reverse()) {
    program.push(...ruleCode(rule));
    if (coversEverything(rule)) return encode(program);
  }
  program.push(instruction(bpfCodes.moveImmediate, result), instruction(bpfCodes.exit, 0));
  return encode(program);
}

/** Neighbouring rules about the same device become one, so that `r` and `w` allowed apart allow `rw` together. */
function merged(rules: readonly DeviceRule[]): DeviceRule[] {
  const list: DeviceRule[] = [];
  for (const rule of rules) {
    const last = list.at(-1);
    const same =
      last !== undefined &&
      last.allow === rule.allow &&
      last.type === rule.type &&
      last.major === rule.major &&
      last.minor === rule.minor;
    if (same) list[list.length - 1] = { ...rule, access: (last.access ?? "rwm") + (rule.access ?? "rwm") };
    else list.push(rule);
  }
  return list;
}

function accessMask(letters: string | undefined): number {
  if (letters === undefined || letters === "") return accessAll;
  let mask = 0;
  for (const letter of letters) {
    if (letter !== "r" && letter !== "w" && letter !== "m") {
      throw new RangeError(`device access ${JSON.stringify(letters)}, wanted letters of "rwm"`);
    }
    mask |= accessBits[letter];
  }
  return mask;
}

function typeNumber(rule: DeviceRule): number | undefined {
  switch (rule.type ?? "a") {
    case "a":
    case "":
      return undefined;
    case "b":
      return typeBlock;
    case "c":
    case "u":
      return typeChar;
    default:
      throw new RangeError(`device type ${JSON.stringify(rule.type)}, wanted a, b, c or u`);
  }
}

/** Tests of one rule, each leading past it when it does not apply, then its verdict. */
function ruleCode(rule: DeviceRule): Instruction[] {
  const tests: {
    readonly before: Instruction[];
    readonly code: number;
    readonly register: number;
    readonly value: number;
  }[] = [];
  const wantedType = typeNumber(rule);
  if (wantedType !== undefined)
    tests.push({ before: [], code: bpfCodes.jumpNotEqual, register: type, value: wantedType });
  const mask = accessMask(rule.access);
  if (mask !== accessAll) {
    // Allowed: nothing beyond the mask may be wanted. Denied: anything within the mask is enough.
    const kept = rule.allow ? accessAll & ~mask : mask;
    const before = [
      instruction(bpfCodes.moveRegister, scratch, access),
      instruction(bpfCodes.andImmediate, scratch, 0, 0, kept),
    ];
    const code = rule.allow ? bpfCodes.jumpNotEqual : bpfCodes.jumpEqual;
    tests.push({ before, code, register: scratch, value: 0 });
  }
  for (const [register, number, what] of [
    [major, rule.major, "major"],
    [minor, rule.minor, "minor"],
  ] as const) {
    if (number === undefined || number < 0) continue;
    if (!Number.isInteger(number) || number > 0x7fff_ffff)
      throw new RangeError(`device ${what} number ${number}`);
    tests.push({ before: [], code: bpfCodes.jumpNotEqual, register, value: number });
  }
  const verdict = [
    instruction(bpfCodes.moveImmediate, result, 0, 0, rule.allow ? 1 : 0),
    instruction(bpfCodes.exit, 0),
  ];
  // From the end backwards, so that each jump knows how far the end of the rule is.
  let code = verdict;
  for (const test of tests.reverse()) {
    code = [...test.before, instruction(test.code, test.register, 0, code.length, test.value), ...code];
  }
  return code;
}

/** struct bpf_insn: u8 code, 4 bits destination, 4 bits source, s16 offset, s32 immediate. */
function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * 8);
  const view = new DataView(bytes.buffer);
  program.forEach((each, index) => {
    const at = index * 8;
    view.setUint8(at, each.code);
    view.setUint8(at + 1, each.destination | (each.source << 4));
    view.setInt16(at + 2, each.offset, true);
    view.setInt32(at + 4, each.immediate, true);
  });
  return bytes;
}

const registerNames = ["r0", "r1", "type", "access", "major", "minor"];

/** The program as text, one instruction per line with its index, for `explain` and for tests. */
export function disassembleDeviceProgram(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lines: string[] = [];
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    const registers = view.getUint8(at + 1);
    const destination = registerNames[registers & 15] ?? `r${registers & 15}`;
    const source = registerNames[registers >> 4] ?? `r${registers >> 4}`;
    const offset = view.getInt16(at + 2, true);
    const value = view.getInt32(at + 4, true);
    const index = at / 8;
    lines.push(`${index}: ${instructionText(view.getUint8(at), destination, source, offset, value, index)}`);
  }
  return lines.join("\n");
}

function instructionText(
  code: number,
  destination: string,
  source: string,
  offset: number,
  value: number,
  index: number,
): string {
  switch (code) {
    case bpfCodes.loadWord:
      return `${destination} = request[${offset}]`;
    case bpfCodes.moveRegister:
      return `${destination} = ${source}`;
    case bpfCodes.moveImmediate:
      return `${destination} = ${value}`;
    case bpfCodes.andImmediate:
      return `${destination} &= ${value}`;
    case bpfCodes.shiftRightImmediate:
      return `${destination} >>= ${value}`;
    case bpfCodes.jumpNotEqual:
      return `if ${destination} != ${value} goto ${index + 1 + offset}`;
    case bpfCodes.jumpEqual:
      return `if ${destination} == ${value} goto ${index + 1 + offset}`;
    case bpfCodes.exit:
      return "exit";
    default:
      return `unknown code ${code}`;
  }
}
