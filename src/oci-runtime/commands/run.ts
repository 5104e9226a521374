/** `run`: create and start in one go, without the pause between them; then wait, and take everything away. */
import type { CommandContext } from "../command.ts";
import { destroyWaitedFor } from "../container/destroy-container.ts";
import { runPoststart } from "../container/poststart.ts";
import { createContainer } from "../creation/create-container.ts";
import { creationRequest } from "../creation/creation-request.ts";

export async function run(context: CommandContext): Promise<number> {
  const { flags, root, host } = context;
  const foreground = !flags.switch("detach");
  // The executor leaves; its child must then be ours to wait for.
  if (foreground) host.enterForeground();
  const created = await createContainer(creationRequest(context, { hold: false, foreground }));
  const { container, terminal } = created;
  await runPoststart(root, container, context);
  if (!foreground) return 0;
  const code = await host.serveForeground(container.process.pid, terminal);
  if (!flags.switch("keep")) await destroyWaitedFor(root, container, context);
  return code;
}
