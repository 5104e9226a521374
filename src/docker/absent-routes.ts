/**
 * Routes of Docker's API that this engine does not have: a client learns what is missing, and not that there is no such page.
 * A row goes when its route comes; a test sees that no route stands in both tables.
 */
import type { Method } from "./route.ts";

export interface AbsentRoute {
  readonly method: Method;
  /** As in `routes.ts`. */
  readonly path: string;
  /**
   * `swarm`: what an engine that is no manager of a swarm answers, and `outside` one that is in none; `plugin`: what one
   * without that plug-in does.
   */
  readonly kind: "missing" | "swarm" | "outside" | "plugin";
  /** What it would do, as the beginning of a sentence. */
  readonly what: string;
}

function missing(what: string, ...targets: readonly string[]): AbsentRoute[] {
  return targets.map((target) => rowOf(target, "missing", what));
}

function swarm(...targets: readonly string[]): AbsentRoute[] {
  return targets.map((target) => rowOf(target, "swarm", "a swarm"));
}

function rowOf(target: string, kind: AbsentRoute["kind"], what: string): AbsentRoute {
  const [method = "GET", path = "/"] = target.split(" ");
  // The rows below begin with a method each.
  return { method: method as Method, path, kind, what };
}

export const absentRoutes: readonly AbsentRoute[] = [
  ...missing(
    "fetching and making plug-ins",
    "GET /plugins/privileges",
    "POST /plugins/pull",
    "POST /plugins/create",
    "POST /plugins/{name*}/upgrade",
  ),
  ...[
    "GET /plugins/{name*}/json",
    "DELETE /plugins/{name*}",
    "POST /plugins/{name*}/enable",
    "POST /plugins/{name*}/disable",
    "POST /plugins/{name*}/push",
    "POST /plugins/{name*}/set",
  ].map((target) => rowOf(target, "plugin", "a plug-in")),
  rowOf("POST /swarm/leave", "outside", "a swarm"),
  ...missing("running a swarm", "POST /swarm/init", "POST /swarm/join"),
  ...swarm(
    "GET /swarm",
    "PUT /volumes/{name}",
    "POST /swarm/update",
    "GET /swarm/unlockkey",
    "POST /swarm/unlock",
    "GET /nodes",
    "GET /nodes/{id}",
    "DELETE /nodes/{id}",
    "POST /nodes/{id}/update",
    "GET /services",
    "POST /services/create",
    "GET /services/{id}",
    "DELETE /services/{id}",
    "POST /services/{id}/update",
    "GET /services/{id}/logs",
    "GET /tasks",
    "GET /tasks/{id}",
    "GET /tasks/{id}/logs",
    "GET /secrets",
    "POST /secrets/create",
    "GET /secrets/{id}",
    "DELETE /secrets/{id}",
    "POST /secrets/{id}/update",
    "GET /configs",
    "POST /configs/create",
    "GET /configs/{id}",
    "DELETE /configs/{id}",
    "POST /configs/{id}/update",
  ),
];
