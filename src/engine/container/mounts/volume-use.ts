/** A run of a container begins and ends to use its volumes: what is told of that, and what goes with it. */
import type { Container } from "../record/mod.ts";
import type { MountsContext } from "./context.ts";
import { releaseMounted } from "./mounted-volumes.ts";

export function enterVolumes(context: MountsContext, container: Container): void {
  for (const mount of container.document.specification.mounts) {
    if (mount.kind !== "volume") continue;
    context.events.emit("volume", "mount", mount.volume, {
      container: container.id,
      destination: mount.target,
      driver: mount.driver ?? "local",
      propagation: "",
      "read/write": String(!mount.readOnly),
    });
  }
}

export function leaveVolumes(context: MountsContext, container: Container): void {
  for (const mount of container.document.specification.mounts) {
    if (mount.kind !== "volume") continue;
    const { driver = "local" } = mount;
    context.events.emit("volume", "unmount", mount.volume, { container: container.id, driver });
  }
  releaseMounted(context, container);
}
