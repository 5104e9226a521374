/** `create`: everything but the program. */
import type { CommandContext } from "../command.ts";
import { createContainer } from "../create-container.ts";
import { creationRequest } from "../creation-request.ts";

export async function create(context: CommandContext): Promise<number> {
  await createContainer(creationRequest(context, { hold: true, foreground: false }));
  return 0;
}
