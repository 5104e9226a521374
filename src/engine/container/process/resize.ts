/** The size of a container's terminal. */

import { TiffinError } from "../../../lib/errors.ts";
import { type Container, isAlive } from "../record/mod.ts";
import { meetingEnd, notRunningError } from "./meeting-end.ts";

/** Characters. */
export interface TerminalSize {
  readonly height: number;
  readonly width: number;
}

/** Sets the size now, or remembers it for the start. Errors: `conflict` for one that does not run, `notFound` between two runs. */
export async function resizeContainer(container: Container, size: TerminalSize): Promise<void> {
  const { state, id } = container;
  if (state.status === "created" || state.status === "starting" || state.status === "exited") {
    container.size = { rows: size.height, columns: size.width };
    return;
  }
  // Docker's answer between two runs.
  if (state.status === "restarting") {
    throw new TiffinError("notFound", "container.no-process", "no such container");
  }
  const { process } = container;
  if (!isAlive(state) || process === undefined) throw notRunningError(id);
  await meetingEnd(container, () => process.resize(size.height, size.width));
}
