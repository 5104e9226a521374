/** Which process a person means: `self`, a number of this machine, a container, or a number inside a container. */
import { TiffinError } from "../lib/errors.ts";
import type { CliContext } from "./context.ts";
import { cleanName } from "./each-container.ts";
import type { ObservedTarget } from "./observer.ts";

export function processNumber(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number > 0 && number <= 0x7fff_ffff) return number;
  throw new TiffinError("invalid", "cli.process-number", `${JSON.stringify(text)} is no number of a process`);
}

/** `inside` is the number in the container. With `isContainer` a name of digits is a container too. */
export async function findTarget(
  context: CliContext,
  name: string,
  inside: string | undefined,
  isContainer: boolean,
): Promise<ObservedTarget> {
  if (!isContainer && inside === undefined) {
    if (name === "self") return { pid: context.io.processId };
    if (/^\d+$/.test(name)) return { pid: processNumber(name) };
  }
  const number = inside === undefined ? undefined : processNumber(inside);
  const api = await context.api();
  const { Name, State } = await api.document("containerInspect", { params: { name: cleanName(name) } });
  const container = Name.replace(/^\//, "");
  if (State.Pid === 0) {
    throw new TiffinError(
      "conflict",
      "cli.not-running",
      `container ${container} is not running (${State.Status})`,
      {
        remedy: `tiffin start ${container}`,
      },
    );
  }
  return { pid: State.Pid, container, ...(number === undefined ? {} : { inside: number }) };
}

/** Names by id of an engine's containers; none when no engine answers, which is not started for it. */
export async function containerNames(context: CliContext): Promise<ReadonlyMap<string, string>> {
  try {
    const api = await context.apiIfThere();
    const list = await api.document("containerList", { query: { all: true } });
    return new Map(list.map(({ Id, Names }) => [Id, Names[0]?.replace(/^\//, "") ?? Id.slice(0, 12)]));
  } catch {
    return new Map();
  }
}
