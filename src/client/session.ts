/**
 * Tiffin's one-round-trip calls: start a container, or a process in one, and hold its streams, all on the connection of
 * one request. Apart from `api-client.ts` so that `run` loads neither the route table nor its decoders.
 */
import type { RouteTable } from "../docker/routes.ts";
import type { ExecRunBody, RunBody } from "../docker/types/run.ts";
import { errorOfResponse } from "./api-error.ts";
import { type ClientTransport, type PendingUpgrade, refusedUpgrade, type Upgraded } from "./transport.ts";

const runPath: RouteTable["run"]["path"] = "/tiffin/run";
const execTemplate: RouteTable["execRun"]["path"] = "/tiffin/containers/{name}/exec";

/** Asks for a container that is created, started and held; `answerOf` gives its stream of frames. */
export function beginRun<Stream>(
  transport: ClientTransport<Stream>,
  body: RunBody,
): Promise<PendingUpgrade<Stream>> {
  return transport.beginUpgrade({ method: "POST", path: runPath, body });
}

/** Asks for a process in the running container `name`. */
export function beginExec<Stream>(
  transport: ClientTransport<Stream>,
  name: string,
  body: ExecRunBody,
): Promise<PendingUpgrade<Stream>> {
  const path = execTemplate.replace("{name}", encodeURIComponent(name));
  return transport.beginUpgrade({ method: "POST", path, body });
}

/** The stream, when the engine agrees. Throws `EngineError` when it refuses. */
export async function answerOf<Stream>(pending: PendingUpgrade<Stream>): Promise<Upgraded<Stream>> {
  const answer = await pending.answer();
  if (refusedUpgrade(answer)) throw errorOfResponse(answer);
  return answer;
}
