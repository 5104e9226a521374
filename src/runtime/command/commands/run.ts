/** `run`: create and start in one go, without the pause between them; then wait, and take everything away. */
import type { CommandContext } from "../command.ts";
import { createContainer } from "../create-container.ts";
import { creationRequest } from "../creation-request.ts";
import { destroyContainer } from "../destroy-container.ts";
import { enterForeground, serveForeground } from "../foreground.ts";
import { runPoststart } from "../poststart.ts";

export async function run(context: CommandContext): Promise<number> {
  const { flags, root, log } = context;
  const foreground = !flags.switch("detach");
  // The executor leaves; its child must then be ours to wait for.
  const signals = foreground ? enterForeground() : undefined;
  const created = await createContainer(creationRequest(context, { hold: false, foreground }));
  const { container, terminal } = created;
  await runPoststart(root, container, log);
  if (signals === undefined) return 0;
  const code = serveForeground(container.process.pid, terminal, signals);
  if (!flags.switch("keep")) await destroyContainer(root, container, log);
  return code;
}
