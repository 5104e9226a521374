/** `_ping`, `version`, `info`, events. */
import type { EventBackend, SystemBackend } from "../backend.ts";
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
  events: EventBackend,
): Pick<
  Handlers,
  "ping" | "pingHead" | "metrics" | "pluginList" | "version" | "info" | "diskUsage" | "events"
> {
  const ping = async (): Promise<TextAnswer> => {
    await system.ping();
    return { text: "OK", headers: pingHeaders };
  };
  return {
    ping,
    pingHead: ping,
    metrics: async ({ headers }) => {
      const { text, mediaType } = system.metrics(headers.accept ?? []);
      return { text, mediaType, headers: [] };
    },
    // Those that the engine would manage itself; drivers of volumes are programs beside it, and in `info`.
    pluginList: async () => [],
    version: () => system.version(),
    info: () => system.info(),
    diskUsage: ({ query }) => system.diskUsage(query.type ?? []),
    events: async ({ query, signal }) => {
      const { since, until, filters = {} } = query;
      return { lines: events.events({ sinceNs: since, untilNs: until, filters }, signal) };
    },
  };
}
