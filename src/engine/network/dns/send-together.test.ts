import { expect, test } from "bun:test";
import { until } from "../../../../test/support/until.ts";
import { type NameSockets, openNameSockets } from "../../../kernel/name-sockets.ts";
import { sendSegmented } from "../../../kernel/segmented-send.ts";
import { parseIpv4 } from "../../../linux/netlink/ipv4.ts";
import { SendTogether } from "./send-together.ts";

const host = "127.0.0.1";
const address = parseIpv4(host) ?? 0;

interface Receiver extends Disposable {
  readonly port: number;
  readonly received: string[];
}

async function receiver(): Promise<Receiver> {
  const received: string[] = [];
  const socket = await Bun.udpSocket({
    hostname: host,
    socket: { data: (_socket, data) => void received.push(data.toString("latin1")) },
  });
  return { port: socket.port, received, [Symbol.dispose]: () => socket.close() };
}

interface Sender extends Disposable {
  readonly sockets: NameSockets;
  readonly together: SendTogether;
}

async function sender(): Promise<Sender> {
  const sockets = openNameSockets(undefined, address);
  const options = { fd: sockets.udp.duplicate().take(), socket: { error: () => undefined } };
  const socket = await Bun.udpSocket<"buffer">(options);
  const together = new SendTogether(() => socket, sockets.udp);
  return {
    sockets,
    together,
    [Symbol.dispose]() {
      socket.close();
      sockets[Symbol.dispose]();
    },
  };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test("messages that leave as one packet arrive as the messages that they were", async () => {
  using from = await sender();
  using one = await receiver();
  const messages = ["first", "other", "third", "end"].map(bytes);
  expect(sendSegmented(from.sockets.udp, messages, address, one.port)).toBe(true);
  await until("all have arrived", () => one.received.length === messages.length);
  expect(one.received).toEqual(["first", "other", "third", "end"]);
});

test("what is no row of one length, or too much for a packet, is left to others", async () => {
  using from = await sender();
  const send = (...messages: readonly Uint8Array[]): boolean =>
    sendSegmented(from.sockets.udp, messages, address, 9);
  expect(send()).toBe(false);
  expect(send(bytes("short"), bytes("longer"))).toBe(false);
  expect(send(bytes("even"), bytes("odd"), bytes("even"))).toBe(false);
  expect(send(new Uint8Array(1473), new Uint8Array(1473))).toBe(false);
  expect(send(...Array.from({ length: 65 }, () => bytes("many")))).toBe(false);
});

test("each of many messages of many lengths gets to whom it is for, once", async () => {
  using from = await sender();
  using one = await receiver();
  using other = await receiver();
  const wanted = Array.from({ length: 100 }, (_, index) => `${index} ${"x".repeat((index * 7) % 90)}`);
  for (const text of wanted) {
    from.together.add(bytes(text), one.port, host);
    if (text.length % 2 === 0) from.together.add(bytes(text), other.port, host);
  }
  await until("all have arrived", () => one.received.length === wanted.length);
  const even = wanted.filter(({ length }) => length % 2 === 0);
  await until("all have arrived at the other", () => other.received.length === even.length);
  expect(one.received.toSorted()).toEqual(wanted.toSorted());
  expect(other.received.toSorted()).toEqual(even.toSorted());
});

test("somebody who has gone does not take the answers of others along", async () => {
  using from = await sender();
  using one = await receiver();
  const gone = await receiver();
  gone[Symbol.dispose]();
  for (let round = 0; round < 10; round += 1) {
    const before = one.received.length;
    for (let index = 0; index < 4; index += 1) {
      from.together.add(bytes("nobody"), gone.port, host);
      from.together.add(bytes(`some ${index}`), one.port, host);
    }
    await until("the others' have arrived", () => one.received.length === before + 4);
  }
});
