/** Names for containers of a large network, and answers while everybody asks. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const output = async (...args: readonly string[]): Promise<string> => await engine.output(...args);

const many = 200;
const atOnce = 4;

/** In the network namespace of a container: asks for each name of its input, and says the address of the first answer. */
const asking = `
  const waiting = new Map();
  const socket = await Bun.udpSocket({ socket: { data: (_socket, data) => {
    waiting.get(data.readUInt16BE(0))?.((data[3] & 15) === 0 && data.readUInt16BE(6) > 0 ? [...data.subarray(-4)].join(".") : "none");
  } } });
  let id = 0;
  for await (const name of console) {
    id += 1;
    const answer = new Promise((resolve) => { waiting.set(id, resolve); });
    const head = Buffer.from([id >> 8, id & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, name.length]);
    socket.send(Buffer.concat([head, Buffer.from(name), Buffer.from([0, 0, 1, 0, 1])]), 53, "127.0.0.11");
    answer.then((address) => console.log(name, address));
  }`;

test("a name is answered once its container's start has returned, with two hundred on one network", async () => {
  await output("network", "create", "crowd");
  await output("run", "-d", "--name", "asker", "--network", "crowd", "base", "sleep", "1000");
  const pid = await output("inspect", "-f", "{{.State.Pid}}", "asker");
  const asker = Bun.spawn(["nsenter", "-t", pid, "-n", process.execPath, "-e", asking], {
    stdin: "pipe",
    stdout: "pipe",
  });
  const started = Array.from({ length: many }, (_, index) => `crowd-${index}`);
  const left = [...started];
  const work = async (): Promise<void> => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      await output("run", "-d", "--name", name, "--network", "crowd", "base", "sleep", "1000");
      asker.stdin.write(`${name}\n`);
      await asker.stdin.flush();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  await asker.stdin.end();
  const answers = new Map<string, string>();
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of asker.stdout) {
    text += decoder.decode(part);
    if (text.split("\n").length > many) break;
  }
  asker.kill();
  for (const line of text.trim().split("\n")) {
    const [name = "", address = ""] = line.split(" ");
    answers.set(name, address);
  }
  const lines = await output(
    "network",
    "inspect",
    "-f",
    "{{range .Containers}}{{.Name}} {{.IPv4Address}}\n{{end}}",
    "crowd",
  );
  const addresses = new Map(
    lines.split("\n").map((line): [string, string] => {
      const [name = "", address = ""] = line.split(" ");
      return [name, address.split("/")[0] ?? ""];
    }),
  );
  addresses.delete("asker");
  addresses.delete("");
  expect(answers.size).toBe(many);
  expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(addresses));
  await output("rm", "-f", "asker", ...started);
  await output("network", "rm", "crowd");
}, 120_000);
