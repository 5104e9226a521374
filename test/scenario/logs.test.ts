/** Every line of output once: logs, logs -f and attach beside containers that write while their files rotate. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { FrameDecoder, frameTypes } from "../../src/docker/framing.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { bytesTold, difference, sequence } from "../support/numbered-lines.ts";
import { pause, until } from "../support/until.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

/** Starts a container that writes 1 to `batches` * `lines`, with a pause after each batch. */
async function writer(name: string, batches: number, lines: number, ...options: string[]): Promise<string> {
  const script = `i=0; while [ $i -lt ${batches} ]; do seq $((i*${lines}+1)) $((i*${lines}+${lines})); i=$((i+1)); sleep 0.002; done`;
  await engine.output("run", "-d", "--name", name, ...options, "base", "sh", "-c", script);
  return sequence(1, batches * lines);
}

test("logs hold all of three million short lines by default", async () => {
  await engine.output("run", "-d", "--name", "short", "base", "seq", "1", "3000000");
  await engine.output("wait", "short");
  const { stdout, stderr } = await engine.cli("logs", "--tail", "1", "short");
  expect([stdout, stderr]).toEqual(["3000000\n", ""]);
  const all = await engine.cli("logs", "short");
  expect([all.stderr, difference(all.stdout, sequence(1, 3_000_000))]).toEqual(["", "none"]);
}, 60_000);

test("logs -f beside a writer of a million lines has each once, through many small files", async () => {
  const wanted = await writer("million", 200, 5000, "--log-opt", "max-size=500k", "--log-opt", "max-file=12");
  const followed = await engine.cli("logs", "-f", "million");
  expect(bytesTold(followed.stderr)).toBe(0);
  expect(difference(followed.stdout, wanted)).toBe("none");
  // Now the oldest of it is gone, which is told to the byte.
  const rest = await engine.cli("logs", "million");
  expect(wanted.endsWith(rest.stdout)).toBe(true);
  expect(bytesTold(rest.stderr) + rest.stdout.length).toBe(wanted.length);
}, 60_000);

test("a follower that falls behind is told exactly what it missed, and gets the rest once", async () => {
  const wanted = await writer("fast", 1, 1_000_000, "--log-opt", "max-size=20k", "--log-opt", "max-file=1");
  const followed = await engine.cli("logs", "-f", "fast");
  expect(bytesTold(followed.stderr) + followed.stdout.length).toBe(wanted.length);
  expect(bytesTold(followed.stderr)).toBeGreaterThan(0);
  const numbers = followed.stdout.split("\n").slice(0, -1).map(Number);
  expect(numbers.every((number, index) => index === 0 || number > (numbers[index - 1] ?? 0))).toBe(true);
  expect(numbers.at(-1)).toBe(1_000_000);
}, 60_000);

test("a follower goes on where it was when the engine crashed and the log rotated without it", async () => {
  const wanted = await writer(
    "survives",
    150,
    2000,
    "--log-opt",
    "max-size=100k",
    "--log-opt",
    "max-file=50",
  );
  await until("some output", async () => (await engine.output("logs", "--tail", "1", "survives")) !== "");
  await engine.crash();
  await pause(200, "the log rotates while nobody reads it");
  await engine.start();
  const followed = await engine.cli("logs", "-f", "survives");
  expect([followed.stderr, difference(followed.stdout, wanted)]).toEqual(["", "none"]);
}, 60_000);

/** A writer that holds its last line back until `go`, so that whoever attaches before meets it running. */
async function heldWriter(name: string, batches: number, lines: number): Promise<string> {
  const script = `i=0; while [ $i -lt ${batches} ]; do seq $((i*${lines}+1)) $((i*${lines}+${lines})); i=$((i+1)); sleep 0.002; done; while [ ! -e /go ]; do sleep 0.01; done; echo last`;
  await engine.output("run", "-d", "--name", name, "base", "sh", "-c", script);
  return `${sequence(1, batches * lines)}last\n`;
}

const go = async (name: string): Promise<string> => await engine.output("exec", name, "touch", "/go");

interface Attachment {
  readonly pause: () => void;
  readonly resume: () => void;
  readonly bytesSoFar: () => number;
  readonly ended: Promise<string>;
}

/** `POST attach` with what was before and what comes. */
async function attachWithLogs(name: string): Promise<Attachment> {
  let text = "";
  let head: string | undefined = "";
  const { promise: ended, resolve } = Promise.withResolvers<string>();
  const decoder = new FrameDecoder({
    part(type, piece) {
      if (type === frameTypes.stdout) text += Buffer.from(piece).toString("latin1");
    },
    control() {},
  });
  const connection = await Bun.connect({
    unix: engine.socket,
    socket: {
      open(socket) {
        socket.write(
          `POST /containers/${name}/attach?logs=1&stream=1&stdout=1&stderr=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n`,
        );
      },
      data(_, chunk) {
        if (head === undefined) {
          decoder.push(chunk);
          return;
        }
        head += chunk.toString("latin1");
        const end = head.indexOf("\r\n\r\n");
        if (end < 0) return;
        const rest = Buffer.from(head.slice(end + 4), "latin1");
        head = undefined;
        decoder.push(rest);
      },
      close: () => resolve(text),
    },
  });
  return {
    pause: () => connection.pause(),
    resume: () => connection.resume(),
    bytesSoFar: () => text.length,
    ended,
  };
}

test("attach with logs and stream has each of 300,000 lines once, whenever it comes", async () => {
  const wanted = await heldWriter("watched", 150, 2000);
  const attachments: Attachment[] = [];
  for (let index = 0; index < 5; index += 1) {
    const attachment = await attachWithLogs("watched");
    attachments.push(attachment);
    await until("its first output", () => attachment.bytesSoFar() > 0);
  }
  await go("watched");
  for (const { ended } of attachments) expect(difference(await ended, wanted)).toBe("none");
}, 60_000);

test("a client that is slow with the past gets the rest though the container has ended long before", async () => {
  const wanted = await heldWriter("long-gone", 150, 2000);
  // Whoever reaches the end of the past before the writer does is live, and a live client that does not read holds it up.
  const lastLine = async (): Promise<string> => await engine.output("logs", "--tail", "1", "long-gone");
  await until("all but the last line", async () => (await lastLine()) === "300000");
  const attachment = await attachWithLogs("long-gone");
  attachment.pause();
  await go("long-gone");
  await engine.output("wait", "long-gone");
  await pause(3500, "a supervisor keeps what is not read for 3 s");
  attachment.resume();
  expect(difference(await attachment.ended, wanted)).toBe("none");
}, 60_000);

test("tail, times and since take a line as a whole, with or without its newline", async () => {
  const script = "printf a; sleep 0.3; printf b; sleep 0.3; echo c; printf 'x\\ny\\nz'";
  await engine.output("run", "--name", "pieces", "base", "sh", "-c", script);
  expect((await engine.cli("logs", "pieces")).stdout).toBe("abc\nx\ny\nz");
  expect((await engine.cli("logs", "--tail", "1", "pieces")).stdout).toBe("z");
  expect((await engine.cli("logs", "--tail", "2", "pieces")).stdout).toBe("y\nz");
  const stamped = (await engine.cli("logs", "-t", "pieces")).stdout.split("\n");
  expect(stamped.map((line) => line.split(" ").length)).toEqual([2, 2, 2, 2]);
  const [time = ""] = (stamped[0] ?? "").split(" ");
  expect((await engine.cli("logs", "--since", time, "pieces")).stdout).toBe("abc\nx\ny\nz");
  expect((await engine.cli("logs", "--until", "2001-01-01", "pieces")).stdout).toBe("");
  expect((await engine.cli("logs", "--since", "-1s", "pieces")).stdout).toBe("");
  expect((await engine.cli("logs", "--since", "soon", "pieces")).stderr).toContain(
    'invalid value for "since": failed to parse value as time or duration: "soon"',
  );
});

test("details, a log that is not kept, and options that nobody knows", async () => {
  const options = ["--label", "a=1", "-e", "X=y", "--log-opt", "labels=a", "--log-opt", "env=X"];
  await engine.output("run", "--name", "detailed", ...options, "base", "echo", "hi");
  expect(await engine.output("logs", "--details", "detailed")).toBe("X=y,a=1 hi");
  expect((await engine.cli("logs", "-t", "--details", "detailed")).stdout).toMatch(/^\S+Z X=y,a=1 hi\n$/);
  await engine.output("run", "--name", "silent", "--log-driver", "none", "base", "true");
  const none = await engine.cli("logs", "silent");
  expect([none.exitCode, none.stderr]).toEqual([
    1,
    "Error response from daemon: configured logging driver does not support reading\n",
  ]);
  const unknown = await engine.cli("create", "--log-opt", "colour=red", "base", "true");
  expect(unknown.exitCode).toBe(1);
  expect(unknown.stderr).toContain("unknown log opt 'colour' for json-file log driver");
  expect(await engine.output("ps", "-aq", "--filter", "status=created")).toBe("");
});

test("logs -f ends at the time that --until names, whether or not something is written", async () => {
  await engine.output("run", "-d", "--name", "quiet", "base", "sleep", "600");
  expect(await engine.cli("logs", "-f", "--until", "-1s", "quiet")).toEqual({
    exitCode: 0,
    stdout: "",
    stderr: "",
  });
});
