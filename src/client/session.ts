/**
 * Tiffin's one-round-trip calls: start a container, or a process in one, and hold its streams, all on the connection of
 * one request. Apart from `api-client.ts` so that `run` loads neither the route table nor its decoders.
 */
import type { RouteTable } from "../docker/routes.ts";
import type { ExecRunBody, RunBody } from "../docker/types/run.ts";
import { errorOfResponse } from "./api-error.ts";
import { type ClientTransport, refusedUpgrade, type Upgraded } from "./transport.ts";

const runPath: RouteTable["run"]["path"] = "/tiffin/run";
const execTemplate: RouteTable["execRun"]["path"] = "/tiffin/containers/{name}/exec";

async function open<Stream>(
  transport: ClientTransport<Stream>,
  path: string,
  body: RunBody | ExecRunBody,
): Promise<Upgraded<Stream>> {
  const answer = await transport.upgrade({ method: "POST", path, body });
  if (refusedUpgrade(answer)) throw errorOfResponse(answer);
  return answer;
}

/** Creates and starts a container; frames follow. Throws `EngineError` when the engine refuses before that. */
export function openRun<Stream>(
  transport: ClientTransport<Stream>,
  body: RunBody,
): Promise<Upgraded<Stream>> {
  return open(transport, runPath, body);
}

/** Starts a process in the running container `name`; frames follow. */
export function openExec<Stream>(
  transport: ClientTransport<Stream>,
  name: string,
  body: ExecRunBody,
): Promise<Upgraded<Stream>> {
  return open(transport, execTemplate.replace("{name}", encodeURIComponent(name)), body);
}
