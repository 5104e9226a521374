/** Lines that were too long, or late, to be kept in one piece: which pieces are of one line is told to the receivers that have fields for it. */
import { randomBytes } from "node:crypto";
import type { DeliveredLine } from "./encode.ts";

interface Entry {
  readonly stream: "stdout" | "stderr";
  readonly timeNs: bigint;
  readonly bytes: Uint8Array;
}

const newline = 0x0a;
const idBytes = 32;

export class LinePieces {
  readonly #unfinished = new Map<string, { readonly id: string; pieces: number }>();

  /** The next entry, without its newline. */
  lineOf({ stream, timeNs, bytes }: Entry): DeliveredLine {
    const isWhole = bytes.at(-1) === newline;
    const line = { stream, timeNs, bytes: isWhole ? bytes.subarray(0, -1) : bytes };
    const begun = this.#unfinished.get(stream);
    if (begun === undefined && isWhole) return line;
    const { id, pieces } = begun ?? { id: randomBytes(idBytes).toString("hex"), pieces: 0 };
    if (isWhole) this.#unfinished.delete(stream);
    else this.#unfinished.set(stream, { id, pieces: pieces + 1 });
    return { ...line, piece: { id, ordinal: pieces + 1, isLast: isWhole } };
  }
}
