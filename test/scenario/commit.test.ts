/** Images made of containers, over the command line and the API. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

interface Inspected {
  readonly Id: string;
  readonly Parent: string;
  readonly Author: string;
  readonly Comment: string;
  readonly Config: Readonly<Record<string, unknown>>;
  readonly RootFS: { readonly Layers: readonly string[] };
}

async function inspect(image: string): Promise<Inspected> {
  const [found] = JSON.parse(await engine.output("image", "inspect", image)) as Inspected[];
  if (found === undefined) throw new Error(`${image} is not there`);
  return found;
}

const script = [
  "echo new > /etc/new; rm /etc/shadow; rm -rf /var/lib; mkdir /var/lib; chmod 4711 /bin/busybox",
  "mkfifo /opt/fifo; ln -s new /opt/link; echo x > /opt/a; ln /opt/a /opt/b; chown 70000:9 /opt/a; touch -t 200001020304.05 /opt/a",
].join("\n");

test("a container's changes are in every container of the image, and the image says how it came to be", async () => {
  await engine.output(
    "run",
    "--name",
    "maker",
    "-e",
    "A=1",
    "-l",
    "k=v",
    "-v",
    "/data",
    "base",
    "sh",
    "-ec",
    script,
  );
  const before = await engine.output("export", "maker");
  const id = await engine.output("commit", "-a", "A. Cook", "-m", "the lot", "maker", "made:1.0");
  expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
  const made = await inspect("made:1.0");
  const base = await inspect("base");
  expect([made.Id, made.Parent, made.Author, made.Comment]).toEqual([id, base.Id, "A. Cook", "the lot"]);
  expect(made.RootFS.Layers.slice(0, -1)).toEqual([...base.RootFS.Layers]);
  expect(made.Config["Cmd"]).toEqual(["sh", "-ec", script]);
  expect(made.Config["Labels"]).toEqual({ k: "v" });
  expect(made.Config["Volumes"]).toEqual({ "/data": {} });
  expect(made.Config["Env"]).toContain("A=1");
  expect(
    await engine.output("history", "--format", "{{.CreatedBy}}|{{.Comment}}", "--no-trunc", "made:1.0"),
  ).toStartWith(`sh -ec ${script}|the lot`);
  await engine.output("create", "--name", "copy", "made:1.0");
  expect((await engine.output("export", "copy")) === before).toBe(true);
  const look =
    "stat -c '%a %u:%g %h %Y' /opt/a; stat -c '%a %u:%g %h %F' /opt/link /opt/fifo /bin/busybox; ls -A /var/lib; readlink /opt/link";
  expect(await engine.output("run", "--rm", "made:1.0", "sh", "-c", look)).toBe(
    [
      "644 70000:9 2 946782245",
      "777 0:0 1 symbolic link",
      "644 0:0 1 fifo",
      "4711 0:0 1 regular file",
      "new",
    ].join("\n"),
  );
});

test("a container that changed nothing gives an image without a further layer", async () => {
  await engine.output("run", "--name", "idle", "base", "true");
  await engine.output("commit", "idle", "idle");
  const { RootFS, Config } = await inspect("idle");
  expect(RootFS.Layers).toEqual((await inspect("base")).RootFS.Layers);
  expect(Config["Cmd"]).toEqual(["true"]);
  expect(await engine.output("history", "-q", "--no-trunc", "idle")).toContain((await inspect("base")).Id);
});

test("--change and the body of the API change the configuration, wrong ones are refused and leave nothing", async () => {
  await engine.output("create", "--name", "changed", "-e", "A=1", "base", "echo", "hi");
  await engine.output(
    ...[
      "commit",
      "-c",
      'CMD ["ls", "/"]',
      "--change",
      "ENV B=$A-x\nLABEL z=1",
      "--change=EXPOSE 80",
      "changed",
      "c",
    ],
  );
  const { Config } = await inspect("c");
  expect([Config["Cmd"], Config["Labels"], Config["ExposedPorts"]]).toEqual([
    ["ls", "/"],
    { z: "1" },
    { "80/tcp": {} },
  ]);
  expect(Config["Env"]).toContain("B=1-x");
  const body = { User: "9", Env: ["A=2"] };
  const answer = await engine.http(
    "POST",
    "/v1.41/commit?container=changed&repo=d&tag=t&changes=WORKDIR%20%2F$A",
    body,
  );
  expect(answer.status).toBe(201);
  const d = await inspect("d:t");
  expect([d.Config["User"], d.Config["WorkingDir"], d.Config["Cmd"]]).toEqual(["9", "/2", ["echo", "hi"]]);
  const images = await engine.output("images", "-aq");
  const refused = async (...args: string[]): Promise<string> => {
    const result = await engine.cli("commit", ...args);
    expect([result.exitCode, result.stdout]).toEqual([1, ""]);
    return result.stderr.trim();
  };
  expect(await refused("-c", "RUN x", "changed")).toBe(
    "Error response from daemon: RUN is not a valid change command",
  );
  expect(await refused("changed", "Upper")).toEndWith("repository name (library/Upper) must be lowercase");
  expect(await refused("nobody")).toBe("Error response from daemon: No such container: nobody");
  expect(await engine.output("images", "-aq")).toBe(images);
});

test("a running container stands still while it is read, unless that is not wanted, and goes on after it", async () => {
  const count = "while :; do printf x >> /n; printf x >> /m; done";
  await engine.output("run", "-d", "--name", "counts", "base", "sh", "-c", count);
  await engine.output("commit", "counts", "still");
  const [n = "", m = ""] = (
    await engine.output("run", "--rm", "still", "stat", "-c", "%s", "/n", "/m")
  ).split("\n");
  expect(Number(n) - Number(m)).toBeLessThanOrEqual(1);
  const read = (): Promise<string> => engine.output("exec", "counts", "stat", "-c", "%s", "/n");
  const then = await read();
  await until("the container to count on", async () => (await read()) !== then);
  await engine.output("commit", "--pause=false", "counts", "moving");
  await engine.output("commit", "--no-pause", "counts", "moving");
  await engine.output("rm", "-f", "counts");
});

test("a container that is removed while it is read is in the image whole", async () => {
  const script = "dd if=/dev/urandom of=/large bs=1M count=60 2>/dev/null; echo x > /zz; md5sum /large /zz";
  const sums = await engine.output("run", "--name", "removed", "base", "sh", "-c", script);
  const committing = engine.output("commit", "removed", "removed");
  const begun = (): boolean => readdirSync(`${engine.root}/unfinished`).length > 0;
  await until("the commit to read", begun);
  await engine.output("rm", "-f", "removed");
  await committing;
  expect(await engine.output("run", "--rm", "removed", "md5sum", "/large", "/zz")).toBe(sums);
});

test("a running container can be killed and removed while it stands still to be read", async () => {
  const script = "dd if=/dev/zero of=/large bs=1M count=200 2>/dev/null; echo ready; exec sleep 1000";
  await engine.output("run", "-d", "--name", "frozen", "base", "sh", "-c", script);
  await until("its file", async () => (await engine.output("logs", "frozen")) === "ready");
  const committing = engine.output("commit", "frozen", "frozen");
  const begun = (): boolean => readdirSync(`${engine.root}/unfinished`).length > 0;
  await until("the commit to read", begun);
  await engine.output("rm", "-f", "frozen");
  await committing;
  const size = ["stat", "-c", "%s", "/large"];
  expect(await engine.output("run", "--rm", "frozen", ...size)).toBe(String(200 << 20));
  expect(engine.log).not.toContain("thaw");
});

test("an export of a container that is removed meanwhile is no archive", async () => {
  const script = "dd if=/dev/zero of=/large bs=1M count=100 2>/dev/null";
  await engine.output("run", "--name", "vanishes", "base", "sh", "-c", script);
  const answer = await fetch("http://localhost/containers/vanishes/export", { unix: engine.socket });
  const reader = answer.body?.getReader();
  await reader?.read();
  await engine.output("rm", "-f", "vanishes");
  const rest = async (): Promise<string> => {
    while ((await reader?.read())?.done === false);
    return "a whole archive";
  };
  expect(await rest().catch((thrown: unknown) => `${thrown instanceof Error}`)).toBe("true");
});

test("a container with ids of its own gives the image those that it has", async () => {
  await engine.output(
    "run",
    "--name",
    "own-ids",
    "--userns",
    "private",
    "base",
    "sh",
    "-ec",
    "echo x > /f; chown 5:6 /f /opt",
  );
  await engine.output("commit", "own-ids", "own-ids");
  const stat = ["stat", "-c", "%u:%g", "/f", "/opt", "/etc"];
  expect(await engine.output("run", "--rm", "own-ids", ...stat)).toBe("5:6\n5:6\n0:0");
  expect(await engine.output("run", "--rm", "--userns", "private", "own-ids", ...stat)).toBe("5:6\n5:6\n0:0");
});

test("a file by a name that a layer takes for a removal is refused, and nothing is left of the attempt", async () => {
  await engine.output("run", "--name", "reserved", "base", "sh", "-c", "touch /etc/.wh.passwd");
  const result = await engine.cli("commit", "reserved", "reserved");
  expect([result.exitCode, result.stderr]).toEqual([
    1,
    "Error response from daemon: /etc/.wh.passwd cannot be in an image's layer: a name that begins with .wh. says there that a file is removed\n  (rename or remove the file)\n",
  ]);
  expect((await engine.cli("image", "inspect", "reserved")).exitCode).toBe(1);
});
