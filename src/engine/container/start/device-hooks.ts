/**
 * Programs that the files of devices want to run beside a container's start, as the OCI runtime specification has hooks. Another runtime
 * runs its own; here those in the container's namespaces become operations of the plan, and those on the host are run by the engine.
 */
import { openFile, openFlags } from "../../../kernel/files.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { becomesReadable } from "../../../kernel/readable.ts";
import { formatExactJson } from "../../../lib/exact-json.ts";
import { after } from "../../../lib/timer.ts";
import type { OciHook, OciHooks, RuntimeSpec } from "../../../oci/mod.ts";
import type { ContainerOptions } from "../../../plan/mod.ts";
import { environmentOf, type HookState, planHooks, runHostHooks } from "../../../runtime/mod.ts";

/** In the bundle, which has the container's root in it. */
const rootName = "rootfs";

export function hasHooks(hooks: OciHooks): boolean {
  return Object.values(hooks).some((list) => list.length > 0);
}

function stateOf(spec: RuntimeSpec, id: string, bundle: string, status: HookState["status"]): HookState {
  return {
    ociVersion: spec.ociVersion,
    id,
    status,
    bundle,
    ...(spec.annotations !== undefined && { annotations: spec.annotations }),
  };
}

/** What a plan is told of them. The bundle is there as long as the host's mounts can be seen from the container. */
export function hookOptions(
  hooks: OciHooks,
  spec: RuntimeSpec,
  id: string,
  place: string,
): Partial<ContainerOptions> {
  if (!hasHooks(hooks)) return {};
  const environment = (): string[] => environmentOf(process.env);
  const { rlimits: _limits, ...program } = spec.process ?? { cwd: "/", user: { uid: 0, gid: 0 } };
  const configuration = formatExactJson({
    ...spec,
    process: program,
    root: { ...spec.root, path: rootName },
  });
  return {
    workMount: `${place}/${rootName}`,
    syncEnvironment: true,
    hooks: {
      bundle: { place, root: rootName, configuration },
      createContainer: planHooks(
        hooks.createContainer ?? [],
        stateOf(spec, id, place, "creating"),
        environment,
      ),
      startContainer: planHooks(hooks.startContainer ?? [], stateOf(spec, id, place, "created"), environment),
    },
  };
}

/** Those of the engine's side, while the container's process waits; it sees the mounts that hooks are to find. */
export async function runDeviceHooks(
  kinds: readonly ("prestart" | "createRuntime" | "poststart")[],
  hooks: OciHooks,
  { spec, id, place }: { readonly spec: RuntimeSpec; readonly id: string; readonly place: string },
  pid: number,
): Promise<void> {
  const wanted = kinds.flatMap((kind) => (hooks[kind] ?? []).map((hook): [string, OciHook] => [kind, hook]));
  if (wanted.length === 0) return;
  using nothing = openFile(undefined, "/dev/null", openFlags.readWrite);
  const host = {
    env: process.env,
    cwd: "/",
    standard: [nothing, nothing, nothing] as const,
    async readable(fd: OwnedFd, limitMs: number): Promise<boolean> {
      const over = new AbortController();
      using _limit = after(limitMs, () => over.abort(), { background: true });
      return await becomesReadable(fd, over.signal);
    },
  };
  const status = kinds.includes("poststart") ? "running" : "creating";
  const state = stateOf(spec, id, `/proc/${pid}/root${place}`, status);
  for (const [kind, hook] of wanted) await runHostHooks(`hooks.${kind}`, [hook], state, pid, host);
}
