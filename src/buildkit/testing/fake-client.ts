/** A client's session whose services are those of a test. */
import { GrpcConnection } from "../grpc/client.ts";
import { GrpcServer, type Method } from "../grpc/server.ts";
import { ClientSession } from "../session/client-session.ts";
import { connectionPair } from "./connection-pair.ts";

export function connected(methods: Readonly<Record<string, Method>>): GrpcConnection {
  const [client, server] = connectionPair();
  new GrpcServer(new Map(Object.entries(methods))).serve(server);
  return new GrpcConnection(client);
}

export function fakeSession(methods: Readonly<Record<string, Method>>): ClientSession {
  return new ClientSession({ id: "s", sharedKey: "", methods: Object.keys(methods) }, connected(methods));
}
