/** Terminals: handed to whoever listens at --console-socket, or served by `run` and `exec` themselves. */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { pollIn, waitFor } from "../../src/kernel/poll.ts";
import { receiveWithFds } from "../../src/kernel/send-fds.ts";
import { syscall, trySyscall } from "../../src/kernel/syscall.ts";
import { listenUnix } from "../../src/kernel/unix-listener.ts";
import { TerminalSession } from "../support/terminal.ts";
import { pause } from "../support/until.ts";
import { type Bundle, shell, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const limitMs = 10_000;

/** Takes the one descriptor that a runtime sends. The caller closes it. */
function receiveMaster(listener: OwnedFd): OwnedFd {
  if (!waitFor(listener, pollIn, limitMs)) throw new Error("nobody connected to the console socket");
  using peer = new OwnedFd(syscall("accept4", "console socket", listener.raw, 0, 0, 0o2000000), "peer");
  const { fds } = receiveWithFds(peer, new Uint8Array(256), 1);
  const [master] = fds;
  if (master === undefined) throw new Error("no descriptor came with the message");
  return master;
}

async function readUntil(master: OwnedFd, wanted: string): Promise<string> {
  let text = "";
  const buffer = new Uint8Array(4096);
  while (!text.includes(wanted)) {
    if (!waitFor(master, pollIn, limitMs)) throw new Error(`waited for ${wanted}, found ${text}`);
    const got = trySyscall("read", master.raw, buffer, buffer.length);
    if (got <= 0) throw new Error(`waited for ${wanted}, found ${text} and the end`);
    text += new TextDecoder().decode(buffer.subarray(0, got));
    await pause(0, "others get a turn");
  }
  return text;
}

function terminalSpec(script: string): ReturnType<typeof specOf> {
  return shell(script, { terminal: true, consoleSize: { height: 31, width: 97 } });
}

eachRuntime(
  "create hands the master to the console socket; the size is right from the start",
  async (bundle) => {
    using listener = listenUnix(bundle.directory, "console");
    const socket = join(bundle.directory, "console");
    const creating = bundle.create(
      terminalSpec("stty size; tty; exec sleep 1000"),
      "--console-socket",
      socket,
    );
    await pause(0, "the call is under way before the console is accepted");
    expect((await creating).code).toBe(0);
    using master = receiveMaster(listener);
    await bundle.start();
    const text = await readUntil(master, "/dev/");
    expect(text).toContain("31 97");
  },
);

eachRuntime(
  "a terminal for a detached container needs a socket, and a socket needs a terminal",
  async (bundle) => {
    bundle.configure(terminalSpec("true"));
    expect((await bundle.detached("create", bundle.id)).code).toBe(1);
    expect((await bundle.detached("run", "--detach", bundle.id)).code).toBe(1);
  },
  { except: { crun: "1.8 makes a terminal that nobody has" } },
);

async function atTerminal(bundle: Bundle, words: readonly string[]): Promise<TerminalSession> {
  return new TerminalSession(
    ["sh", "-c", `cd ${bundle.path} && exec "$@"`, "sh", bundle.runtime, "--root", bundle.root, ...words],
    {
      rows: 33,
      columns: 101,
    },
  );
}

eachRuntime("run at a terminal: size, typing, interrupt, resize, exit code", atRunTerminal, {
  except: { crun: "1.8 leaves a new terminal at 0 x 0 until it is resized" },
});

async function atRunTerminal(bundle: Bundle): Promise<void> {
  bundle.configure(shell("exec sh", { terminal: true }));
  await using terminal = await atTerminal(bundle, ["run", bundle.id]);
  await terminal.see("#");
  terminal.type("stty size\r");
  await terminal.see("33 101");
  terminal.resize(44, 122);
  await terminal.typeUntil("stty size\r", "44 122");
  terminal.type("echo go-$((6*7)); sleep 1000\r");
  await terminal.see("go-42");
  await terminal.typeUntil("\x03echo after-$((40+2))\r", "after-42");
  terminal.type("exit 13\r");
  expect(await terminal.exited()).toBe(13);
}

eachRuntime("exec --tty at a terminal", async (bundle) => {
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  await bundle.start();
  await using terminal = await atTerminal(bundle, ["exec", "--tty", bundle.id, "/bin/sh"]);
  await terminal.see("#");
  terminal.type("tty; echo $$\r");
  await terminal.see("/dev/pts/");
  terminal.type("exit 4\r");
  expect(await terminal.exited()).toBe(4);
});

eachRuntime("run passes signals on and reports how the program ended", async (bundle) => {
  bundle.configure(shell("trap 'echo caught; exit 5' TERM; echo ready; while :; do sleep 0.02; done"));
  const child = Bun.spawn([bundle.runtime, "--root", bundle.root, "run", bundle.id], {
    cwd: bundle.path,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore",
  });
  let text = "";
  const reader = child.stdout.getReader();
  const decoder = new TextDecoder();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    text += decoder.decode(part.value);
    if (text === "ready\n") child.kill("SIGTERM");
  }
  expect({ text, code: await child.exited }).toEqual({ text: "ready\ncaught\n", code: 5 });
});

eachRuntime("preserved descriptors arrive under their numbers", async (bundle) => {
  bundle.configure(shell("cat <&3"));
  writeFileSync(join(bundle.directory, "three"), "from three\n");
  const script = `exec 3< ${join(bundle.directory, "three")}; cd ${bundle.path}; exec "$@"`;
  const words = [bundle.runtime, "--root", bundle.root, "run", "--preserve-fds", "1", bundle.id];
  const child = Bun.spawn(["sh", "-c", script, "sh", ...words], { stdout: "pipe", stderr: "inherit" });
  expect(await new Response(child.stdout).text()).toBe("from three\n");
  expect(await child.exited).toBe(0);
});
