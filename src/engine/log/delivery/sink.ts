/** Connections to what takes logs. Each send is done, or fails and says so; the caller connects again. */
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { readFile } from "node:fs/promises";
import { connect as connectTcp, isIPv6, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { DatagramTarget } from "../../../kernel/datagram-target.ts";
import { after } from "../../../lib/timer.ts";
import type { Destination } from "./config.ts";

const connectLimitMs = 5000;
const sendLimitMs = 10_000;

export interface Sink {
  send(messages: readonly Uint8Array[]): Promise<void>;
  close(): void;
}

/** Rejects when nobody is there; what takes datagrams over a network cannot tell. */
export async function openSink(to: Destination): Promise<Sink> {
  switch (to.kind) {
    case "udp":
      return await udpSink(to.host, to.port);
    case "datagram": {
      const target = new DatagramTarget(to.path);
      return {
        send: async (messages) => {
          for (const message of messages) target.send(message);
        },
        close: () => target[Symbol.dispose](),
      };
    }
    case "unix":
      return streamSink(await connected((ready) => connectTcp({ path: to.path }, ready), to.path));
    case "tcp":
      return streamSink(
        await connected(
          (ready) => connectTcp({ host: to.host, port: to.port }, ready),
          `${to.host}:${to.port}`,
        ),
      );
    case "tls": {
      const { host, port, verifies } = to;
      const read = async (path: string | undefined) =>
        path === undefined ? undefined : await readFile(path);
      const [ca, cert, key] = await Promise.all([read(to.ca), read(to.certificate), read(to.key)]);
      const options = {
        host,
        port,
        rejectUnauthorized: verifies,
        ...(ca !== undefined && { ca }),
        ...(cert !== undefined && { cert }),
        ...(key !== undefined && { key }),
      };
      return streamSink(await connected((ready) => connectTls(options, ready), `${host}:${port}`));
    }
  }
}

async function connected(begin: (ready: () => void) => Socket, what: string): Promise<Socket> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = begin(resolve);
  socket.on("error", reject);
  using _limit = after(connectLimitMs, () =>
    reject(new Error(`${what} has not answered for ${connectLimitMs / 1000} s`)),
  );
  try {
    await promise;
    return socket;
  } catch (thrown) {
    socket.destroy();
    throw thrown;
  }
}

function streamSink(socket: Socket): Sink {
  const gone = Promise.withResolvers<never>();
  // Nobody may be sending when it happens.
  gone.promise.catch(() => {});
  socket.on("error", gone.reject);
  socket.on("close", () => gone.reject(new Error("the receiver has closed the connection")));
  // What it answers is not asked for, and must not pile up.
  socket.resume();
  return {
    async send(messages) {
      const sent = Promise.withResolvers<void>();
      using _limit = after(sendLimitMs, () => sent.reject(new Error("the receiver takes nothing")));
      socket.write(Buffer.concat([...messages]), (failed) => {
        if (failed) sent.reject(failed);
        else sent.resolve();
      });
      await Promise.race([sent.promise, gone.promise]);
    },
    close: () => socket.destroySoon(),
  };
}

async function udpSink(host: string, port: number): Promise<Sink> {
  const { address } = await lookup(host);
  const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
  // That nobody listens is told with a later packet; it is lost, as packets are.
  socket.on("error", () => {});
  socket.unref();
  return {
    async send(messages) {
      for (const message of messages) {
        const { promise, resolve } = Promise.withResolvers<void>();
        socket.send(message, port, address, () => resolve());
        await promise;
      }
    },
    close: () => socket.close(),
  };
}
