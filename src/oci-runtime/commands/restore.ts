/** `restore`: a new container from a bundle and the files of a checkpoint. Its processes go on where they were. */
import type { CommandContext } from "../command.ts";
import { destroyWaitedFor } from "../container/destroy-container.ts";
import { creationRequest } from "../creation/creation-request.ts";
import { restoreContainer } from "../criu/restore-container.ts";

export async function restore(context: CommandContext): Promise<number> {
  const { flags, root, host } = context;
  const foreground = !flags.switch("detach");
  if (foreground) host.enterForeground();
  const request = creationRequest(context, { hold: false, foreground });
  const { container, terminal } = await restoreContainer(context, request);
  if (!foreground) return 0;
  const code = await host.serveForeground(container.process.pid, terminal);
  await destroyWaitedFor(root, container, context);
  return code;
}
