/** `state`: the specification's state document. */
import { type CommandContext, idOf } from "../command.ts";
import { readContainer } from "../container/container-record.ts";
import { stateDocument } from "../container/status.ts";

export function state(context: CommandContext): number {
  const container = readContainer(context.root, idOf(context));
  context.host.print(1, `${JSON.stringify(stateDocument(context.root, container), null, 2)}\n`);
  return 0;
}
