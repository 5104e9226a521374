/**
 * 1.42: `stop` takes a signal; `ConsoleSize` is honoured by create and exec; framed streams say so in their media type; what
 * images share is computed on request.
 */
import { mapFields, mapHostConfig, type VersionTranslator, withoutFields } from "./translator.ts";

export const v1_42: VersionTranslator = {
  minor: 42,
  request: {
    diskUsage: (request) => ({ ...request, query: withoutFields(request.query, "type") }),
    imageList: (request) => ({ ...request, query: withoutFields(request.query, "shared-size") }),
    containerStop: (request) => ({ ...request, query: withoutFields(request.query, "signal") }),
    containerCreate: (request) =>
      mapHostConfig(request, (hostConfig) => withoutFields(hostConfig, "ConsoleSize")),
    execCreate: (request) => ({
      ...request,
      body: mapFields(request.body, (body) => withoutFields(body, "ConsoleSize")),
    }),
    execStart: (request) => ({
      ...request,
      body: mapFields(request.body, (body) => withoutFields(body, "ConsoleSize")),
    }),
  },
  response: {},
};

/** What a stream of output is called: raw bytes of a terminal, or frames. Older clients know only the raw name. */
export function streamMediaType(clientMinor: number, tty: boolean): string {
  return tty || clientMinor < v1_42.minor
    ? "application/vnd.docker.raw-stream"
    : "application/vnd.docker.multiplexed-stream";
}
