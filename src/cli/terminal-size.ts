import type { CliIo, WindowSize } from "./io.ts";

/** The size of the terminal that output goes to, or that input comes from; undefined when there is neither. */
export function terminalSize(io: CliIo): WindowSize | undefined {
  return io.windowSize(1) ?? io.windowSize(0);
}
