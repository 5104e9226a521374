/**
 * Volumes of other drivers: mounted by their plug-in before a container uses them, and unmounted after that. Each use has a name that
 * follows from the container and the place, so that an engine that comes after a killed one ends the uses of that one.
 */
import { createHash } from "node:crypto";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { localDriver, type Volume } from "../../volume/mod.ts";
import type { Container } from "../record/mod.ts";
import type { MountSpec } from "../specification/mod.ts";
import type { MountsContext } from "./context.ts";

const exitCode = 125;

export function useOf(container: string, target: string): string {
  return createHash("sha256").update(`${container}:${target}`).digest("hex");
}

/** Where on the host the plug-in has it from now on. Errors: `container.volume-mount`. */
export async function mountForeign(context: MountsContext, volume: Volume, use: string): Promise<string> {
  try {
    const plugin = await context.volumes.plugins.find(volume.driver);
    return await plugin.mount(volume.name, use);
  } catch (thrown) {
    throw new TiffinError(
      "unavailable",
      "container.volume-mount",
      `error while mounting volume ${volume.name}: ${messageOf(thrown)}`,
      { exitCode, cause: thrown },
    );
  }
}

/** Ends the uses of these mounts; what fails is reported. Nothing for volumes of the engine's own. */
export async function releaseForeign(
  context: MountsContext,
  container: Pick<Container, "id">,
  mounts: readonly MountSpec[],
): Promise<void> {
  for (const mount of mounts) {
    if (mount.kind !== "volume") continue;
    const volume = context.volumes.find(mount.volume);
    if (volume === undefined || volume.driver === localDriver) continue;
    try {
      const plugin = await context.volumes.plugins.find(volume.driver);
      await plugin.unmount(volume.name, useOf(container.id, mount.target));
    } catch (thrown) {
      context.report(new Error(`volume ${volume.name} of container ${container.id}: ${messageOf(thrown)}`));
    }
  }
}

/** Whether a container has volumes that somebody has to be asked about. */
export function hasForeign(context: MountsContext, container: Container): boolean {
  return container.document.specification.mounts.some(
    (mount) =>
      mount.kind === "volume" && (context.volumes.find(mount.volume)?.driver ?? localDriver) !== localDriver,
  );
}
