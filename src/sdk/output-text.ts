/** Output as lines and as whole texts. */
import { TiffinError } from "../lib/errors.ts";
import type { OutputPiece } from "./output-queue.ts";

/** A line of output, without its end. */
export interface OutputLine {
  readonly stream: "stdout" | "stderr";
  readonly text: string;
}

/** What a process has written, and the code that it ended with. */
export interface Output {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A process that writes more than this is to be read piece by piece. */
const limitCollectedBytes = 64 * 1024 * 1024;

/** The lines of each stream as they are complete; the rest of one that ends without a line end comes last. */
export async function* linesOf(
  pieces: AsyncIterable<OutputPiece>,
): AsyncGenerator<OutputLine, void, undefined> {
  const open = {
    stdout: { decoder: new TextDecoder(), rest: "" },
    stderr: { decoder: new TextDecoder(), rest: "" },
  };
  for await (const { stream, data } of pieces) {
    const state = open[stream];
    const lines = (state.rest + state.decoder.decode(data, { stream: true })).split("\n");
    state.rest = lines.pop() ?? "";
    for (const line of lines) yield { stream, text: withoutReturn(line) };
  }
  for (const stream of ["stdout", "stderr"] as const) {
    const rest = open[stream].rest + open[stream].decoder.decode();
    if (rest !== "") yield { stream, text: withoutReturn(rest) };
  }
}

/** A terminal ends lines with both. */
function withoutReturn(line: string): string {
  return line.endsWith("\r") ? line.slice(0, -1) : line;
}

/** Both streams whole. */
export async function collected(
  pieces: AsyncIterable<OutputPiece>,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const kept: Record<OutputPiece["stream"], Uint8Array[]> = { stdout: [], stderr: [] };
  let total = 0;
  for await (const { stream, data } of pieces) {
    total += data.length;
    if (total > limitCollectedBytes) {
      throw new TiffinError(
        "invalid",
        "client.output-too-big",
        `the process has written more than ${limitCollectedBytes} bytes`,
        { remedy: "read it piece by piece, from spawn" },
      );
    }
    kept[stream].push(data);
  }
  const text = (parts: readonly Uint8Array[]): string => new TextDecoder().decode(Buffer.concat(parts));
  return { stdout: text(kept.stdout), stderr: text(kept.stderr) };
}
