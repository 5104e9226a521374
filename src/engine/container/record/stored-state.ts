/** A container's state as JSON on disk, which says its version (there is one so far), and how often it was restarted. */
import { optional } from "../../../lib/decoders.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { rowKit } from "./document.ts";
import type { ContainerState } from "./state.ts";

const { flag, integer, list, nullable, object, oneOf, text, variants } = rowKit;

const stateVersion = 1;

const ending = object({
  exitCode: integer,
  oomKilled: flag,
  startedAtMs: integer,
  finishedAtMs: integer,
  error: text,
  requested: flag,
});

const endpoint = object({
  address: text,
  prefixLength: integer,
  gateway: text,
  mac: text,
  ports: list(
    object({
      containerPort: integer,
      protocol: oneOf("tcp", "udp"),
      hostAddress: text,
      hostPort: integer,
    }),
  ),
});

const presence = { token: text, endpoint: nullable(endpoint) };
const liveness = { ...presence, pid: integer, startedAtMs: integer, stopping: optional(flag) };
const removal = { ending: nullable(ending), volumes: optional(flag) };

const state = variants("status", {
  created: object({ status: oneOf("created"), failure: optional(ending) }),
  starting: object({ status: oneOf("starting"), before: nullable(ending), ...presence }),
  running: object({ status: oneOf("running"), ...liveness }),
  paused: object({ status: oneOf("paused"), ...liveness }),
  exited: object({ status: oneOf("exited"), ending }),
  restarting: object({ status: oneOf("restarting"), ending }),
  removing: object({ status: oneOf("removing"), ...removal }),
  dead: object({ status: oneOf("dead"), ...removal }),
});

/** Around the state, so that a change of either is one statement. */
const frame = object({ version: integer, restarts: optional(integer) });

/** With the count of restarts, absent for none. */
export function encodeState(value: ContainerState, restarts: number): unknown {
  return { version: stateVersion, ...(restarts > 0 && { restarts }), ...value };
}

/** Errors: `container.row`. */
export function decodeState(value: unknown): { readonly state: ContainerState; readonly restarts: number } {
  const { version, restarts = 0 } = frame(value, "state");
  if (version === stateVersion) return { state: state(value, "state"), restarts };
  throw new TiffinError("invalid", "container.row", `no version ${version} of a container's state is known`);
}
