/** Descriptors of a container's own files that its supervisor keeps: log directory, exit record, OOM counter. */
import { openDirectory, openFile, openFlags } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import type { Plan } from "../../../plan/mod.ts";
import { openUserNamespace } from "../../../runtime/mod.ts";
import type { Container } from "../record/mod.ts";
import type { StartContext } from "./context.ts";

/** Opens what the plan receives and nobody has opened yet, into `fds`. */
export async function openStateFiles(
  context: StartContext,
  container: Container,
  plan: Plan,
  fds: Map<string, OwnedFd>,
): Promise<void> {
  const { logs, record } = context.paths.container(container.id);
  for (const { name } of plan.receives) {
    if (fds.has(name)) continue;
    if (name === "logs") fds.set(name, openDirectory(logs));
    if (name.startsWith("idmap:")) {
      fds.set(name, await openUserNamespace((request) => context.runtime.launch(request), name));
    }
    if (name === "record") fds.set(name, openFile(undefined, record, openFlags.readWrite));
  }
}
