/** The program itself, in the foreground, against a scripted engine. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TerminalSession } from "../../../test/support/terminal.ts";
import { pause, until } from "../../../test/support/until.ts";
import { encodeJsonFrame, frameTypes } from "../../docker/framing.ts";
import {
  type ClientFrame,
  clientFrames,
  containerId,
  type Exchange,
  exited,
  output,
  SessionServer,
  started,
  upgradeHead,
} from "../testing/session-server.ts";

const program = [process.execPath, join(import.meta.dir, "../../main/tiffin.ts")];

function tiffin(
  server: SessionServer,
  args: readonly string[],
  stdin: "ignore" | "pipe" | ReturnType<typeof Bun.file> = "ignore",
) {
  return Bun.spawn([...program, "-H", server.address, ...args], { stdin, stdout: "pipe", stderr: "pipe" });
}

/** Writes to the program's input, if `text` is given, and closes it. */
async function type(child: ReturnType<typeof tiffin>, text: string, end = true): Promise<void> {
  const sink = child.stdin;
  if (sink === undefined || typeof sink === "number") throw new Error("the program has no input pipe");
  await sink.write(text);
  if (end) await sink.end();
  else await sink.flush();
}

async function finished(child: ReturnType<typeof tiffin>) {
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { out, err, code };
}

const signalNumbers = { SIGINT: 2, SIGUSR1: 10, SIGTERM: 15 } as const;

/** A file of /proc; empty once its process is gone. */
function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** True when bit `signal` is set in the mask `name` of /proc/PID/status. */
function inMask(pid: number, name: "SigCgt" | "ShdPnd", signal: keyof typeof signalNumbers): boolean {
  // A program that has ended has nothing pending any more.
  const status = textOf(`/proc/${pid}/status`);
  const mask = new RegExp(`^${name}:\\s*([0-9a-f]+)`, "m").exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${mask}`) >> BigInt(signalNumbers[signal] - 1)) & 1n) === 1n;
}

/** Sends a signal once the program catches it, and returns once it has been taken. */
async function signalWhenCaught(pid: number, signal: keyof typeof signalNumbers): Promise<void> {
  await until("the signal to be caught", () => inMask(pid, "SigCgt", signal));
  process.kill(pid, signal);
  await until("the signal to be taken", () => !inMask(pid, "ShdPnd", signal));
}

/** The one child of a shell, once it is the program. */
async function programBelow(shell: number): Promise<number> {
  let found: number | undefined;
  await until("the program below its shell", () => {
    const children = readFileSync(`/proc/${shell}/task/${shell}/children`, "utf8").trim().split(" ");
    found = children
      .filter((one) => one !== "")
      .map(Number)
      .find((pid) => textOf(`/proc/${pid}/cmdline`).includes("tiffin.ts"));
    return found !== undefined;
  });
  return found ?? 0;
}

async function sendAll(exchange: Exchange, ...pieces: (Uint8Array | string)[]): Promise<void> {
  for (const piece of pieces) await exchange.send(piece);
}

describe("output", () => {
  test("both streams, in order, with the process's exit code", async () => {
    using server = new SessionServer(async (exchange) => {
      expect(exchange.path).toBe("/tiffin/run");
      await sendAll(exchange, upgradeHead, started(), output("a"), output("E", 2), output("b\n"), exited(7));
      exchange.end();
    });
    expect(await finished(tiffin(server, ["run", "--rm", "base", "x"]))).toEqual({
      out: "ab\n",
      err: "E",
      code: 7,
    });
  });

  test("everything in one packet, and everything byte by byte", async () => {
    const all = Buffer.concat([Buffer.from(upgradeHead), started(), output("hello"), exited(0)]);
    for (const size of [all.length, 1]) {
      using server = new SessionServer(async (exchange) => {
        for (let at = 0; at < all.length; at += size) {
          await exchange.send(all.subarray(at, at + size));
          if (size === 1 && at % 16 === 0) await pause(1, "frames come in many pieces");
        }
      });
      expect(await finished(tiffin(server, ["run", "base"]))).toEqual({ out: "hello", err: "", code: 0 });
    }
  });

  test("64 MB to a slow reader: nothing lost, nothing reordered", async () => {
    const block = new Uint8Array(1024 * 1024);
    const wanted = new Bun.CryptoHasher("sha256");
    using server = new SessionServer(async (exchange) => {
      await sendAll(exchange, upgradeHead, started());
      for (let index = 0; index < 64; index += 1) {
        block.fill(index);
        wanted.update(block);
        await exchange.send(output(block));
      }
      await exchange.send(exited(0));
    });
    const child = tiffin(server, ["run", "base"]);
    const got = new Bun.CryptoHasher("sha256");
    let bytes = 0;
    for await (const chunk of child.stdout) {
      got.update(chunk);
      bytes += chunk.length;
      if (bytes % 7 === 0) await pause(1, "a slow reader");
    }
    expect(bytes).toBe(64 * 1024 * 1024);
    expect(got.digest("hex")).toBe(wanted.digest("hex"));
    expect(await child.exited).toBe(0);
  });

  test("a reader that goes away ends the program, not the container", async () => {
    const left = Promise.withResolvers<ClientFrame[]>();
    using server = new SessionServer(async (exchange) => {
      await sendAll(exchange, upgradeHead, started());
      for (let index = 0; index < 100; index += 1) void exchange.send(output("y\n".repeat(10_000)));
      const frames: ClientFrame[] = [];
      for await (const frame of clientFrames(exchange)) frames.push(frame);
      left.resolve(frames);
    });
    const shell = Bun.spawn(
      [
        "sh",
        "-c",
        '("$@"; echo "code $?" >&2) | head -n 1',
        "sh",
        ...program,
        "-H",
        server.address,
        "run",
        "base",
      ],
      { stdout: "pipe", stderr: "pipe" },
    );
    expect(await new Response(shell.stdout).text()).toBe("y\n");
    expect(await new Response(shell.stderr).text()).toBe("write /dev/stdout: broken pipe\ncode 1\n");
    expect(await left.promise).toEqual([]);
  });
});

describe("input", () => {
  const echo = async (exchange: Exchange): Promise<void> => {
    await sendAll(exchange, upgradeHead, started());
    for await (const frame of clientFrames(exchange)) {
      if (frame.kind === "stdin") await exchange.send(output(frame.bytes));
      else if (frame.kind === "stdinEnd") await exchange.send(exited(0));
    }
  };

  test("a pipe, to its end, while output comes back", async () => {
    using server = new SessionServer(echo);
    const child = tiffin(server, ["run", "-i", "base", "cat"], "pipe");
    const sent = "0123456789".repeat(800_000);
    const writing = type(child, sent);
    const result = await finished(child);
    await writing;
    expect(result.out === sent).toBe(true);
    expect([result.err, result.code]).toEqual(["", 0]);
  });

  test("a regular file and nothing at all", async () => {
    const directory = mkdtempSync(join(tmpdir(), "tiffin-test-input-"));
    try {
      using server = new SessionServer(echo);
      writeFileSync(join(directory, "f"), "from a file");
      const file = tiffin(server, ["run", "-i", "base", "cat"], Bun.file(join(directory, "f")));
      expect((await finished(file)).out).toBe("from a file");
      expect((await finished(tiffin(server, ["run", "-i", "base", "cat"]))).out).toBe("");
      const closed = Bun.spawn(
        ["sh", "-c", '"$@" <&-', "sh", ...program, "-H", server.address, "run", "-i", "base"],
        {
          stdout: "pipe",
          stderr: "pipe",
        },
      );
      expect(await new Response(closed.stderr).text()).toBe("");
      expect(await closed.exited).toBe(0);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test("without -i nothing is read and the body says so", async () => {
    const bodies: unknown[] = [];
    const frames: ClientFrame[] = [];
    using server = new SessionServer(async (exchange) => {
      bodies.push(exchange.body);
      await sendAll(exchange, upgradeHead, started(), output("x"), exited(0));
      exchange.end();
      for await (const frame of clientFrames(exchange)) frames.push(frame);
    });
    const child = tiffin(server, ["run", "--rm", "--name", "n", "base", "true"], "pipe");
    await type(child, "unwanted", false);
    await finished(child);
    expect(frames).toEqual([]);
    expect(bodies).toEqual([
      {
        create: {
          Image: "base",
          Cmd: ["true"],
          AttachStdout: true,
          AttachStderr: true,
          HostConfig: { AutoRemove: true },
        },
        name: "n",
        remove: true,
      },
    ]);
  });
});

describe("endings", () => {
  test("a failed start has the engine's words and code", async () => {
    using server = new SessionServer(async (exchange) => {
      const failed = {
        message: 'exec: "nope": executable file not found in $PATH',
        exitCode: 127,
        code: "x.y",
      };
      await sendAll(exchange, upgradeHead, encodeJsonFrame(frameTypes.failed, failed));
      exchange.end();
    });
    expect(await finished(tiffin(server, ["run", "base", "nope"]))).toEqual({
      out: "",
      err: "tiffin: Error response from daemon: exec: \"nope\": executable file not found in $PATH\n\nRun 'tiffin run --help' for more information\n",
      code: 127,
    });
    const viaExec = await finished(tiffin(server, ["exec", "c", "nope"]));
    expect(viaExec).toEqual({
      out: "",
      err: 'Error response from daemon: exec: "nope": executable file not found in $PATH\n',
      code: 127,
    });
  });

  test("an engine that goes away is no success, and what it sent before is shown", async () => {
    using server = new SessionServer(async (exchange) => {
      await sendAll(exchange, upgradeHead, started(), output("before"));
      exchange.end();
    });
    expect(await finished(tiffin(server, ["run", "base"]))).toEqual({
      out: "before",
      err: "tiffin: the connection to the engine was lost\n\nRun 'tiffin run --help' for more information\n",
      code: 125,
    });
  });

  test("detached by the engine", async () => {
    using server = new SessionServer(async (exchange) => {
      await sendAll(exchange, upgradeHead, started(), encodeJsonFrame(frameTypes.detached, {}));
      exchange.end();
    });
    expect((await finished(tiffin(server, ["run", "base"]))).code).toBe(0);
    expect(await finished(tiffin(server, ["exec", "c", "sh"]))).toMatchObject({
      err: "read escape sequence\n",
      code: 1,
    });
  });

  test("the container's ID goes to the cidfile once, and an existing file is refused", async () => {
    const directory = mkdtempSync(join(tmpdir(), "tiffin-test-cid-"));
    try {
      using server = new SessionServer(async (exchange) => {
        await sendAll(exchange, upgradeHead, started(), exited(0));
      });
      const file = join(directory, "cid");
      expect((await finished(tiffin(server, ["run", "--cidfile", file, "base"]))).code).toBe(0);
      expect(await Bun.file(file).text()).toBe(containerId);
      const again = await finished(tiffin(server, ["run", "--cidfile", file, "base"]));
      expect(again.code).toBe(125);
      expect(again.err).toStartWith("tiffin: container ID file found");
      const created = await finished(tiffin(server, ["create", "--cidfile", file, "base"]));
      expect([created.code, created.err]).toEqual([
        1,
        `container ID file found, make sure the other container isn't running or delete ${file}\n`,
      ]);
      const nowhere = await finished(tiffin(server, ["run", "--cidfile", join(file, "x"), "base"]));
      expect(nowhere.code).toBe(125);
      expect(nowhere.err).toStartWith(
        `tiffin: failed to create the container ID file: open ${join(file, "x")}: not a directory\n`,
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});

test("a container that is not made leaves no file for its ID", async () => {
  const directory = mkdtempSync(join(tmpdir(), "tiffin-test-cid-"));
  try {
    using server = new SessionServer(async (exchange) => {
      await sendAll(
        exchange,
        "HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 19\r\n\r\n",
        '{"message":"taken"}',
      );
    });
    const file = join(directory, "cid");
    expect((await finished(tiffin(server, ["run", "--cidfile", file, "base"]))).code).toBe(125);
    expect(existsSync(file)).toBe(false);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

describe("signals", () => {
  /** A process that ends at SIGTERM and tells which signals it was sent. */
  function signalServer(seen: unknown[], ready: () => void, startDelay?: Promise<void>): SessionServer {
    return new SessionServer(async (exchange) => {
      await exchange.send(upgradeHead);
      if (startDelay !== undefined) {
        ready();
        await startDelay;
      }
      await exchange.send(started());
      await exchange.send(output("up\n"));
      for await (const frame of clientFrames(exchange)) {
        if (frame.kind !== "signal") continue;
        seen.push(frame.value);
        await exchange.send(output("got\n"));
        if (JSON.stringify(frame.value).includes("SIGTERM")) await exchange.send(exited(143));
      }
    });
  }

  test("each arrives exactly once", async () => {
    const seen: unknown[] = [];
    using server = signalServer(seen, () => {});
    const child = tiffin(server, ["run", "base"]);
    const reader = child.stdout.getReader();
    for (const signal of [
      "SIGINT",
      "SIGUSR1",
      "SIGUSR2",
      "SIGHUP",
      "SIGINT",
      "SIGQUIT",
      "SIGTERM",
    ] as const) {
      await reader.read();
      child.kill(signal);
    }
    expect(await child.exited).toBe(143);
    expect(seen).toEqual(
      ["SIGINT", "SIGUSR1", "SIGUSR2", "SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"].map((signal) => ({
        signal,
      })),
    );
  });

  test("one that comes before the process exists is kept for it", async () => {
    const seen: unknown[] = [];
    const asked = Promise.withResolvers<void>();
    const go = Promise.withResolvers<void>();
    using server = signalServer(seen, () => asked.resolve(), go.promise);
    const child = tiffin(server, ["run", "base"]);
    await asked.promise;
    await signalWhenCaught(child.pid, "SIGTERM");
    go.resolve();
    expect(await child.exited).toBe(143);
    expect(seen).toEqual([{ signal: "SIGTERM" }]);
  });

  test("three of them end the wait for an engine that does not answer", async () => {
    const asked = Promise.withResolvers<void>();
    using server = new SessionServer(() => asked.resolve());
    const child = tiffin(server, ["run", "base"]);
    await asked.promise;
    for (let round = 0; round < 3; round += 1) await signalWhenCaught(child.pid, "SIGINT");
    expect(await finished(child)).toEqual({ out: "", err: "", code: 130 });
  });

  test("they pass while nobody reads the output", async () => {
    const got = Promise.withResolvers<unknown>();
    const stuck = Promise.withResolvers<void>();
    using server = new SessionServer(async (exchange) => {
      await sendAll(exchange, upgradeHead, started(), output("x".repeat(4096)));
      await exchange.send(output(new Uint8Array(1024 * 1024)).subarray(0, 256 * 1024));
      stuck.resolve();
      for await (const frame of clientFrames(exchange)) if (frame.kind === "signal") got.resolve(frame.value);
    });
    const child = Bun.spawn(
      ["sh", "-c", '"$@" | (read line; sleep 60)', "sh", ...program, "-H", server.address, "run", "base"],
      {
        stdout: "ignore",
      },
    );
    try {
      const pid = await programBelow(child.pid);
      // A quarter of a megabyte was taken: more than a pipe holds, so the program waits to write.
      await stuck.promise;
      await signalWhenCaught(pid, "SIGUSR1");
      expect(await got.promise).toEqual({ signal: "SIGUSR1" });
      process.kill(pid, "SIGKILL");
    } finally {
      child.kill("SIGKILL");
    }
  });

  test("with --sig-proxy=false they act on the program", async () => {
    const seen: unknown[] = [];
    using server = signalServer(seen, () => {});
    const child = tiffin(server, ["run", "--sig-proxy=false", "base"]);
    await child.stdout.getReader().read();
    child.kill("SIGTERM");
    await child.exited;
    expect(child.signalCode).toBe("SIGTERM");
    expect(seen).toEqual([]);
  });
});

describe("a terminal", () => {
  /** Runs the program in a shell on a terminal and shows the terminal's state afterwards. */
  function onTerminal(server: SessionServer, args: readonly string[]): TerminalSession {
    const script = '"$@"; echo "code=$?"; stty -a | tr ";" "\\n" | grep -wE "icanon|echo|isig"; echo the end';
    return new TerminalSession(["sh", "-c", script, "sh", ...program, "-H", server.address, ...args], {
      rows: 30,
      columns: 90,
    });
  }

  test("raw keys, sizes, and everything as before afterwards", async () => {
    const bodies: unknown[] = [];
    using server = new SessionServer(async (exchange) => {
      bodies.push(exchange.body);
      await sendAll(exchange, upgradeHead, started(), output("ready\r\n"));
      for await (const frame of clientFrames(exchange)) {
        if (frame.kind === "stdin") {
          const codes = [...frame.bytes].join(" ");
          await exchange.send(output(`keys ${codes};\r\n`));
          if (frame.bytes.includes(4)) await exchange.send(exited(5));
        } else if (frame.kind === "resize")
          await exchange.send(output(`size ${JSON.stringify(frame.value)}\r\n`));
      }
    });
    await using terminal = onTerminal(server, ["run", "-it", "base", "sh"]);
    await terminal.see("ready");
    terminal.type("\x03");
    await terminal.see("keys 3;");
    terminal.type("\r");
    await terminal.see("keys 13;");
    // The engine watches for the detach keys: they are passed on.
    terminal.type("\x10\x11");
    await terminal.see(/keys 16 17;|keys 16;\s+keys 17;/);
    terminal.resize(40, 100);
    await terminal.see('size {"h":40,"w":100}');
    terminal.type("\x04");
    await terminal.see("code=5");
    await terminal.see("the end");
    expect(terminal.text).toMatch(/\sisig\b/);
    expect(terminal.text).toMatch(/\sicanon\b/);
    expect(terminal.text).toMatch(/\secho\b/);
    expect(terminal.text).not.toMatch(/-(isig|icanon|echo)\b/);
    expect(bodies).toMatchObject([
      { create: { Tty: true, OpenStdin: true, HostConfig: { ConsoleSize: [30, 90] } } },
    ]);
  });

  test.each([
    ["a signal", ["run", "-it", "--sig-proxy=false", "base"], "SIGTERM", 143],
    ["an exec's signal", ["exec", "-it", "c", "sh"], "SIGHUP", 129],
  ] as const)("is restored when %s ends the program", async (_name, args, signal, code) => {
    const pids = Promise.withResolvers<void>();
    using server = new SessionServer(async (exchange) => {
      await sendAll(exchange, upgradeHead, started(), output("ready\r\n"));
      pids.resolve();
    });
    await using terminal = onTerminal(server, [...args]);
    await terminal.see("ready");
    process.kill(await programBelow(terminal.pid), signal);
    await terminal.see(`code=${code}`);
    await terminal.see("the end");
    expect(terminal.text).not.toMatch(/-(isig|icanon|echo)\b/);
  });

  test("is restored when the engine goes away", async () => {
    using server = new SessionServer(async (exchange) => {
      await sendAll(exchange, upgradeHead, started(), output("ready\r\n"));
      exchange.end();
    });
    await using terminal = onTerminal(server, ["run", "-it", "base"]);
    await terminal.see("code=125");
    await terminal.see("the end");
    expect(terminal.text).not.toMatch(/-(isig|icanon|echo)\b/);
  });
});

describe("attach by Docker's calls", () => {
  const json = (value: unknown, status = 200): string => {
    const body = JSON.stringify(value);
    return `HTTP/1.1 ${status} X\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  };
  const inspect = (tty: boolean) => ({
    Id: containerId,
    Created: "2026-01-01T00:00:00Z",
    Path: "sh",
    Args: [],
    State: {
      Status: "running",
      Running: true,
      Paused: false,
      Restarting: false,
      OOMKilled: false,
      Dead: false,
      Pid: 1,
      ExitCode: 0,
      Error: "",
      StartedAt: "2026-01-01T00:00:00Z",
      FinishedAt: "0001-01-01T00:00:00Z",
    },
    Image: "sha256:x",
    ResolvConfPath: "",
    HostnamePath: "",
    HostsPath: "",
    LogPath: "",
    Name: "/c",
    RestartCount: 0,
    Driver: "overlay2",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: null,
    HostConfig: {},
    GraphDriver: { Name: "overlay2", Data: null },
    Mounts: [],
    Config: { Tty: tty, OpenStdin: true },
    NetworkSettings: { Ports: {}, Networks: {} },
  });

  function attachServer(
    tty: boolean,
    seen: string[],
    talk: (exchange: Exchange) => Promise<void>,
  ): SessionServer {
    const over = Promise.withResolvers<void>();
    return new SessionServer(async (exchange) => {
      seen.push(`${exchange.method} ${exchange.path.replaceAll(containerId, "ID")}`);
      if (exchange.path.endsWith("/json")) await exchange.send(json(inspect(tty)));
      else if (exchange.path.includes("/wait")) {
        await exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        await over.promise;
        await exchange.send('10\r\n{"StatusCode":9}\r\n0\r\n\r\n');
      } else if (exchange.path.includes("/attach")) {
        await exchange.send(upgradeHead);
        await talk(exchange);
        exchange.end();
        over.resolve();
      } else await exchange.send("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    });
  }

  test("output, input with its end, and the exit code of wait", async () => {
    const seen: string[] = [];
    using server = attachServer(false, seen, async (exchange) => {
      await exchange.send(output("E", 2));
      for await (const chunk of exchange.received) await exchange.send(output(chunk));
    });
    const child = tiffin(server, ["attach", "c"], "pipe");
    await type(child, "typed");
    expect(await finished(child)).toEqual({ out: "typed", err: "E", code: 9 });
    expect(seen).toEqual([
      "GET /containers/c/json",
      "POST /containers/ID/attach?stream=1&stdin=1&stdout=1&stderr=1",
      "POST /containers/ID/wait?condition=not-running",
    ]);
  });

  test("start -ai starts after everything is in place", async () => {
    const seen: string[] = [];
    using server = attachServer(false, seen, async (exchange) => {
      for await (const chunk of exchange.received) await exchange.send(output(chunk));
    });
    const child = tiffin(server, ["start", "-ai", "c"], "pipe");
    await type(child, "");
    expect((await finished(child)).code).toBe(9);
    expect(seen).toEqual([
      "GET /containers/c/json",
      "POST /containers/ID/attach?stream=1&stdin=1&stdout=1&stderr=1",
      "POST /containers/ID/wait?condition=next-exit",
      "POST /containers/ID/start",
    ]);
  });

  test("signals go as kill requests", async () => {
    const seen: string[] = [];
    const killed = Promise.withResolvers<void>();
    using server = attachServer(false, seen, async (exchange) => {
      await exchange.send(output("up\n"));
      await until("the kill request", () => seen.some((line) => line.includes("/kill")));
      killed.resolve();
    });
    const child = tiffin(server, ["attach", "--no-stdin", "c"]);
    await child.stdout.getReader().read();
    child.kill("SIGINT");
    await killed.promise;
    expect(await child.exited).toBe(9);
    expect(seen.filter((line) => line.includes("/kill"))).toEqual(["POST /containers/ID/kill?signal=SIGINT"]);
  });

  test.each([
    ["the usual keys", [], "\x10\x11"],
    ["chosen keys", ["--detach-keys", "ctrl-a,x"], "\x01x"],
  ])("detaching from a terminal by %s", async (_name, args, keys) => {
    const seen: string[] = [];
    let typed = "";
    using server = attachServer(true, seen, async (exchange) => {
      await exchange.send("prompt> ");
      for await (const chunk of exchange.received) {
        typed += Buffer.from(chunk).toString();
        await exchange.send(`[${Buffer.from(chunk).toString()}]`);
      }
    });
    const script = '"$@"; echo "code=$?"; stty -a | grep -c -- "-icanon"; echo the end';
    await using terminal = new TerminalSession(
      ["sh", "-c", script, "sh", ...program, "-H", server.address, "attach", ...args, "c"],
      { rows: 30, columns: 90 },
    );
    await terminal.see("prompt> ");
    terminal.type("a");
    await terminal.see("[a]");
    terminal.type(keys);
    await terminal.see("read escape sequence");
    await terminal.see("code=1");
    await terminal.see(/\s0\s+the end/);
    expect(typed).toBe("a");
    expect(seen.filter((line) => line.includes("/resize"))).toEqual([
      "POST /containers/ID/resize?h=31&w=90",
      "POST /containers/ID/resize?h=30&w=90",
    ]);
  });
});
