/** Further processes in a container, without their streams. */
import { parseDetachKeys } from "../../docker/detach-keys.ts";
import type { ExecBackend } from "../backend.ts";
import type { Handlers } from "../handler.ts";
import { wishesOf } from "./explain-wishes.ts";

export function execHandlers(
  execs: ExecBackend,
): Pick<Handlers, "execCreate" | "execResize" | "execInspect" | "explainExec"> {
  return {
    execCreate: async ({ params, body }) => {
      // A bad sequence is told now, not at the start.
      parseDetachKeys(body.DetachKeys ?? "");
      return await execs.create(params.name, body);
    },
    execResize: ({ params, query }) => execs.resize(params.id, { height: query.h ?? 0, width: query.w ?? 0 }),
    explainExec: ({ params, query, body }) => execs.explain(params.name, body, wishesOf(query)),
    execInspect: ({ params }) => execs.inspect(params.id),
  };
}
