import { expect, test } from "bun:test";
import { decodeMessage, encodeMessage, type Message, type MessageFields } from "../abi/message.ts";
import type { MessageName } from "../abi/schema.ts";
import { openFile, openFlags } from "../kernel/files.ts";
import { TiffinError } from "../lib/errors.ts";
import type { Plan } from "../plan/mod.ts";
import { type OnSync, StartConversation, startMessage } from "./start-conversation.ts";

const plan: Plan = { receives: [], hostOps: [], ops: [], warnings: [] };
const gone = new Error("the executor has gone");

function heard<N extends MessageName>(name: N, fields: MessageFields<N>): Message {
  const decoded = decodeMessage(encodeMessage(name, fields));
  if (decoded === undefined) throw new Error("half a message");
  return decoded.message;
}

function converse(onSync: OnSync): { readonly conversation: StartConversation; readonly said: string[] } {
  const said: string[] = [];
  const send = (bytes: Uint8Array): void => {
    said.push(decodeMessage(bytes)?.message.name ?? "");
  };
  return { conversation: new StartConversation(plan, send, onSync), said };
}

test("each sync has its GO once what stands behind it is done, and the last word ends the conversation", async () => {
  const synced: number[][] = [];
  const { conversation, said } = converse(async (id, pid) => void synced.push([id, pid]));
  for (const id of [1, 2]) {
    expect(conversation.hear(heard("synced", { id, pid: 7 }))).toBeUndefined();
    await conversation.answered;
  }
  const last = { pid: 7, reserved: 0, cloneNs: 1_500_000n, execNs: 4_000_000n };
  expect(conversation.hear(heard("started", last))).toMatchObject({ pid: 7, cloneMs: 1.5, execMs: 2.5 });
  expect({ synced, said }).toEqual({
    synced: [
      [1, 7],
      [2, 7],
    ],
    said: ["go", "go"],
  });
  expect(conversation.isLost).toBe(false);
});

test("a program that is held has run for no time yet", () => {
  const { conversation } = converse(() => undefined);
  const last = { pid: 7, reserved: 0, cloneNs: 2_000_000n, execNs: 0n };
  expect(conversation.hear(heard("started", last))).toMatchObject({ pid: 7, cloneMs: 2, execMs: 0 });
});

test("a refused sync kills the process, and its reason wins over what the executor says of the end", async () => {
  const refused = new Error("refused");
  const { conversation, said } = converse(() => Promise.reject(refused));
  conversation.hear(heard("synced", { id: 1, pid: 7 }));
  await conversation.answered;
  expect([said, conversation.isLost, conversation.isOver]).toEqual([["signal"], true, false]);
  conversation.hear(heard("failed", { op: 0, step: 0, errno: 10, objectBytes: 0 }));
  expect(conversation.isOver).toBe(true);
  expect(await conversation.failure(gone)).toBe(refused);
});

test("without a word the failure is that the executor has gone, and the first reason stays", async () => {
  const { conversation } = converse(() => undefined);
  expect(await conversation.failure(gone)).toBe(gone);
  const silent = new Error("silent");
  conversation.giveUp(silent);
  conversation.giveUp(new Error("later"));
  expect(await conversation.failure(gone)).toBe(silent);
});

test("descriptors go behind the plan in the order of their slots, and a gap or one that nobody gives is refused", () => {
  const explanation = { cause: "test" } as const;
  const receives = [
    { slot: 1, name: "second", ...explanation },
    { slot: 0, name: "first", ...explanation },
  ];
  using first = openFile(undefined, "/dev/null", openFlags.readOnly);
  using second = openFile(undefined, "/dev/zero", openFlags.readOnly);
  const given = new Map([
    ["first", first],
    ["second", second],
  ]);
  using start = startMessage({ ...plan, receives }, (name) => given.get(name));
  expect(start.fds.slice(1)).toEqual([first, second]);
  expect(decodeMessage(start.bytes)?.message).toMatchObject({ name: "start", fields: { fdCount: 3 } });
  const codeOf = (broken: Plan): string | undefined => {
    try {
      startMessage(broken, (name) => given.get(name))[Symbol.dispose]();
    } catch (thrown) {
      return thrown instanceof TiffinError ? thrown.code : String(thrown);
    }
    return undefined;
  };
  expect(codeOf({ ...plan, receives: receives.slice(0, 1) })).toBe("runtime.slot-gap");
  expect(codeOf({ ...plan, receives: [{ slot: 0, name: "third", ...explanation }] })).toBe(
    "runtime.slot-missing",
  );
});
