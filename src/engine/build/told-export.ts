/** Results and caches on their way out, as clients see them: a vertex of their own, with a line for each thing that is done. */
import { nowMs } from "../../lib/clock.ts";
import { messageOf } from "../../lib/errors.ts";
import { vertexOf } from "./graph/mod.ts";
import type { ReportEvent } from "./progress.ts";

export type Note = (text: string) => void;

export async function toldExport(
  report: ReportEvent,
  name: string,
  work: (note: Note) => Promise<void>,
): Promise<void> {
  const { digest } = vertexOf({ name, operation: { kind: "merge" }, inputs: [], platform: name });
  const startedMs = nowMs();
  const shown = { kind: "vertex", digest, name, inputs: [], startedMs, cached: false } as const;
  report(shown);
  try {
    await work((text) => {
      const atMs = nowMs();
      const times = { atMs, startedMs: atMs, completedMs: atMs };
      report({ kind: "status", vertex: digest, id: text, name: text, current: 0, total: 0, ...times });
    });
    report({ ...shown, completedMs: nowMs() });
  } catch (thrown) {
    report({ ...shown, completedMs: nowMs(), error: messageOf(thrown) });
    throw thrown;
  }
}
