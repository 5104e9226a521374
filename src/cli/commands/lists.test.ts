/** Lists and pages against answers as an engine gives them. */
import { expect, test } from "bun:test";
import { scriptedConnect } from "../../client/testing/scripted-socket.ts";
import type { ContainerSummary } from "../../docker/types/container.ts";
import { runCli } from "../run-cli.ts";
import { fakeIo } from "../testing/fake-io.ts";
import { displayPorts } from "./ps.ts";

const container: ContainerSummary = {
  Id: "f8173c1d33b8546496bd1f614430d4dc1c96f948b3d82dde1a9324b4ee00480b",
  Names: ["/web", "/other/alias"],
  Image: "base",
  ImageID: `sha256:${"a".repeat(64)}`,
  Command: "sh -c 'echo a very long one'",
  Created: 1_000_000,
  Ports: [{ IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" }],
  Labels: { a: "b" },
  State: "running",
  Status: "Up 2 minutes",
  HostConfig: { NetworkMode: "default" },
  NetworkSettings: { Networks: { bridge: {} } },
  Mounts: [],
};

const image = {
  Id: `sha256:${"93b18a50fb48".padEnd(64, "0")}`,
  ParentId: "",
  RepoTags: ["busybox:local", "localhost:5000/bb:1"],
  RepoDigests: [],
  Created: 1_000_000,
  Size: 1_984_000,
  SharedSize: -1,
  Labels: null,
  Containers: -1,
};

async function run(args: string[], answer: unknown, status = 200) {
  const { connect, sent } = scriptedConnect([{ status, json: answer }]);
  const io = fakeIo({ connect, nowMs: 1_000_120_000 });
  const code = await runCli(args, io);
  return { code, out: io.outputText(), err: io.errorText(), sent };
}

test("ps", async () => {
  const { out, sent } = await run(["ps", "-a", "-f", "name=x"], [container]);
  expect(out).toBe(
    "CONTAINER ID   IMAGE     COMMAND                  CREATED         STATUS         PORTS                  NAMES\n" +
      `f8173c1d33b8   base      "sh -c 'echo a very …"   2 minutes ago   Up 2 minutes   0.0.0.0:8080->80/tcp   web\n`,
  );
  expect(sent()).toStartWith(
    `GET /containers/json?all=1&filters=${encodeURIComponent('{"name":["x"]}')} HTTP/1.1\r\n`,
  );
});

test("ps -q, --no-trunc and templates", async () => {
  expect((await run(["ps", "-q"], [container])).out).toBe("f8173c1d33b8\n");
  const both = await run(["ps", "-q", "--format", "{{.Names}}"], [container]);
  expect(both.out).toBe("f8173c1d33b8\n");
  expect(both.err).toBe("WARNING: Ignoring custom format, because both --format and --quiet are set.\n");
  expect((await run(["container", "ls", "-q", "--no-trunc"], [container])).out).toBe(`${container.Id}\n`);
  expect((await run(["ps", "--format", '{{.Names}} {{.Label "a"}}'], [container])).out).toBe("web b\n");
  // No label has these names, though every JavaScript object answers to them.
  for (const name of ["valueOf", "constructor", "__proto__"]) {
    expect((await run(["ps", "--format", `{{.Names}} {{.Label "${name}"}}.`], [container])).out).toBe(
      "web .\n",
    );
  }
  expect((await run(["ps", "-n", "3"], [])).sent()).toStartWith("GET /containers/json?limit=3 ");
  expect((await run(["ps", "-l", "--format", "{{.Size}}"], [container])).sent()).toStartWith(
    "GET /containers/json?limit=1&size=1 ",
  );
});

test("ps --format json has Docker's fields", async () => {
  const { out } = await run(["ps", "--format", "json"], [container]);
  expect(Object.keys(JSON.parse(out))).toEqual([
    "Command",
    "CreatedAt",
    "ID",
    "Image",
    "Labels",
    "LocalVolumes",
    "Mounts",
    "Names",
    "Networks",
    "Platform",
    "Ports",
    "RunningFor",
    "Size",
    "State",
    "Status",
  ]);
});

test("ports: equal ranges are joined, mapped ones follow one by one", () => {
  const port = (IP: string, PrivatePort: number, PublicPort: number, Type = "tcp") => ({
    IP,
    PrivatePort,
    PublicPort,
    Type,
  });
  expect(
    displayPorts([
      port("0.0.0.0", 80, 8080),
      port("::", 80, 8080),
      ...[3000, 3001, 3002].flatMap((one) => [port("0.0.0.0", one, one), port("::", one, one)]),
      { PrivatePort: 9, Type: "udp" },
      { PrivatePort: 10, Type: "udp" },
      port("0.0.0.0", 4000, 4000),
    ]),
  ).toBe(
    "0.0.0.0:3000-3002->3000-3002/tcp, 9-10/udp, 0.0.0.0:4000->4000/tcp, [::]:3000-3002->3000-3002/tcp, 0.0.0.0:8080->80/tcp, [::]:8080->80/tcp",
  );
});

test("images", async () => {
  const { out } = await run(["images"], [image]);
  expect(out).toBe(
    "REPOSITORY          TAG       IMAGE ID       CREATED         SIZE\n" +
      "busybox             local     93b18a50fb48   2 minutes ago   1.98MB\n" +
      "localhost:5000/bb   1         93b18a50fb48   2 minutes ago   1.98MB\n",
  );
  const { sent } = await run(["image", "ls", "busybox"], []);
  expect(sent()).toStartWith(`GET /images/json?filters=${encodeURIComponent('{"reference":["busybox"]}')} `);
});

test("inspect prints what the engine wrote, finds images too, and fails for what is neither", async () => {
  const { out } = await run(["inspect", "web"], { Id: "x", Unknown: { a: [1] } });
  expect(JSON.parse(out)).toEqual([{ Id: "x", Unknown: { a: [1] } }]);
  expect(out).toStartWith('[\n    {\n        "Id": "x"');
  const { connect } = scriptedConnect([
    { status: 404, json: { message: "No such container: i" } },
    { status: 200, json: { Id: "image" } },
  ]);
  const io = fakeIo({ connect });
  expect(await runCli(["inspect", "-f", "{{.Id}}", "i"], io)).toBe(0);
  expect(io.outputText()).toBe("image\n");
  const missing = scriptedConnect([
    { status: 404, json: { message: "a" } },
    { status: 404, json: { message: "b" } },
    { status: 404, json: { message: "c" } },
    { status: 404, json: { message: "d" } },
  ]);
  const second = fakeIo({ connect: missing.connect });
  expect(await runCli(["inspect", "nope"], second)).toBe(1);
  expect(second.outputText()).toBe("[]\n");
  expect(second.errorText()).toBe("Error: No such object: nope\n");
});

test("what the engine refuses is printed in its words", async () => {
  const { code, err } = await run(["kill", "nope"], { message: "No such container: nope" }, 404);
  expect([code, err]).toEqual([1, "Error response from daemon: No such container: nope\n"]);
  const forced = await run(["rm", "-f", "nope"], { message: "No such container: nope" }, 404);
  expect(forced.code).toBe(0);
  const run404 = await run(
    ["run", "--pull", "never", "nope"],
    { message: "No such image: nope:latest", code: "image.not-found" },
    404,
  );
  expect([run404.code, run404.err]).toEqual([
    125,
    "tiffin: Error response from daemon: No such image: nope:latest\n\nRun 'tiffin run --help' for more information\n",
  ]);
  const withCode = await run(
    ["run", "x", "y"],
    { message: 'exec: "y": not found', exitCode: 127, remedy: "look" },
    400,
  );
  expect([withCode.code, withCode.err]).toEqual([
    127,
    "tiffin: Error response from daemon: exec: \"y\": not found\n  (look)\n\nRun 'tiffin run --help' for more information\n",
  ]);
});

test("explain prints the engine's text and knows its formats", async () => {
  const { out, sent } = await run(["explain", "--format", "shell", "web"], { Id: "x", Text: "#!/bin/sh" });
  expect(out).toBe("#!/bin/sh\n");
  expect(sent()).toStartWith("GET /tiffin/containers/web/explain?format=shell&lang=en ");
  const { code, err } = await run(["explain", "--format", "poem", "web"], {});
  expect(code).toBe(125);
  expect(err).toStartWith(
    'invalid argument "poem" for "-f, --format" flag: must be one of text, json, sh, markdown, plain\n',
  );
});

test("an engine that is not there", async () => {
  const io = fakeIo();
  expect(await runCli(["-H", "unix:///nowhere.sock", "ps"], io)).toBe(1);
  expect(io.errorText()).toBe(
    "Cannot connect to the Tiffin engine at unix:///nowhere.sock. Is the engine running?\n  (start it with: tiffin daemon)\n",
  );
  expect(await runCli(["run", "x"], fakeIo())).toBe(125);
});
