/** A container's state as JSON on disk, which says its version (there is one so far). */
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
const liveness = { ...presence, pid: integer, startedAtMs: integer };
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

const versioned = object({ version: integer });

export function encodeState(value: ContainerState): unknown {
  return { version: stateVersion, ...value };
}

/** Errors: `container.row`. */
export function decodeState(value: unknown): ContainerState {
  const { version } = versioned(value, "state");
  if (version === stateVersion) return state(value, "state");
  throw new TiffinError("invalid", "container.row", `no version ${version} of a container's state is known`);
}
