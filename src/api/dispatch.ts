/**
 * From an HTTP request to a handler and back: version prefix and route here, what the handler receives in `read-request.ts`,
 * the reply in `reply.ts`.
 */
import { absentRoutes } from "../docker/absent-routes.ts";
import { acceptVersion, minorOf, newestVersion } from "../docker/api-version.ts";
import { noSuchPlugin, notInSwarm, notSwarmManager, notThereYet, pageNotFound } from "../docker/messages.ts";
import { type Method, pathMatcher, type Route } from "../docker/route.ts";
import { type RouteName, routes } from "../docker/routes.ts";
import { TiffinError } from "../lib/errors.ts";
import type { HeaderList, HttpReply, HttpRequest } from "../transport/http-message.ts";
import { HttpProblem } from "../transport/http-problem.ts";
import type { Handlers } from "./handler.ts";
import { type LooseCall, type Matched, readRequest } from "./read-request.ts";
import { checkTakeover, fixedReply, jsonType, replyOf } from "./reply.ts";
import { asTiffinError, errorBody, statusOf } from "./status.ts";

const newestMinor = minorOf(newestVersion);

const absentRows = absentRoutes.map((row) => ({ row, match: pathMatcher(row.path) }));

interface Bound {
  readonly name: RouteName;
  readonly route: Route;
  readonly sinceMinor: number;
  readonly match: (path: string) => Record<string, string> | undefined;
  readonly handle: (call: LooseCall) => Promise<unknown>;
}

/** `["/v1.43", "/containers/json"]`-like split, the version as minor number. */
function splitVersion(path: string): { readonly minor: number; readonly rest: string } {
  const match = /^\/v([0-9][0-9.]*)(\/.*)$/.exec(path);
  if (match?.[1] === undefined || match[2] === undefined) return { minor: newestMinor, rest: path };
  return { minor: acceptVersion(match[1]), rest: match[2] };
}

export interface DispatcherOptions {
  readonly handlers: Handlers;
  /** The `Server` header. */
  readonly server: string;
  /** Failures of kind `internal`, and whatever else was thrown, once each. */
  onFault(error: unknown): void;
}

export class Dispatcher {
  readonly #byMethod = new Map<string, Bound[]>();
  readonly #headers: HeaderList;
  readonly #onFault: (error: unknown) => void;

  constructor(options: DispatcherOptions) {
    this.#onFault = options.onFault;
    this.#headers = [
      ["Api-Version", newestVersion],
      ["Docker-Experimental", "false"],
      ["Ostype", "linux"],
      ["Server", options.server],
    ];
    for (const [name, route] of Object.entries(routes)) {
      // Handlers has exactly the names of the table, each handler made for its row; the loop loses that tie.
      const routeName = name as RouteName;
      const handle = options.handlers[routeName] as (call: LooseCall) => Promise<unknown>;
      const sinceMinor = minorOf(route.since);
      this.#add(route.method, { name: routeName, route, sinceMinor, match: pathMatcher(route.path), handle });
    }
  }

  #add(method: Method, bound: Bound): void {
    const bucket = this.#byMethod.get(method);
    if (bucket === undefined) this.#byMethod.set(method, [bound]);
    else bucket.push(bound);
  }

  /** Answers a request. Never rejects but with `HttpProblem`s of the body, which the connection answers itself. */
  async handle(request: HttpRequest): Promise<HttpReply> {
    try {
      return await this.#answer(request);
    } catch (thrown) {
      if (thrown instanceof HttpProblem) throw thrown;
      const error = asTiffinError(thrown);
      if (error.kind === "internal") this.#onFault(error);
      // An answer of this kind has no body.
      if (error.kind === "notModified") return fixedReply(statusOf(error.kind), this.#headers, "");
      const body = `${JSON.stringify(errorBody(error))}\n`;
      return fixedReply(statusOf(error.kind), [...this.#headers, jsonType], body);
    }
  }

  async #answer(request: HttpRequest): Promise<HttpReply> {
    const { target, method } = request.head;
    const question = target.indexOf("?");
    const path = question === -1 ? target : target.slice(0, question);
    const { minor, rest: asked } = splitVersion(path);
    const clean = cleanPath(path);
    if (clean !== path) return redirected(clean, target.slice(path.length), this.#headers);
    // Docker has it twice, for clients that write it so.
    const rest = asked === "/networks/" ? "/networks" : asked;
    if (method === "OPTIONS") return fixedReply(200, this.#headers, "");
    for (const { name, route, sinceMinor, match, handle } of this.#byMethod.get(method) ?? []) {
      const params = match(rest);
      if (params === undefined || minor < sinceMinor) continue;
      checkTakeover(route.result, request, rest);
      const search = question === -1 ? "" : target.slice(question + 1);
      const matched: Matched = { name, route, params, search, minor };
      const call = await readRequest(matched, request);
      return replyOf(matched, request, this.#headers, await handle(call));
    }
    throw this.#refusal(method, rest);
  }

  /** What to say to a request that no route takes. */
  #refusal(method: string, path: string): TiffinError {
    const absent = absentRows.find(({ row, match }) => row.method === method && match(path) !== undefined);
    switch (absent?.row.kind) {
      case undefined:
        return new TiffinError("notFound", "api.no-route", pageNotFound());
      case "swarm":
        return new TiffinError("unavailable", "api.no-swarm", notSwarmManager());
      case "outside":
        return new TiffinError("unavailable", "api.no-swarm", notInSwarm());
      case "plugin":
        return new TiffinError(
          "notFound",
          "api.no-plugin",
          noSuchPlugin(absent?.match(path)?.["name"] ?? ""),
        );
      case "missing":
        return new TiffinError("notImplemented", "api.route-missing", notThereYet(absent?.row.what ?? ""));
    }
  }
}

/** Without empty parts, which a client makes of an address with a slash at its end. */
function cleanPath(path: string): string {
  return path.includes("//") ? path.replaceAll(/\/{2,}/g, "/") : path;
}

function redirected(path: string, search: string, headers: HeaderList): HttpReply {
  return fixedReply(301, [...headers, ["Location", path + search]], "");
}
