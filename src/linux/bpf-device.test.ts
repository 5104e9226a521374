import { describe, expect, test } from "bun:test";
import { bpfCodes, deviceProgram, disassembleDeviceProgram } from "./bpf-device.ts";
import type { DeviceRule } from "./cgroup-resources.ts";

test("the whole program of a small list", () => {
  const program = deviceProgram([
    { allow: false },
    { allow: true, type: "c", major: 1, minor: 3, access: "rwm" },
    { allow: true, type: "b", access: "m" },
  ]);
  expect(disassembleDeviceProgram(program)).toBe(
    [
      "0: type = request[0]",
      "1: access = type",
      "2: type &= 65535",
      "3: access >>= 16",
      "4: major = request[4]",
      "5: minor = request[8]",
      "6: if type != 1 goto 12",
      "7: r1 = access",
      "8: r1 &= 6",
      "9: if r1 != 0 goto 12",
      "10: r0 = 1",
      "11: exit",
      "12: if type != 2 goto 17",
      "13: if major != 1 goto 17",
      "14: if minor != 3 goto 17",
      "15: r0 = 1",
      "16: exit",
      "17: r0 = 0",
      "18: exit",
    ].join("\n"),
  );
});

const types = { b: 1, c: 2 };
const accesses = { m: 1, r: 2, w: 4 };

/** Runs the program as the kernel would: no more than is needed for the codes that the assembler uses. */
function run(program: Uint8Array, type: "b" | "c", major: number, minor: number, access: string): number {
  const wanted = [...access].reduce((mask, letter) => mask | accesses[letter as keyof typeof accesses], 0);
  const request = [(wanted << 16) | types[type], major, minor];
  const registers = [0, 0, 0, 0, 0, 0];
  const view = new DataView(program.buffer, program.byteOffset, program.byteLength);
  for (let at = 0; at < program.length; at += 8) {
    const to = view.getUint8(at + 1) & 15;
    const from = view.getUint8(at + 1) >> 4;
    const offset = view.getInt16(at + 2, true);
    const value = view.getInt32(at + 4, true);
    const left = registers[to] ?? 0;
    switch (view.getUint8(at)) {
      case bpfCodes.loadWord:
        registers[to] = request[offset / 4] ?? 0;
        break;
      case bpfCodes.moveRegister:
        registers[to] = registers[from] ?? 0;
        break;
      case bpfCodes.moveImmediate:
        registers[to] = value;
        break;
      case bpfCodes.andImmediate:
        registers[to] = left & value;
        break;
      case bpfCodes.shiftRightImmediate:
        registers[to] = left >>> value;
        break;
      case bpfCodes.jumpNotEqual:
        if (left !== value) at += offset * 8;
        break;
      case bpfCodes.jumpEqual:
        if (left === value) at += offset * 8;
        break;
      case bpfCodes.exit:
        return registers[0] ?? 0;
      default:
        throw new Error(`unknown code at ${at}`);
    }
  }
  throw new Error("the program ran off its end");
}

describe("verdicts", () => {
  const list: DeviceRule[] = [
    { allow: false },
    { allow: true, type: "c", major: 10, access: "rw" },
    { allow: false, type: "c", major: 10, minor: 5, access: "w" },
    { allow: true, type: "b", major: 8, minor: 1, access: "r" },
    { allow: true, type: "b", major: 8, minor: 1, access: "w" },
  ];
  const program = deviceProgram(list);

  test.each([
    ["c", 10, 1, "rw", 1],
    ["c", 10, 1, "m", 0],
    ["c", 10, 5, "r", 1],
    ["c", 10, 5, "rw", 0],
    ["c", 11, 1, "r", 0],
    ["b", 10, 1, "r", 0],
    // Allowed apart, so allowed together.
    ["b", 8, 1, "rw", 1],
    ["b", 8, 1, "rwm", 0],
    ["b", 8, 2, "r", 0],
  ] as const)("%s %d:%d %s is %d", (type, major, minor, access, verdict) => {
    expect(run(program, type, major, minor, access)).toBe(verdict);
  });

  test("no rule says no, and a last word about everything is final", () => {
    expect(run(deviceProgram([]), "c", 1, 3, "r")).toBe(0);
    expect(run(deviceProgram([{ allow: false, type: "c" }, { allow: true }]), "c", 1, 3, "r")).toBe(1);
  });

  test.each([
    [{ allow: true, type: "x" }, 'device type "x", wanted a, b, c or u'],
    [{ allow: true, type: "c", access: "q" }, 'device access "q", wanted letters of "rwm"'],
    [{ allow: true, type: "c", major: 2 ** 31 }, "device major number 2147483648"],
  ])("%j is refused", (rule, message) => {
    expect(() => deviceProgram([rule])).toThrow(new RangeError(message));
  });
});
