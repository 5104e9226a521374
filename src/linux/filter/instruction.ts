/** Classic BPF, as far as filters of system calls have it, and its bytes. */
export const filterCodes = {
  loadWord: 0x20,
  and: 0x54,
  jump: 0x05,
  jumpIfEqual: 0x15,
  jumpIfGreater: 0x25,
  jumpIfAtLeast: 0x35,
  result: 0x06,
} as const;

/** Where `struct seccomp_data` has what a filter asks about; arguments follow. */
export const filterWords = { number: 0, architecture: 4 } as const;

export const filterInstructionBytes = 8;

export interface FilterInstruction {
  readonly code: number;
  /** Instructions to skip when the condition holds, and when it does not. */
  readonly yes: number;
  readonly no: number;
  /** Offset, mask, distance, number to compare with, or result, by `code`. */
  readonly value: number;
}

export function filterInstruction(code: number, value: number, yes = 0, no = 0): FilterInstruction {
  return { code, yes, no, value };
}

/** struct sock_filter: u16 code, u8 jump if true, u8 jump if false, u32 value. */
export function encodeFilter(program: readonly FilterInstruction[]): Uint8Array {
  const bytes = new Uint8Array(program.length * filterInstructionBytes);
  const view = new DataView(bytes.buffer);
  program.forEach((each, index) => {
    const at = index * filterInstructionBytes;
    view.setUint16(at, each.code, true);
    view.setUint8(at + 2, each.yes);
    view.setUint8(at + 3, each.no);
    view.setUint32(at + 4, each.value, true);
  });
  return bytes;
}

export function decodeFilter(bytes: Uint8Array): FilterInstruction[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: Math.floor(bytes.length / filterInstructionBytes) }, (_, index) => {
    const at = index * filterInstructionBytes;
    return {
      code: view.getUint16(at, true),
      yes: view.getUint8(at + 2),
      no: view.getUint8(at + 3),
      value: view.getUint32(at + 4, true),
    };
  });
}
