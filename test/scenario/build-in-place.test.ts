/** `tiffin build DIR` of root's at an engine of the same machine: the directory is read where it is, and stays as it was. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { namedDirectory } from "../../src/client/named-directory.ts";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { writeFiles } from "../support/write-files.ts";

let engine: TestEngine;
let files: TemporaryDirectory;
let socket: string;
beforeAll(async () => {
  files = temporaryDirectory("build-in-place");
  engine = await startEngine();
  socket = engine.host.slice("unix://".length);
}, 60_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

/** All that a program could have changed, but for times of access. */
function pictureOf(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = `${directory}/${name}`;
    const { mode, uid, gid, size, mtimeNs, ctimeNs, ino, nlink } = lstatSync(path, { bigint: true });
    const line = [path, mode, uid, gid, size, mtimeNs, ctimeNs, ino, nlink].join(" ");
    if (lstatSync(path).isDirectory()) return [line, ...pictureOf(path)];
    if (lstatSync(path).isSymbolicLink()) return [`${line} ${readlinkSync(path)}`];
    return [`${line} ${readFileSync(path).toString("base64")}`];
  });
}

function context(name: string, content: Readonly<Record<string, string>>): string {
  const directory = `${files.path}/${name}`;
  writeFiles(directory, content);
  return directory;
}

/** The engine's answer to a request that names a directory, as whoever asks it. */
async function asked(named: unknown, words: readonly string[] = []): Promise<string> {
  const header = Buffer.from(JSON.stringify(named)).toString("base64url");
  const url = "http://engine/tiffin/build?dockerfile=Dockerfile&q=true";
  const curl = [
    "curl",
    "-sS",
    "--unix-socket",
    socket,
    "-XPOST",
    "-H",
    `X-Tiffin-Directories: ${header}`,
    url,
  ];
  const { stdout, stderr } = await outcomeOf(
    Bun.spawn([...words, ...curl], { stdin: new Uint8Array(0), stdout: "pipe", stderr: "pipe" }),
  );
  return stdout + stderr;
}

/** The same by a client that says to be on another machine, so that it has to send all of it. */
async function sent(directory: string, tag: string): Promise<void> {
  const boot = `${files.path}/another-boot`;
  writeFileSync(boot, "another\n");
  const hide = `mount --bind ${boot} /proc/sys/kernel/random/boot_id && exec "$@"`;
  const words = tiffinCommand("build", "-q", "-t", tag, directory);
  const { code, stderr } = await outcomeOf(
    Bun.spawn(["unshare", "-m", "sh", "-c", hide, "sh", ...words], {
      env: { ...process.env, TIFFIN_HOST: engine.host },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    }),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
}

test("whatever is done with it, a directory is after the build what it was before", async () => {
  const directory = context("kept", {
    Dockerfile: "FROM base\nCOPY . /all/\n",
    ".dockerignore": "ignored\nDockerfile\n*.md\n!kept.md\n",
    "kept.md": "kept\n",
    "other.md": "other\n",
    "ignored/secret": "x\n",
    "some/deep/file": "deep\n",
    program: "#!/bin/sh\necho program\n",
  });
  chownSync(`${directory}/program`, 1234, 5678);
  chmodSync(`${directory}/program`, 0o4755);
  symlinkSync("some/deep/file", `${directory}/link`);
  symlinkSync("/etc/passwd", `${directory}/outside`);
  const archive = Bun.spawn(["tar", "-C", directory, "-cf", `${directory}/a.tar`, "some"]);
  expect(await archive.exited).toBe(0);
  utimesSync(`${directory}/some`, 1000, 1000);
  const before = pictureOf(directory);
  const elsewhere = context("dockerfiles", {
    add: "FROM base\nADD a.tar /unpacked/\nADD some /some/\n",
    bind: "FROM base\nRUN --mount=type=bind,target=/src cat /src/some/deep/file > /copied; test ! -e /src/ignored\n",
    written:
      "FROM base\nRUN --mount=type=bind,target=/src,rw echo changed > /src/program; rm -r /src/some; touch /src/new\n",
    cache:
      "FROM base\nRUN --mount=type=cache,from=context,source=some,target=/c rm -r /c/deep; echo 1 > /c/x\n",
    link: "FROM base\nCOPY --link some /linked/\n",
    parents: "FROM base\nCOPY --parents some/deep/* /p/\nCOPY --exclude=*.md . /q/\n",
    failing: "FROM base\nCOPY . /all/\nRUN rm -rf /all; false\n",
  });
  await engine.output("build", "-q", directory);
  for (const name of readdirSync(elsewhere)) {
    const { exitCode, stderr } = await engine.cli("build", "-q", "-f", `${elsewhere}/${name}`, directory);
    expect({ name, failed: exitCode !== 0, stderr: name === "failing" ? "" : stderr }).toEqual({
      name,
      failed: name === "failing",
      stderr: "",
    });
    expect(pictureOf(directory)).toEqual(before);
  }
}, 120_000);

test("it comes to the same as what is sent: owners, modes, what is ignored, links as they are, and none that leads out", async () => {
  const directory = `${files.path}/kept`;
  await engine.output("build", "-q", "-t", "in-place", directory);
  await sent(directory, "sent");
  const listing = async (tag: string): Promise<string> =>
    await engine.output(
      "run",
      "--rm",
      tag,
      "sh",
      "-c",
      "cd /all; find . | sort; ls -lnR; cat some/deep/file kept.md",
    );
  expect(await listing("in-place")).toBe(await listing("sent"));
  const out = context("leads-out", { Dockerfile: "FROM base\nCOPY outside /x\n" });
  symlinkSync("/etc/passwd", `${out}/outside`);
  symlinkSync("../kept", `${out}/up`);
  const refused = await engine.cli("build", "-q", out);
  expect(refused.exitCode).not.toBe(0);
  writeFileSync(`${out}/Dockerfile`, "FROM base\nCOPY up/program /x\n");
  const up = await engine.cli("build", "-q", out);
  expect(up.stderr).toContain("not found");
}, 120_000);

test("what has changed is found, also with the size and the time that it had; what has not is not read again", async () => {
  const directory = context("changing", { Dockerfile: "FROM base\nCOPY one /one\n", one: "first\n" });
  const build = async (): Promise<string> => await engine.output("build", "-q", directory);
  const first = await build();
  expect(await build()).toBe(first);
  const { atime, mtime } = statSync(`${directory}/one`);
  writeFileSync(`${directory}/one`, "other\n");
  utimesSync(`${directory}/one`, atime, mtime);
  const second = await build();
  expect(second).not.toBe(first);
  expect(await engine.output("run", "--rm", second, "cat", "/one")).toBe("other");
  chmodSync(`${directory}/one`, 0o600);
  const third = await build();
  expect(third).not.toBe(second);
  utimesSync(`${directory}/one`, 5, 5);
  expect(await build()).toBe(third);
}, 60_000);

test("a file that is written to all the time gives a whole image or a clear failure, and no image under the name of another content", async () => {
  const directory = context("written", { Dockerfile: "FROM base\nCOPY . /all/\n", one: "0\n" });
  for (let at = 0; at < 300; at += 1) writeFileSync(`${directory}/f${at}`, `${at}`.repeat(1000));
  const script =
    'n=0; while :; do n=$((n + 1)); echo $n > "$1"; [ $((n % 3)) = 0 ] || sleep 0.00$((n % 5)); done';
  const writer = Bun.spawn(["sh", "-c", script, "sh", `${directory}/one`], {
    stdout: "ignore",
    stderr: "inherit",
  });
  const built: string[] = [];
  try {
    for (let round = 0; round < 8; round += 1) {
      const { exitCode, stdout, stderr } = await engine.cli("build", "-q", directory);
      if (exitCode === 0) built.push(stdout.trim());
      else expect(stderr).toContain("changed while it was read");
    }
  } finally {
    writer.kill();
    await writer.exited;
  }
  for (const image of new Set(built)) {
    const content = await engine.output("run", "--rm", image, "cat", "/all/one");
    writeFileSync(`${directory}/one`, content === "" ? "" : `${content}\n`);
    const again = await engine.output("build", "-q", directory);
    expect(await engine.output("run", "--rm", again, "cat", "/all/one")).toBe(content);
  }
}, 120_000);

test("only root may name a directory, and only the one that it sees", async () => {
  const directory = context("named", { Dockerfile: "FROM base\nCOPY secret /secret\n", secret: "root's\n" });
  chmodSync(`${directory}/secret`, 0o600);
  const named = namedDirectory(directory);
  if (named === undefined) throw new Error("no directory");
  const one = named.Directories[""];
  if (one === undefined) throw new Error("no directory");
  expect(await asked(named)).toContain("sha256:");
  // Another user, who gets to the socket by a right that is not root's.
  const right = "+dac_override";
  const user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const asUser = [...user, `--inh-caps=${right}`, `--ambient-caps=${right}`];
  expect(await asked(named, asUser)).toContain("only root may name a directory");
  expect(await asked({ ...named, Boot: "another" })).toContain("not on this machine");
  expect(await asked({ ...named, Directories: { "": { ...one, Inode: "12" } } })).toContain(
    "another directory here",
  );
  const proc = namedDirectory("/proc/self/task");
  expect(await asked(proc)).toContain("build.not-in-place");
  expect(await asked(namedDirectory("/"))).toContain("a file system of the kind");
  expect(await asked({ ...named, Directories: { "": { ...one, Path: "named" } } })).toContain("not absolute");
  expect(await asked({})).toContain("header");
  // Inside of a namespace of its own the client sees another directory by that path.
  mkdirSync(`${files.path}/hidden`);
  const hide = `mount --bind ${files.path}/hidden ${directory} && exec "$@"`;
  expect(await asked(named, ["unshare", "-m", "sh", "-c", hide, "sh"])).toContain("another directory here");
}, 60_000);

test("what the engine cannot read where it is, it gets sent", async () => {
  const directory = context("mounted", {
    Dockerfile: "FROM base\nRUN --mount=type=bind,target=/s ls /s/inner > /ls\n",
  });
  mkdirSync(`${directory}/inner`);
  const build = `mount -t tmpfs none ${directory}/inner && echo seen > ${directory}/inner/file && exec "$@"`;
  const words = tiffinCommand("build", "-q", directory);
  const { code, stdout, stderr } = await outcomeOf(
    Bun.spawn(["unshare", "-m", "sh", "-c", build, "sh", ...words], {
      env: { ...process.env, TIFFIN_HOST: engine.host },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    }),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(await engine.output("run", "--rm", stdout.trim(), "cat", "/ls")).toBe("file");
}, 60_000);

test("further contexts that are directories are read where they are, less what their own patterns leave out", async () => {
  const main = context("named-main", {
    Dockerfile:
      "FROM base\nCOPY --from=side / /side/\nRUN --mount=type=bind,from=side,target=/m ls /m > /seen\n",
  });
  const side = context("named-side", { kept: "1", "left/out": "2", ".dockerignore": "left\n" });
  const before = pictureOf(side);
  const built = await engine.cli("build", "-q", "--build-context", `side=${side}`, "-t", "named:dir", main);
  expect(built).toMatchObject({ exitCode: 0, stderr: "" });
  const shown = await engine.output(
    "run",
    "--rm",
    "--network",
    "none",
    "named:dir",
    "sh",
    "-c",
    "ls -A /side; cat /seen",
  );
  expect(shown).toBe(".dockerignore\nkept\nkept");
  expect(pictureOf(side)).toEqual(before);
  const absent = await engine.cli("build", "-q", "--build-context", "side=nowhere/at/all", main);
  expect([absent.exitCode, absent.stderr]).toEqual([
    1,
    'build context side: path "nowhere/at/all" is not a directory\n',
  ]);
  const sent = Bun.spawn(
    tiffinCommand("-H", engine.host, "build", "-q", "--build-context", `side=${side}`, "-"),
    {
      stdin: new Blob(["FROM base\n"]),
      stdout: "pipe",
      stderr: "pipe",
    },
  );
  const { code, stderr } = await outcomeOf(sent);
  expect([code, stderr]).toEqual([
    1,
    "build context side: the engine has to read it where it is, and cannot: it has to be an engine of this machine, and the context a directory too\n",
  ]);
});
