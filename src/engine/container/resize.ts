/** The size of a container's terminal. */
import { TiffinError } from "../../lib/errors.ts";
import type { Container } from "./model.ts";
import { isAlive } from "./state.ts";

/** Characters. */
export interface TerminalSize {
  readonly height: number;
  readonly width: number;
}

/** Sets the size now, or remembers it for the start. Errors: `conflict` for a container that has ended. */
export function resizeContainer(container: Container, size: TerminalSize): void {
  const { state, id } = container;
  if (state.status === "created" || state.status === "starting" || state.status === "exited") {
    container.size = { rows: size.height, columns: size.width };
    return;
  }
  if (!isAlive(state) || container.process === undefined) {
    throw new TiffinError("conflict", "container.not-running", `container ${id} is not running`);
  }
  container.process.resize(size.height, size.width);
}
