/**
 * Docker's progress stream for people. On a terminal every layer has a line of its own, which is drawn again as it gets on;
 * anywhere else there are no bars, and what remains are plain lines.
 */
import { progressBar } from "../docker/progress-bar.ts";
import type { ProgressMessage } from "../docker/types/progress.ts";
import { TiffinError } from "../lib/errors.ts";
import type { CliContext } from "./context.ts";

export interface DisplayOptions {
  /** Where it goes: 1 unless given. */
  readonly fd?: 1 | 2;
  /** Show nothing but the failure. */
  readonly quiet?: boolean;
  readonly onAux?: (aux: unknown) => void;
}

const control = "\u001b[";
const longestBar = 50;
/** Beside a bar stand the layer, what is done with it, and how much of it. */
const besideBar = 60;

/** Shows all of it. Throws the failure that ends the stream. */
export async function showProgress(
  context: CliContext,
  messages: AsyncIterable<ProgressMessage>,
  { fd = 1, quiet = false, onAux }: DisplayOptions = {},
): Promise<void> {
  const { io } = context;
  const drawn = io.isTerminal(fd) && io.env["TERM"] !== "dumb";
  const write = (text: string): void => io.write(fd, text);
  const lines = new Map<string, number>();
  for await (const message of messages) {
    if (message.error !== undefined || message.errorDetail !== undefined) throw failureOf(message);
    if (message.aux !== undefined) onAux?.(message.aux);
    else if (quiet) continue;
    else if (!drawn) write(plainLine(message));
    else write(drawnLine(message, lines, barCells(io.windowSize(fd)?.columns)));
  }
}

function failureOf({ error, errorDetail }: ProgressMessage): TiffinError {
  const {
    message = error ?? "the engine failed without saying why",
    remedy,
    tiffinCode,
    code,
  } = errorDetail ?? {};
  return new TiffinError("internal", tiffinCode ?? "client.engine-error", message, {
    ...(remedy !== undefined && { remedy }),
    ...(code !== undefined && code > 0 && { exitCode: code }),
  });
}

function barCells(columns = 0): number {
  const room = columns - besideBar;
  return room < longestBar / 2 ? 0 : Math.min(longestBar, room);
}

function plainLine({ id, status = "", stream, progressDetail }: ProgressMessage): string {
  if (stream !== undefined) return stream;
  if (progressDetail?.current !== undefined) return "";
  return `${id === undefined ? "" : `${id}: `}${status}\n`;
}

function drawnLine(message: ProgressMessage, lines: Map<string, number>, cells: number): string {
  const { id, status = "", stream, progressDetail } = message;
  if (stream !== undefined) {
    lines.clear();
    return stream;
  }
  if (id === undefined || progressDetail === undefined) {
    lines.clear();
    return plainLine(message);
  }
  const { current = 0, total = 0 } = progressDetail;
  const known = lines.get(id);
  const line = known ?? lines.size;
  if (known === undefined) lines.set(id, line);
  const up = lines.size - line;
  const bar = current > 0 || total > 0 ? ` ${progressBar(current, total, cells)}` : "";
  const first = known === undefined ? "\n" : "";
  return `${first}${control}${up}A${control}2K\r${id}: ${status}${bar}\r${control}${up}B`;
}
