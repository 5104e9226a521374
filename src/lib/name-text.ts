/**
 * Names as the kernel has them are bytes, and nobody keeps a program from choosing bytes that are not UTF-8. Here such a name
 * is a string too: every byte above 127 of it becomes the lone surrogate U+DC00 plus the byte, which no UTF-8 text decodes to,
 * so the way back is exact. Pure.
 */
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();
const firstEscape = 0xdc80;
const lastEscape = 0xdcff;
const escapeBase = 0xdc00;

export function decodeName(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    // One code unit a byte: names are short, and such names are rare.
    return Array.from(bytes, (byte) => String.fromCharCode(byte < 0x80 ? byte : escapeBase + byte)).join("");
  }
}

export function encodeName(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  const bytes: number[] = [];
  // By code points, so that half of a pair is not taken for an escape.
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= firstEscape && code <= lastEscape) bytes.push(code - escapeBase);
    else bytes.push(...encoder.encode(character));
  }
  return Uint8Array.from(bytes);
}
