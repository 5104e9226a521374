/** How a container is asked to end, by `stop` and by `restart`. */
import { type FlagTable, integer, text, type Values } from "./flags/flag.ts";

export const stopFlags = {
  signal: text("s", "Signal that asks the container to stop"),
  time: integer("", "Seconds to wait before killing the container", { hidden: true }),
  timeout: integer("t", "Seconds to wait before killing the container"),
} as const satisfies FlagTable;

export function stopQuery({ signal, time, timeout }: Values<typeof stopFlags>) {
  return { t: timeout ?? time, signal: signal || undefined };
}
