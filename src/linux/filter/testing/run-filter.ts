import { decodeFilter, filterCodes } from "../mod.ts";

export interface AskedCall {
  readonly architecture: number;
  readonly number: number;
  readonly args?: readonly bigint[];
}

/** What the kernel's interpreter of classic BPF would return for a system call. */
export function filterRunner(bytes: Uint8Array): (call: AskedCall) => number {
  const program = decodeFilter(bytes);
  const data = new DataView(new ArrayBuffer(64));
  return ({ architecture, number, args = [] }) => {
    data.setUint32(0, number, true);
    data.setUint32(4, architecture, true);
    for (let index = 0; index < 6; index += 1) data.setBigUint64(16 + index * 8, args[index] ?? 0n, true);
    let accumulator = 0;
    for (let at = 0; at < program.length; at += 1) {
      const { code, value, yes, no } = program[at] ?? { code: -1, value: 0, yes: 0, no: 0 };
      switch (code) {
        case filterCodes.loadWord:
          accumulator = data.getUint32(value, true);
          break;
        case filterCodes.and:
          accumulator = (accumulator & value) >>> 0;
          break;
        case filterCodes.jump:
          at += value;
          break;
        case filterCodes.jumpIfEqual:
          at += accumulator === value ? yes : no;
          break;
        case filterCodes.jumpIfGreater:
          at += accumulator > value ? yes : no;
          break;
        case filterCodes.jumpIfAtLeast:
          at += accumulator >= value ? yes : no;
          break;
        case filterCodes.result:
          return value;
        default:
          throw new Error(`unknown filter code ${code} at ${at}`);
      }
    }
    throw new Error("the filter ran off its end");
  };
}
