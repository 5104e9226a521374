/** Whether systemd ends this engine because the whole machine ends: then its containers, which outlive an engine, have to end in good order. */
import { SystemdManager } from "./systemd-manager.ts";

/** Without a systemd that answers: no. */
export function machineGoesDown(): boolean {
  try {
    using manager = SystemdManager.open([
      { path: "/run/systemd/private", isBus: false },
      { path: "/run/dbus/system_bus_socket", isBus: true },
    ]);
    return manager.systemState() === "stopping";
  } catch {
    return false;
  }
}
