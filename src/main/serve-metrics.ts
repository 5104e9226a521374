/** `--metrics-addr`: the metrics, and nothing else of the API, for whoever reaches a TCP address. */
import { messageOf, TiffinError } from "../lib/errors.ts";
import type { HttpHandler } from "../transport/http-message.ts";
import { HttpServer } from "../transport/http-server.ts";

const limitConnections = 64;

/** Listens at `host:port`. Errors: `daemon.metrics-address`. */
export function serveMetrics(
  address: string,
  handle: HttpHandler,
  onFault: (error: unknown) => void,
): HttpServer {
  const server = new HttpServer({
    handler: async (request) => {
      const { method, target } = request.head;
      if (method === "GET" && target.split("?")[0] === "/metrics") return await handle(request);
      const headers = [["Content-Type", "text/plain; charset=utf-8"]] as const;
      return { kind: "fixed", status: 404, headers, body: "there is /metrics and nothing else\n" };
    },
    onFault,
    limitConnections,
  });
  const colon = address.lastIndexOf(":");
  const hostname = address.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  try {
    server.listen({ hostname, port: Number(address.slice(colon + 1)) });
  } catch (thrown) {
    throw new TiffinError(
      "conflict",
      "daemon.metrics-address",
      `cannot serve metrics at ${address}: ${messageOf(thrown)}`,
      { cause: thrown, remedy: "choose another --metrics-addr", exitCode: 125 },
    );
  }
  return server;
}
