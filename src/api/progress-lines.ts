/**
 * Work that tells how it gets on, as an answer in lines. A failure before the first line is an error answer as of any other route;
 * after it, the last line of the stream, as in Docker.
 */
import type { ProgressMessage } from "../docker/types/progress.ts";
import type { LinesAnswer } from "./handler.ts";
import { asTiffinError, errorBody } from "./status.ts";

export type ReportProgress = (message: ProgressMessage) => void;

/** What waits for a client that is slow: of one bar, only its newest state. */
class WaitingLines {
  readonly #lines: ProgressMessage[] = [];
  #wake: (() => void) | undefined;
  #over = false;

  push(line: ProgressMessage): void {
    const at = isBar(line) ? this.#lines.findLastIndex((one) => one.id === line.id) : -1;
    const before = this.#lines[at];
    if (before !== undefined && isBar(before) && before.status === line.status) this.#lines[at] = line;
    else this.#lines.push(line);
    this.#wake?.();
  }

  end(): void {
    this.#over = true;
    this.#wake?.();
  }

  async *read(): AsyncGenerator<ProgressMessage> {
    for (;;) {
      const line = this.#lines.shift();
      if (line !== undefined) yield line;
      else if (this.#over) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    }
  }
}

function isBar({ id, progressDetail }: ProgressMessage): boolean {
  return id !== undefined && progressDetail?.current !== undefined;
}

/** Resolves when there is a first line, or the work is done. `onFault` hears of failures that are the engine's own. */
export async function progressLines(
  work: (report: ReportProgress) => Promise<void>,
  onFault: (error: unknown) => void,
): Promise<LinesAnswer<ProgressMessage>> {
  const lines = new WaitingLines();
  const { promise: began, resolve: begin } = Promise.withResolvers<void>();
  let begun = false;
  const report = (message: ProgressMessage): void => {
    begun = true;
    lines.push(message);
    begin();
  };
  const done = work(report).then(
    () => lines.end(),
    (thrown: unknown) => {
      if (!begun) throw thrown;
      const error = asTiffinError(thrown);
      if (error.kind === "internal") onFault(error);
      const { message, remedy, code, exitCode } = errorBody(error);
      lines.push({
        errorDetail: {
          ...(exitCode !== undefined && { code: exitCode }),
          message,
          ...(remedy !== undefined && { remedy }),
          tiffinCode: code,
          tiffinKind: error.kind,
        },
        error: message,
      });
      lines.end();
    },
  );
  await Promise.race([began, done]);
  return { lines: lines.read() };
}
