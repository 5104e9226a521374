/**
 * A container's state as JSON on disk, which says its version (see `upTo2` for what was before), and how often it was
 * restarted.
 */
import { anything, optional } from "../../../lib/decoders.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { builtInIds } from "../../network/mod.ts";
import { rowKit } from "./document.ts";
import type { ContainerState } from "./state.ts";

const { flag, integer, list, mapOf, nullable, object, oneOf, text, variants } = rowKit;

const stateVersion = 2;

const ending = object({
  exitCode: integer,
  oomKilled: flag,
  startedAtMs: integer,
  finishedAtMs: integer,
  error: text,
  requested: flag,
  unhealthy: optional(flag),
});

const endpoint = object({
  id: text,
  network: text,
  link: text,
  address: text,
  prefixLength: integer,
  gateway: text,
  mac: text,
  gatewayPriority: integer,
  ipv6: optional(object({ address: text, prefixLength: integer, gateway: text })),
});

const port = object({
  containerPort: integer,
  protocol: oneOf("tcp", "udp", "sctp"),
  hostAddress: text,
  hostPort: integer,
  mode: optional(oneOf("nat", "socket")),
});

const presence = { token: text, endpoints: list(endpoint), ports: list(port) };
const liveness = {
  ...presence,
  pid: integer,
  startedAtMs: integer,
  stopping: optional(flag),
  unhealthy: optional(flag),
};
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

const firstEndpoint = object({
  address: text,
  prefixLength: integer,
  gateway: text,
  mac: text,
  ports: list(port),
});
const withFirst = object({ endpoint: optional(nullable(firstEndpoint)) });
const fields = mapOf(anything);

/** In version 1 a state had `endpoint`: null, or one in the network `bridge` with the ports in it. */
function upTo2(value: unknown): unknown {
  const { endpoint: only } = withFirst(value, "state");
  const { endpoint: _endpoint, ...rest } = fields(value, "state");
  if (only === undefined || only === null) return { ...rest, endpoints: [], ports: [] };
  const { ports, ...place } = only;
  const record = { id: "", network: builtInIds.bridge, link: "eth0", ...place, gatewayPriority: 0 };
  return { ...rest, endpoints: [record], ports };
}

/** With the count of restarts, absent for none. */
export function encodeState(value: ContainerState, restarts: number): unknown {
  return { version: stateVersion, ...(restarts > 0 && { restarts }), ...value };
}

/** Errors: `container.row`. */
export function decodeState(value: unknown): { readonly state: ContainerState; readonly restarts: number } {
  const { version, restarts = 0 } = frame(value, "state");
  if (version === stateVersion) return { state: state(value, "state"), restarts };
  if (version === 1) return { state: state(upTo2(value), "state"), restarts };
  throw new TiffinError("invalid", "container.row", `no version ${version} of a container's state is known`);
}
