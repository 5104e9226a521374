/** A client of BuildKit's protocol, as far as tests need one that does what no real client would. */
import { GrpcConnection } from "../../src/buildkit/grpc/client.ts";
import { GrpcServer, type Method } from "../../src/buildkit/grpc/server.ts";
import { type BunDuplex, connectDuplex } from "../../src/transport/bun-duplex.ts";

const headEnd = "\r\n\r\n";

/** A connection on which the engine's answer to `POST path` has been 101. */
async function upgraded(socket: string, path: string, fields: readonly string[]): Promise<BunDuplex> {
  const duplex = await connectDuplex({ unix: socket });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let heard = "";
  duplex.listen({
    data(chunk) {
      heard += Buffer.from(chunk).toString("latin1");
      const end = heard.indexOf(headEnd);
      if (end === -1) return;
      duplex.release(Buffer.from(heard.slice(end + headEnd.length), "latin1"));
      if (heard.startsWith("HTTP/1.1 101 ")) resolve();
      else reject(new Error(heard));
    },
    end: () => reject(new Error(`no answer: ${heard}`)),
    close: () => reject(new Error(`closed: ${heard}`)),
  });
  const lines = [`POST ${path} HTTP/1.1`, "Host: docker", "Connection: Upgrade", "Upgrade: h2c", ...fields];
  duplex.write(Buffer.from(`${lines.join("\r\n")}${headEnd}`));
  await promise;
  return duplex;
}

/** Calls of the engine's services. */
export async function controlConnection(socket: string): Promise<GrpcConnection> {
  return new GrpcConnection(await upgraded(socket, "/grpc", []));
}

/** Services of a client, which the engine calls. Ends with the disposal. */
export async function openSession(
  socket: string,
  id: string,
  methods: Readonly<Record<string, Method>>,
): Promise<Disposable> {
  const duplex = await upgraded(socket, "/session", [
    `X-Docker-Expose-Session-Uuid: ${id}`,
    ...Object.keys(methods).map((method) => `X-Docker-Expose-Session-Grpc-Method: ${method}`),
  ]);
  new GrpcServer(new Map(Object.entries(methods))).serve(duplex);
  return { [Symbol.dispose]: () => duplex.destroy() };
}
