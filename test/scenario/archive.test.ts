/** Copies between a container's file system and its clients: tar up, tar down, and what they must not reach. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { endOfArchive, headerOf, padding, type TarEntry } from "../../src/archive/mod.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;
let directory = "";
beforeAll(async () => {
  engine = await startEngine();
  directory = mkdtempSync("/tmp/tiffin-test-archive-");
  await engine.output("run", "-d", "--name", "lives", "-v", "shared:/data", "base", "sleep", "1000");
  await engine.output("create", "--name", "waits", "-v", "shared:/data", "base", "cat", "/etc/put");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

function entry(path: string, over: Partial<TarEntry> = {}): TarEntry {
  return {
    type: "file",
    path,
    mode: 0o644,
    uid: 0,
    gid: 0,
    sizeBytes: 0,
    modifiedAtNs: 1_600_000_000_000_000_000n,
    linkTarget: "",
    deviceMajor: 0,
    deviceMinor: 0,
    attributes: new Map(),
    ...over,
  };
}

function archiveOf(...members: readonly (readonly [TarEntry, string?])[]): Uint8Array<ArrayBuffer> {
  const pieces = members.flatMap(([header, content = ""]) => [
    headerOf({ ...header, sizeBytes: content.length }),
    Buffer.from(content),
    padding(content.length),
  ]);
  return new Uint8Array(Buffer.concat([...pieces, endOfArchive]));
}

type Body = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;

async function put(
  name: string,
  path: string,
  body: Body,
  query = "",
): Promise<{ status: number; text: string }> {
  const url = `http://localhost/containers/${name}/archive?path=${encodeURIComponent(path)}${query}`;
  const response = await fetch(url, { method: "PUT", unix: engine.socket, body });
  return { status: response.status, text: await response.text() };
}

/** The archive of a path, unpacked by GNU tar; returns where. */
async function got(name: string, path: string): Promise<string> {
  const url = `http://localhost/containers/${name}/archive?path=${encodeURIComponent(path)}`;
  const response = await fetch(url, { unix: engine.socket });
  expect(response.status).toBe(200);
  const target = mkdtempSync(`${directory}/got-`);
  const tar = Bun.spawnSync(["tar", "-xpf", "-", "-C", target], {
    stdin: new Uint8Array(await response.arrayBuffer()),
  });
  expect(tar.exitCode).toBe(0);
  return target;
}

test("what is put is there, in a running container and in one that has not started", async () => {
  const body = archiveOf([entry("put", { mode: 0o4755, uid: 1000, gid: 70_000 }), "content"]);
  for (const name of ["lives", "waits"]) {
    expect(await put(name, "/etc", body)).toEqual({ status: 200, text: "" });
    const target = await got(name, "/etc/put");
    expect(readFileSync(`${target}/put`, "utf8")).toBe("content");
    const status = statSync(`${target}/put`);
    expect([status.mode & 0o7777, status.uid, status.gid, status.mtimeMs]).toEqual([
      0o4755, 1000, 70_000, 1.6e12,
    ]);
  }
  expect(await engine.output("exec", "lives", "stat", "-c", "%a %u %g", "/etc/put")).toBe("4755 1000 70000");
  expect(await engine.output("start", "-a", "waits")).toBe("content");
});

test("volumes are part of what is copied; /proc and /dev are not", async () => {
  expect((await put("waits", "/data", archiveOf([entry("through-waits"), "v"]))).status).toBe(200);
  expect(await engine.output("exec", "lives", "cat", "/data/through-waits")).toBe("v");
  expect((await put("lives", "/data", archiveOf([entry("through-lives"), "w"]))).status).toBe(200);
  expect(readdirSync(`${await got("waits", "/data")}/data`).sort()).toEqual([
    "through-lives",
    "through-waits",
  ]);
  for (const path of ["/proc/version", "/dev/null"]) {
    const answer = await engine.http("GET", `/containers/lives/archive?path=${path}`);
    expect([answer.status, answer.json()]).toEqual([
      404,
      expect.objectContaining({ message: `Could not find the file ${path} in container lives` }),
    ]);
  }
});

test("every kind of member arrives as it was", async () => {
  const body = archiveOf(
    [entry("tree", { type: "directory", mode: 0o1777 })],
    [entry("tree/file"), "f"],
    [entry("tree/second", { type: "hardLink", linkTarget: "tree/file" })],
    [entry("tree/link", { type: "symlink", linkTarget: "/nowhere" })],
    [entry("tree/fifo", { type: "fifo" })],
    [entry("tree/null", { type: "character", deviceMajor: 1, deviceMinor: 3 })],
    [entry("missing/parents/are/made"), "m"],
  );
  expect(await put("lives", "/tmp", body)).toEqual({ status: 200, text: "" });
  const shown = await engine.output(
    "exec",
    "lives",
    "sh",
    "-c",
    "cd /tmp; stat -c '%n %F %h %a %Y' tree tree/* missing/parents/are/made; readlink tree/link; stat -c %t:%T tree/null",
  );
  expect(shown.split("\n")).toEqual([
    "tree directory 2 1777 1600000000",
    "tree/fifo fifo 1 644 1600000000",
    "tree/file regular file 2 644 1600000000",
    "tree/link symbolic link 1 777 1600000000",
    "tree/null character special file 1 644 1600000000",
    "tree/second regular file 2 644 1600000000",
    "missing/parents/are/made regular file 1 644 1600000000",
    "/nowhere",
    "1:3",
  ]);
  const back = await got("lives", "/tmp/tree");
  expect(statSync(`${back}/tree/file`).ino).toBe(statSync(`${back}/tree/second`).ino);
  expect(statSync(`${back}/tree/null`).isCharacterDevice()).toBe(true);
});

test("HEAD tells what is at a path", async () => {
  const url = "http://localhost/containers/lives/archive?path=/var/run";
  const response = await fetch(url, { method: "HEAD", unix: engine.socket });
  const field = response.headers.get("x-docker-container-path-stat") ?? "";
  expect([response.status, JSON.parse(Buffer.from(field, "base64").toString())]).toEqual([
    200,
    expect.objectContaining({ name: "run", mode: 2 ** 27 + 0o777, linkTarget: "/run" }),
  ]);
  expect((await fetch(`${url}/x`, { method: "HEAD", unix: engine.socket })).status).toBe(404);
  expect((await engine.http("GET", "/containers/lives/archive")).status).toBe(400);
  expect((await engine.http("GET", "/containers/nobody/archive?path=/")).status).toBe(404);
});

test("what compresses is taken off, whatever it is", async () => {
  const plain = archiveOf([entry("packed"), "p".repeat(100_000)]);
  const packedBy = (program: string) => Bun.spawnSync([program, "-c"], { stdin: new Blob([plain]) }).stdout;
  const forms = [Bun.gzipSync(plain), Bun.zstdCompressSync(plain), packedBy("bzip2"), packedBy("xz")];
  for (const packed of forms) {
    await engine.output("exec", "lives", "rm", "-f", "/tmp/packed");
    expect(await put("lives", "/tmp", new Uint8Array(packed))).toEqual({ status: 200, text: "" });
    expect(await engine.output("exec", "lives", "wc", "-c", "/tmp/packed")).toBe("100000 /tmp/packed");
  }
  // Programs of those names in the container are never asked.
  const trojans = ["xz", "unxz", "bzip2", "gzip", "unpigz", "zstd", "tar"].map((name) => `/bin/${name}`);
  const plant = trojans.map(
    (path) =>
      `rm -f ${path}; echo '#!/bin/sh' > ${path}; echo 'echo > /tmp/ran' >> ${path}; chmod 755 ${path}`,
  );
  await engine.output(
    "run",
    "-d",
    "--name",
    "trojans",
    "base",
    "sh",
    "-c",
    `${plant.join("; ")}; echo planted; exec sleep 1000`,
  );
  await until("the programs are there", async () => (await engine.output("logs", "trojans")) === "planted");
  for (const packed of forms)
    expect(await put("trojans", "/tmp", new Uint8Array(packed))).toEqual({ status: 200, text: "" });
  expect(await engine.output("exec", "trojans", "ls", "/tmp")).toBe("packed");
  await engine.output("rm", "-f", "trojans");
  const damaged = Bun.gzipSync(plain).subarray(0, 60);
  expect((await put("lives", "/tmp", new Uint8Array(damaged))).status).toBe(400);
});

test("what cannot be unpacked is refused with the member and the reason", async () => {
  await engine.output(
    "run",
    "-d",
    "--name",
    "closed",
    "--read-only",
    "-v",
    "shared:/data:ro",
    "base",
    "sleep",
    "1000",
  );
  await put("lives", "/tmp", archiveOf([entry("is-directory", { type: "directory" })]));
  const file = archiveOf([entry("x"), "y"]);
  const cases = [
    ["lives", "/nosuch", file, "", 404, "Could not find the file /nosuch in container lives"],
    ["lives", "/etc/passwd", file, "", 400, "extraction point is not a directory"],
    ["closed", "/etc", file, "", 403, "container rootfs is marked read-only"],
    ["closed", "/data", file, "", 403, "mounted volume is marked read-only"],
    ["lives", "/tmp", archiveOf([entry("../x"), "y"]), "", 400, "lies outside of the directory"],
    ["lives", "/tmp", archiveOf([entry("a/../../x"), "y"]), "", 400, "lies outside of the directory"],
    [
      "lives",
      "/tmp",
      archiveOf([entry("h", { type: "hardLink", linkTarget: "../etc/passwd" })]),
      "",
      400,
      "lies outside",
    ],
    [
      "lives",
      "/tmp",
      archiveOf([entry("is-directory"), "y"]),
      "&noOverwriteDirNonDir=1",
      400,
      "cannot overwrite directory",
    ],
    ["lives", "/tmp", file.subarray(0, 700), "", 400, "ends in the middle of a member"],
    ["lives", "/tmp", new Uint8Array(Buffer.from("<html>".repeat(500))), "", 400, "not a tar archive"],
  ] as const;
  for (const [name, path, body, query, status, message] of cases) {
    const answer = await put(name, path, new Uint8Array(body), query);
    expect([path, answer.status, answer.text]).toEqual([path, status, expect.stringContaining(message)]);
  }
  await engine.output("rm", "-f", "closed");
});

test("members whose parents are links of the archive or of the image stay in the container", async () => {
  const outside = `${directory}/outside`;
  mkdirSync(outside);
  const body = archiveOf(
    [entry("leads-out", { type: "symlink", linkTarget: `../../../../../../../..${outside}` })],
    [entry("leads-out/file"), "caught"],
  );
  const answer = await put("lives", "/tmp", body);
  // The link dangles inside of the container; nothing is made through it on the host.
  expect([200, 400]).toContain(answer.status);
  expect(readdirSync(outside)).toEqual([]);
});

test("a container that swaps the directories of a copy leads nothing out of it, and nothing of the host into one", async () => {
  const victim = `${directory}/victim`;
  mkdirSync(victim);
  writeFileSync(`${victim}/kept`, "kept");
  writeFileSync(`${victim}/secret`, "words of the host");
  const swap = `mkdir -p /s/real; while true; do rm -rf /s/d; ln -s ../../../../../../../..${victim} /s/d; rm -f /s/d; mkdir /s/d; done`;
  await engine.output("run", "-d", "--name", "swaps", "base", "sh", "-c", swap);
  const body = archiveOf(
    [entry("d/file", { mode: 0o777, uid: 4242 }), "x"],
    [entry("d/kept"), "overwritten"],
  );
  let done = 0;
  let read = 0;
  for (let round = 0; round < 300; round += 1) {
    const { status } = await put("swaps", "/s", body);
    if (status === 200) done += 1;
    // The other way: the whole directory, a file below it that only the host has, and what is asked about it.
    for (const [method, path] of [
      ["GET", "/s/d/"],
      ["GET", "/s/d/secret"],
      ["HEAD", "/s/d/secret"],
    ] as const) {
      const answer = await engine.http(method, `/containers/swaps/archive?path=${path}`);
      if (answer.status === 200) read += 1;
      expect(answer.text).not.toContain("words of the host");
      if (path === "/s/d/secret") expect(answer.status).not.toBe(200);
    }
  }
  expect(done).toBeGreaterThan(0);
  expect(read).toBeGreaterThan(0);
  expect(readdirSync(victim).sort()).toEqual(["kept", "secret"]);
  expect(readFileSync(`${victim}/kept`, "utf8")).toBe("kept");
  await engine.output("rm", "-f", "swaps");
});

test("a gigabyte passes through without being held", async () => {
  const bytes = 1024 * 1024 * 1024;
  const piece = new Uint8Array(1024 * 1024);
  let sent = 0;
  let begun = false;
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (!begun) {
        begun = true;
        controller.enqueue(headerOf({ ...entry("big"), sizeBytes: bytes }));
      } else if (sent < bytes) {
        sent += piece.length;
        controller.enqueue(piece.slice());
      } else {
        controller.enqueue(endOfArchive.slice());
        controller.close();
      }
    },
  });
  const peakBytes = (): number =>
    Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${engine.pid}/status`, "utf8"))?.[1]) * 1024;
  const before = peakBytes();
  expect(await put("lives", "/data", body)).toEqual({ status: 200, text: "" });
  expect(await engine.output("exec", "lives", "stat", "-c", "%s", "/data/big")).toBe(String(bytes));
  // Less than half of this is what collects as garbage meanwhile; the body is eight times as long.
  expect(peakBytes() - before).toBeLessThan(bytes / 8);
  await engine.output("exec", "lives", "rm", "/data/big");
});

test("a client that goes in mid-copy leaves the engine and the container as they were", async () => {
  const before = engine.snapshot();
  const cut = Bun.spawn(
    [
      "sh",
      "-c",
      `head -c 200000 /dev/urandom | curl -s -m 1 -T - --limit-rate 20000 --unix-socket ${engine.socket} 'http://x/containers/waits/archive?path=/tmp'`,
    ],
    { stdout: "ignore", stderr: "ignore" },
  );
  await cut.exited;
  // A start waits for a copy; it is not held up by one whose client has gone.
  expect((await engine.cli("start", "-a", "waits")).exitCode).toBe(0);
  expect(await engine.leftovers(before)).toEqual([]);
  expect(existsSync(`${directory}/outside/file`)).toBe(false);
});

test("a name that is no UTF-8 is copied both ways, and its container and volume are removed", async () => {
  const make =
    'mkdir /data/odd; echo in >"/data/odd/$(printf "\\377\\376")"; ln -s "$(printf "\\375")" /data/odd/link';
  await engine.output("run", "--name", "odd", "-v", "/data", "base", "sh", "-c", make);
  const names = (of: string): string[] =>
    readdirSync(of, { encoding: "buffer" }).map((name) => name.toString("hex"));
  const out = await got("odd", "/data/odd");
  expect(names(`${out}/odd`).sort()).toEqual(["6c696e6b", "fffe"]);
  for (const format of ["gnu", "pax"]) {
    const packed = Bun.spawnSync(["tar", `--format=${format}`, "-C", out, "-cf", "-", "odd"]);
    expect(packed.exitCode).toBe(0);
    expect(await put("odd", "/tmp", new Uint8Array(packed.stdout))).toEqual({ status: 200, text: "" });
    expect(names(`${await got("odd", "/tmp/odd")}/odd`).sort()).toEqual(["6c696e6b", "fffe"]);
  }
  await engine.output("rm", "-v", "odd");
  expect((await engine.http("GET", "/_ping")).status).toBe(200);
});

test("nothing is unpacked through a read-only mount or root, whatever way leads there, running or not", async () => {
  mkdirSync(`${directory}/host/below`, { recursive: true });
  writeFileSync(`${directory}/host/f`, "theirs");
  const create = ["--read-only", "-v", `${directory}/host:/ro:ro`, "-v", "ways:/rw", "base", "sleep", "1000"];
  const links = ["cd /rw; ln -s /ro ro; ln -s /etc etc"];
  await engine.output("run", "--rm", "-v", "ways:/rw", "base", "sh", "-c", ...links);
  await engine.output("create", "--name", "shut", ...create);
  const evil = archiveOf([entry("f"), "evil"]);
  for (const step of ["created", "running"]) {
    if (step === "running") await engine.output("start", "shut");
    const refused = [
      ["/rw/ro", evil],
      ["rw/ro/", evil],
      ["/rw/../ro", evil],
      ["ro", evil],
      ["/rw/etc", evil],
      ["/rw", archiveOf([entry("ro/f"), "evil"])],
      ["/rw", archiveOf([entry("etc/f"), "evil"])],
      ["/rw", archiveOf([entry("ro/below/f"), "evil"])],
    ] as const;
    for (const [path, body] of refused)
      expect([step, path, (await put("shut", path, body)).status]).toEqual([step, path, 403]);
    expect((await put("shut", "/rw", evil)).status).toBe(200);
    expect((await put("shut", "rw/", evil)).status).toBe(200);
  }
  expect(readFileSync(`${directory}/host/f`, "utf8")).toBe("theirs");
  expect(readdirSync(`${directory}/host/below`)).toEqual([]);
  await engine.output("rm", "-f", "shut");
});

test("a path that ends in a dot asks for what is in the directory, one that goes up is named by where it ends", async () => {
  expect(readdirSync(await got("waits", "/etc/."))).toContain("passwd");
  expect(readdirSync(await got("waits", "etc/."))).toContain("passwd");
  expect(readdirSync(await got("waits", "/etc/"))).toEqual(["etc"]);
  expect(readdirSync(await got("waits", "/bin/../etc"))).toEqual(["etc"]);
  expect(readdirSync(await got("waits", "/etc/.."))).toContain("etc");
});

test("a running container's own hosts file is what is copied, and nothing is put below it", async () => {
  await engine.output("run", "-d", "--name", "hosts", "--add-host", "far:192.0.2.1", "base", "sleep", "1000");
  const hosts = await got("hosts", "/etc/hosts");
  expect(readFileSync(`${hosts}/hosts`, "utf8")).toContain("192.0.2.1\tfar");
  const over = await put("hosts", "/etc", archiveOf([entry("hosts"), "mine"]));
  expect([over.status, over.text]).toEqual([409, expect.stringContaining("hosts")]);
  expect(await engine.output("exec", "hosts", "cat", "/etc/hosts")).toContain("far");
  await engine.output("rm", "-f", "hosts");
});

test("a link that a container puts where its volume was shows neither its /proc nor its root a second time", async () => {
  for (const to of ["/proc", "/sys", "/"]) {
    await engine.output("run", "-d", "--name", "moves", "-v", "/a/b", "base", "sleep", "1000");
    await engine.output("exec", "moves", "sh", "-c", `mv /a /c && mkdir /a && ln -s ${to} /a/b`);
    expect(readdirSync(`${await got("moves", "/proc")}/proc`)).toEqual([]);
    expect(readdirSync(`${await got("moves", "/sys")}/sys`)).toEqual([]);
    await engine.output("rm", "-fv", "moves");
  }
});

test("attributes that no file system takes are the archive's fault", async () => {
  const text = (length: number): Uint8Array => new Uint8Array(length).fill(0x61);
  for (const [name, value] of [
    [`user.${"a".repeat(300)}`, text(1)],
    ["user.v", text(70_000)],
  ] as const) {
    const body = archiveOf([entry("attributed", { attributes: new Map([[name, value]]) }), "x"]);
    expect((await put("lives", "/tmp", body)).status).toBe(400);
  }
});

test("a member that would replace a mount is refused, and what is mounted keeps its files", async () => {
  mkdirSync(`${directory}/kept`);
  writeFileSync(`${directory}/kept/f`, "theirs");
  await engine.output("create", "--name", "covers", "-v", `${directory}/kept:/kept`, "base", "sleep", "1000");
  for (const step of ["created", "running"]) {
    if (step === "running") await engine.output("start", "covers");
    const refused = await put("covers", "/", archiveOf([entry("kept"), "a file"]));
    expect([step, refused.status, refused.text]).toEqual([
      step,
      409,
      expect.stringContaining("mounted there"),
    ]);
    expect(readdirSync(`${directory}/kept`)).toEqual(["f"]);
  }
  expect(await engine.output("exec", "covers", "cat", "/kept/f")).toBe("theirs");
  await engine.output("rm", "-f", "covers");
});
