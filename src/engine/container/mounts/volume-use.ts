/** A run of a container begins and ends to use its volumes: what is told of that, and what goes with it. */
import { localDriver } from "../../volume/mod.ts";
import type { Container } from "../record/mod.ts";
import type { MountsContext } from "./context.ts";
import { releaseMounted } from "./mounted-volumes.ts";

function driverOf(context: MountsContext, volume: string): string {
  return context.volumes.find(volume)?.driver ?? localDriver;
}

export function enterVolumes(context: MountsContext, container: Container): void {
  for (const mount of container.document.specification.mounts) {
    if (mount.kind !== "volume") continue;
    context.events.emit("volume", "mount", mount.volume, {
      container: container.id,
      destination: mount.target,
      driver: driverOf(context, mount.volume),
      propagation: "",
      "read/write": String(!mount.readOnly),
    });
  }
}

/** Docker tells it after the end of the process. */
export function tellVolumesLeft(context: MountsContext, container: Container): void {
  for (const mount of container.document.specification.mounts) {
    if (mount.kind !== "volume") continue;
    const driver = driverOf(context, mount.volume);
    context.events.emit("volume", "unmount", mount.volume, { container: container.id, driver });
  }
}

/** Of a start that came to nothing. */
export function leaveVolumes(context: MountsContext, container: Container): void {
  tellVolumesLeft(context, container);
  releaseMounted(context, container);
}
