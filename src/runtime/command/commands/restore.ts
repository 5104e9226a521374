/** `restore`: a new container from a bundle and the files of a checkpoint. Its processes go on where they were. */
import type { CommandContext } from "../command.ts";
import { creationRequest } from "../creation-request.ts";
import { restoreContainer } from "../criu/restore-container.ts";
import { destroyContainer } from "../destroy-container.ts";
import { enterForeground, serveForeground } from "../foreground.ts";

export async function restore(context: CommandContext): Promise<number> {
  const { flags, root, log } = context;
  const foreground = !flags.switch("detach");
  const signals = foreground ? enterForeground() : undefined;
  const request = creationRequest(context, { hold: false, foreground });
  const { container, terminal } = await restoreContainer(context, request);
  if (signals === undefined) return 0;
  const code = serveForeground(container.process.pid, terminal, signals);
  await destroyContainer(root, container, log);
  return code;
}
