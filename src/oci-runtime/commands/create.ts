/** `create`: everything but the program. */
import type { CommandContext } from "../command.ts";
import { createContainer } from "../creation/create-container.ts";
import { creationRequest } from "../creation/creation-request.ts";

export async function create(context: CommandContext): Promise<number> {
  await createContainer(creationRequest(context, { hold: true, foreground: false }));
  return 0;
}
