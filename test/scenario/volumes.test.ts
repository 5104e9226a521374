/** A volume begins with what the image has at its place, as Docker's do; and what must not follow from that. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;
let outside = "";
beforeAll(async () => {
  engine = await startEngine();
  outside = mkdtempSync("/tmp/tiffin-test-volume-");
  writeFileSync(`${outside}/secret`, "of the host");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(outside, { recursive: true, force: true });
});

const run = async (flags: readonly string[], script: string): Promise<string> =>
  await engine.output("run", "--rm", ...flags, "base", "sh", "-c", script);

test("a named volume, an anonymous one and one of --mount hold what the image has there", async () => {
  for (const flags of [
    ["-v", "named:/etc"],
    ["-v", "/etc"],
    ["--mount", "type=volume,source=other,target=/etc"],
  ]) {
    expect(await run(flags, "grep -c root /etc/passwd; stat -c %a /etc/shadow")).toBe("1\n600");
  }
});

test("owners, modes, times, links and the directory itself are as in the image", async () => {
  const look = "cd /bin; stat -c '%n %a %u:%g %Y %F' busybox sh .; readlink sh; ls | wc -l";
  const image = await run([], look);
  expect(await run(["-v", "programs:/bin"], look)).toBe(image);
  expect(await run(["-v", "sticky:/tmp"], "stat -c %a /tmp")).toBe("1777");
});

test("only an empty volume is filled, and only at the first start of a container", async () => {
  expect(await run(["-v", "used:/srv"], "echo mine >/srv/file")).toBe("");
  expect(
    await run(["-v", "used:/etc"], "ls /etc | grep -v -e '^hosts$' -e '^hostname$' -e '^resolv.conf$'"),
  ).toBe("file");
  expect(await run(["-v", "emptied:/root"], "ls -a /root | wc -l")).toBe("2");
  await engine.output(
    "run",
    "-d",
    "--name",
    "empties",
    "-v",
    "wiped:/var",
    "base",
    "sh",
    "-c",
    "rm -rf /var/*; ls /var >/log; sleep 1000",
  );
  await engine.output("stop", "-t", "0", "empties");
  await engine.output("start", "empties");
  expect(await engine.output("exec", "empties", "ls", "/var")).toBe("");
});

test("nocopy leaves it empty, and a bind hides what the image has", async () => {
  expect(
    await run(["-v", "bare:/opt:nocopy", "-v", "full:/usr"], "ls /opt | wc -l; ls /usr | head -n 1"),
  ).toBe("0\nbin");
  expect(
    await run(["--mount", "type=volume,source=bare2,target=/usr,volume-nocopy"], "ls /usr | wc -l"),
  ).toBe("0");
  expect(await run(["-v", `${outside}:/usr`], "ls /usr")).toBe("secret");
});

test("a place that a container's own layer leads elsewhere is followed inside of it alone", async () => {
  await engine.output("create", "--name", "leads", "-v", "led:/data", "base", "sh", "-c", "ls /data");
  // The link is the container's own: it points at a directory of the host, which inside is nothing.
  const tar = Bun.spawnSync([
    "sh",
    "-c",
    `mkdir -p "$0/t" && ln -s ../../../../../..${outside} "$0/t/data" && tar -C "$0/t" -cf - data`,
    `${engine.directory}`,
  ]);
  const put = await fetch("http://x/containers/leads/archive?path=/", {
    method: "PUT",
    unix: engine.socket,
    body: new Uint8Array(tar.stdout),
  });
  expect([200, 409]).toContain(put.status);
  const started = await engine.cli("start", "-a", "leads");
  expect(started.stdout).not.toContain("secret");
  expect(readdirSync(outside)).toEqual(["secret"]);
});

test("two containers that begin a volume at the same time fill it once and both see all of it", async () => {
  const count = await run([], "ls /bin | wc -l");
  const both = await Promise.all(
    [1, 2, 3, 4].map(async () => await run(["-v", "shared:/bin"], "ls /bin | wc -l")),
  );
  expect(both).toEqual([count, count, count, count]);
});
