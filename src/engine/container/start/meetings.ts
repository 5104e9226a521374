/** What the engine does beside a start while the process waits for it, and once it runs. */
import { mkdirSync } from "node:fs";
import { keepDeviceRules } from "../../../kernel/cgroup-devices.ts";
import { killCgroup } from "../../../kernel/cgroup-processes.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { UndoStack } from "../../../lib/undo-stack.ts";
import type { RuntimeSpec } from "../../../oci/mod.ts";
import { syncIds } from "../../../plan/mod.ts";
import { foreignPlace } from "../../runtimes.ts";
import { cgroupOf } from "../process/mod.ts";
import type { Container } from "../record/mod.ts";
import type { StartContext } from "./context.ts";
import { hasHooks, runDeviceHooks } from "./device-hooks.ts";
import type { NetworkPlace } from "./start-network.ts";
import type { StartFindings } from "./start-plan.ts";

export interface Meetings {
  /** The process waits at this point. */
  readonly onSync: (id: number, pid: number) => Promise<void> | void;
  /** Its program runs. */
  readonly afterStart: (pid: number) => Promise<void>;
}

const nothing = (): void => {};

/** The groups are made, and nothing is in them yet. */
export function prepareMeetings(
  context: StartContext,
  container: Container,
  { hooks }: StartFindings,
  { spec, place }: { readonly spec: RuntimeSpec; readonly place: NetworkPlace },
  undo: UndoStack,
): Meetings {
  const { id, document } = container;
  const { runtime } = document.specification;
  if (runtime !== undefined || hasHooks(hooks)) {
    mkdirSync(foreignPlace(context.config), { recursive: true, mode: 0o700 });
  }
  const made = runtime === undefined ? nothing : prepareForeign(context, id, undo);
  // Another runtime runs its own.
  const own = runtime === undefined ? hooks : {};
  if (hasHooks(own) && document.firstHostId !== null) throw hooksImpossible();
  const where = { spec, id, place: foreignPlace(context.config) };
  return {
    async onSync(sync, pid) {
      if (sync === syncIds.network) place.wire?.(pid);
      if (sync === syncIds.environment) await runDeviceHooks(["prestart", "createRuntime"], own, where, pid);
      if (sync === syncIds.start) made();
    },
    afterStart: (pid) => runDeviceHooks(["poststart"], own, where, pid),
  };
}

/** What another runtime has begun when its start fails is in the container's group, and nobody's child. */
function prepareForeign({ facts, config, registry }: StartContext, id: string, undo: UndoStack): () => void {
  const group = cgroupOf({ config, registry }, id);
  undo.push("what the runtime has begun", () => killCgroup(facts.cgroup, group));
  // Runtimes allow devices of their own accord (/dev/net/tun) that nobody has asked for.
  return keepDeviceRules(facts.cgroup, group);
}

function hooksImpossible(): TiffinError {
  return new TiffinError(
    "notImplemented",
    "container.cdi",
    "CDI device injection failed: a device has hooks, which are told of the container in a directory of root alone: the root of a user namespace cannot walk there",
    { remedy: "leave out --userns", exitCode: 125 },
  );
}
