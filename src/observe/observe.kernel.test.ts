/** Views of real processes, compared with what the kernel itself says; processes that are gone, foreign, or hostile. */

import { ptr } from "bun:ffi";
import { afterEach, expect, test } from "bun:test";
import { readFileSync, readlinkSync } from "node:fs";
import { until } from "../../test/support/until.ts";
import { TiffinError } from "../lib/errors.ts";
import { observer } from "./mod.ts";
import { viewOutlines } from "./outline.ts";

const children: Bun.Subprocess[] = [];

function start(words: readonly string[], options: { env?: Record<string, string>; cwd?: string } = {}) {
  const child = Bun.spawn([...words], { stdin: "pipe", stdout: "ignore", stderr: "ignore", ...options });
  children.push(child);
  return child;
}

afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    await child.exited;
  }
});

function errorOf(act: () => unknown): TiffinError {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof TiffinError) return thrown;
    throw thrown;
  }
  throw new Error("nothing was thrown");
}

/** 0 before there is one. */
function onlyChildOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim());
}

function statOf(pid: number): string {
  return pid === 0 ? "" : readFileSync(`/proc/${pid}/stat`, "utf8");
}

function nameOf(pid: number): string | undefined {
  return /\((.*)\)/.exec(statOf(pid))?.[1];
}

async function running(child: Bun.Subprocess, name: string): Promise<number> {
  await until(`${name} to run`, () => readFileSync(`/proc/${child.pid}/comm`, "utf8").trim() === name);
  return child.pid;
}

test("every view of a process is shown, as text and as JSON", async () => {
  const pid = await running(start(["sleep", "100"]), "sleep");
  for (const { name } of viewOutlines) {
    if (name === "mem") continue;
    const { text, json } = observer.view(name, { pid }, undefined);
    expect({ name, text }).not.toEqual({ name, text: "\n" });
    expect(JSON.parse(JSON.stringify(json))).toEqual(json);
    expect(observer.raw(name, { pid }, undefined).length).toBeGreaterThan(0);
  }
});

test("arguments, environment and directory are the ones it was given", async () => {
  const child = start(["sleep", "100"], { env: { PLACE: "a\u001b[2Jb", EMPTY: "" }, cwd: "/var/tmp" });
  const pid = await running(child, "sleep");
  expect(observer.view("cmdline", { pid }, undefined).json).toEqual([
    { index: 0, argument: "sleep" },
    { index: 1, argument: "100" },
  ]);
  const environment = observer.view("environ", { pid }, undefined);
  expect(environment.json).toEqual([
    { name: "PLACE", value: "a\u001b[2Jb" },
    { name: "EMPTY", value: "" },
  ]);
  expect(environment.text).not.toContain("\u001b");
  expect(observer.view("cwd", { pid }, undefined).json).toMatchObject({ path: { value: "/var/tmp" } });
  expect(observer.raw("environ", { pid }, undefined)).toEqual(
    new Uint8Array(readFileSync(`/proc/${pid}/environ`)),
  );
});

test("open descriptors name their ends: the socket's address, the pipe, the mode", () => {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const rows = observer.view("fd", { pid: process.pid }, undefined);
  expect(rows.text).toContain(`tcp 127.0.0.1:${server.port} LISTEN`);
  const net = observer.view("net", { pid: process.pid }, undefined).json as { internet: { local: string }[] };
  expect(net.internet.map(({ local }) => local)).toContain(`127.0.0.1:${server.port}`);
});

test("memory: the bytes that are there; a place where nothing is, and none at all, are told apart", () => {
  const secret = Buffer.from("what is written here is found again");
  const range = `${ptr(secret).toString(16)}+${secret.length}`;
  const target = { pid: process.pid };
  expect(Buffer.from(observer.raw("mem", target, range))).toEqual(secret);
  expect(observer.view("mem", target, range).text).toContain("what is written");
  expect(errorOf(() => observer.view("mem", target, undefined)).message).toContain("--range");
  expect(errorOf(() => observer.view("mem", target, "10+10")).message).toContain("nothing is mapped there");
  const guard = errorOf(() => observer.view("mem", target, "ffffffffff600000+8"));
  expect(guard.message).toContain("vsyscall");
  expect(errorOf(() => observer.view("status", target, range)).message).toContain("--range is for mem");
});

test("a process inside another pid namespace is found by the number it has there", async () => {
  const child = start(["unshare", "--pid", "--fork", "--mount-proc", "sleep", "100"]);
  await until("the inner process", () => nameOf(onlyChildOf(child.pid)) === "sleep");
  const inner = onlyChildOf(child.pid);
  const target = { pid: inner, inside: 1, container: "box" };
  expect(observer.view("status", target, undefined).json).toMatchObject({ Pid: { value: inner } });
  const wrong = errorOf(() => observer.view("status", { ...target, inside: 7 }, undefined));
  expect(wrong.message).toBe("container box has no process 7; it has 1");
  const tree = await observer.tree({ pid: child.pid }, new Map());
  expect(tree.json).toEqual([
    expect.objectContaining({ pid: child.pid, inside: null, namespaces: ["mnt"] }),
    expect.objectContaining({ pid: inner, inside: 1, namespaces: ["pid"] }),
  ]);
  const namespaces = await observer.namespaces(["pid"], new Map());
  const inode = Number(/\d+/.exec(readlinkSync(`/proc/${inner}/ns/pid`))?.[0]);
  expect(namespaces.json).toContainEqual(expect.objectContaining({ inode, type: "pid", pid: inner }));
});

test("a process that is gone, a zombie and a thread of the kernel each get their own sentence", async () => {
  const gone = start(["true"]);
  await gone.exited;
  expect(errorOf(() => observer.view("status", { pid: gone.pid }, undefined)).message).toBe(
    `there is no process ${gone.pid}`,
  );
  // The shell does not wait for its child once it has become the other program.
  const parent = start(["sh", "-c", "true & exec sleep 100"]);
  await until("a zombie", () => statOf(onlyChildOf(parent.pid)).includes(") Z "));
  const zombie = onlyChildOf(parent.pid);
  expect(observer.view("cmdline", { pid: zombie }, undefined).text).toContain("waits for its parent");
  expect(errorOf(() => observer.view("exe", { pid: zombie }, undefined)).message).toContain("zombie");
  expect(observer.view("cmdline", { pid: 2 }, undefined).text).toContain("a thread of the kernel");
});

test("whoever may not look is told why, and what it takes", async () => {
  const pid = await running(start(["sleep", "100"]), "sleep");
  const program = new URL("../main/tiffin.ts", import.meta.url).pathname;
  const asNobody = (view: string) =>
    Bun.spawnSync(
      [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
        process.execPath,
        program,
        "proc",
        view,
        String(pid),
      ],
      { env: { HOME: "/tmp", PATH: "/usr/bin:/bin" } },
    );
  const refused = asNobody("environ");
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr.toString()).toContain(
    `/proc/${pid}/environ: EACCES, this caller may not look into process ${pid} (sleep)`,
  );
  expect(refused.stderr.toString()).toContain("CAP_SYS_PTRACE");
  expect(asNobody("status").exitCode).toBe(0);
});
