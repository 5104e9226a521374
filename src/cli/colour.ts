/** Whether to colour: on a terminal that can, for a person who has not said no (NO_COLOR, no-color.org). */
import type { CliIo } from "./io.ts";

export function useColour(io: Pick<CliIo, "env" | "isTerminal">): boolean {
  return (io.env["NO_COLOR"] ?? "") === "" && io.env["TERM"] !== "dumb" && io.isTerminal(1);
}
