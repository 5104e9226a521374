/** A build's events as BuildKit tells of them. */
import { type StatusResponse, timestampOfMs } from "../../buildkit/mod.ts";
import type { BuildEvent } from "../build/mod.ts";

const encoder = new TextEncoder();
/** Warnings of rules are of this level. */
const ruleLevel = 1;

const nothing: StatusResponse = { vertexes: [], statuses: [], logs: [], warnings: [] };

/** Undefined: nothing that BuildKit has words for. */
export function statusOf(event: BuildEvent): StatusResponse | undefined {
  switch (event.kind) {
    case "vertex": {
      const { digest, name, inputs, cached, startedMs, completedMs, error = "" } = event;
      const started = startedMs === undefined ? undefined : timestampOfMs(startedMs);
      const completed = completedMs === undefined ? undefined : timestampOfMs(completedMs);
      const vertex = { digest, name, inputs, cached, started, completed, error, progressGroup: undefined };
      return { ...nothing, vertexes: [vertex] };
    }
    case "status": {
      const { id, vertex, name, current, total, atMs, startedMs, completedMs } = event;
      const status = {
        id,
        vertex,
        name,
        current,
        total,
        timestamp: timestampOfMs(atMs),
        started: timestampOfMs(startedMs),
        completed: completedMs === undefined ? undefined : timestampOfMs(completedMs),
      };
      return { ...nothing, statuses: [status] };
    }
    case "log": {
      const { vertex, stream, data, atMs } = event;
      return { ...nothing, logs: [{ vertex, stream, bytes: data, timestamp: timestampOfMs(atMs) }] };
    }
    case "warning": {
      const { vertex, rule, text, detail, url, lines } = event;
      const position = (line: number) => ({ line, character: 0 });
      const ranges = lines === undefined ? [] : [{ start: position(lines.first), end: position(lines.last) }];
      const warning = {
        vertex,
        level: ruleLevel,
        short: encoder.encode(`${rule}: ${text}${lines === undefined ? "" : ` (line ${lines.first})`}`),
        detail: detail.map((one) => encoder.encode(one)),
        url,
        info: undefined,
        ranges,
      };
      return { ...nothing, warnings: [warning] };
    }
    default:
      return undefined;
  }
}
