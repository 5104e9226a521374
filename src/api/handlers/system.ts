/** `_ping`, `version`, `info`. */
import type { SystemBackend } from "../backend.ts";
import type { Handlers, TextAnswer } from "../handler.ts";

/** Clients choose the builder by `Builder-Version`: 1 is the classic one; BuildKit's own protocol is not served. */
const pingHeaders = [
  ["Builder-Version", "1"],
  ["Cache-Control", "no-cache, no-store, must-revalidate"],
  ["Pragma", "no-cache"],
  ["Swarm", "inactive"],
] as const;

export function systemHandlers(
  system: SystemBackend,
): Pick<Handlers, "ping" | "pingHead" | "version" | "info"> {
  const ping = async (): Promise<TextAnswer> => {
    await system.ping();
    return { text: "OK", headers: pingHeaders };
  };
  return {
    ping,
    pingHead: ping,
    version: () => system.version(),
    info: () => system.info(),
  };
}
