/** Streams of answers that are a container's output: framed, or raw where it has a terminal. */
import type { StreamedResponse } from "../client/transport.ts";
import { FrameDecoder, frameTypes } from "../docker/framing.ts";
import { TiffinError } from "../lib/errors.ts";
import type { OutputPiece } from "./output-queue.ts";

export interface LogOptions {
  /** Goes on with what is written from now on, until the container ends. */
  readonly follow?: boolean;
  /** How many lines of the end; all without it. */
  readonly tail?: number;
  readonly since?: Date;
  readonly until?: Date;
  /** Each line begins with its time. */
  readonly timestamps?: boolean;
  /** One stream alone. */
  readonly only?: "stdout" | "stderr";
  readonly signal?: AbortSignal | undefined;
}

const nanoPerMs = 1_000_000n;

export function logQuery({ follow, tail, since, until, timestamps, only }: LogOptions) {
  const time = (date: Date): bigint => BigInt(date.getTime()) * nanoPerMs;
  return {
    stdout: only !== "stderr",
    stderr: only !== "stdout",
    ...(follow !== undefined && { follow }),
    ...(tail !== undefined && { tail }),
    ...(since !== undefined && { since: time(since) }),
    ...(until !== undefined && { until: time(until) }),
    ...(timestamps !== undefined && { timestamps }),
  };
}

/** Takes Docker's frames off, where the answer says that it has them. */
export async function* outputOf({
  headers,
  chunks,
}: StreamedResponse): AsyncGenerator<OutputPiece, void, undefined> {
  const isFramed = headers.get("content-type") === "application/vnd.docker.multiplexed-stream";
  const ready: OutputPiece[] = [];
  const decoder = new FrameDecoder({
    part(type, piece) {
      ready.push({ stream: type === frameTypes.stderr ? "stderr" : "stdout", data: piece.slice() });
    },
    control(type) {
      throw new TiffinError("internal", "client.malformed-response", `a frame of type ${type} in a log`);
    },
  });
  for await (const chunk of chunks) {
    if (isFramed) decoder.push(chunk);
    else ready.push({ stream: "stdout", data: chunk.slice() });
    yield* ready.splice(0);
  }
}
