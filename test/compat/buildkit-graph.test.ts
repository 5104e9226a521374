/** Graphs that other frontends make, and clients that keep to no protocol: over the real connections of an engine. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { GrpcConnection } from "../../src/buildkit/grpc/client.ts";
import type { Method } from "../../src/buildkit/grpc/server.ts";
import { fileStat, packet, packetTypes } from "../../src/buildkit/messages/file-sync.ts";
import {
  type Definition,
  definition,
  execMount,
  fileAction,
  gatewaySolveRequest,
  gatewaySolveResponse,
  nothing,
  operation,
  readDirectoryRequest,
  readDirectoryResponse,
  readFileRequest,
  readFileResponse,
  resolveImageRequest,
  resolveImageResponse,
  returnRequest,
  solveRequest,
  solveResponse,
  statFileRequest,
  statFileResponse,
  statusRequest,
  statusResponse,
} from "../../src/buildkit/mod.ts";
import { controlConnection, openSession } from "../support/buildkit-client.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";

let engine: TestEngine;
let control: GrpcConnection;
let socket: string;
let refs = 0;

beforeAll(async () => {
  engine = await startEngine();
  socket = engine.host.slice("unix://".length);
  control = await controlConnection(socket);
}, 60_000);
afterAll(async () => {
  control.destroy();
  await engine[Symbol.asyncDispose]();
});

type Message = Parameters<typeof operation.encode>[0];
interface Node {
  readonly digest: string;
  readonly all: readonly Uint8Array[];
}

function node(message: Message, inputs: readonly Node[] = [], indices: readonly number[] = []): Node {
  const bytes = operation.encode({
    ...message,
    inputs: inputs.map(({ digest }, at) => ({ digest, index: indices[at] ?? 0 })),
  });
  const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  const known = new Map(
    inputs.flatMap(({ all }) => all).map((one) => [Buffer.from(one).toString("hex"), one]),
  );
  return { digest, all: [...known.values(), bytes] };
}

const graphOf = (root: Node): Definition =>
  definition.of({
    operations: [...root.all, operation.encode({ inputs: [{ digest: root.digest, index: 0 }] })],
  });
const source = (identifier: string): Node => node({ source: { identifier, attributes: new Map() } });

function run(script: string, input: Node): Node {
  const meta = {
    args: ["/bin/sh", "-c", script],
    env: ["PATH=/bin:/usr/bin", "COURSE=soup"],
    cwd: "/",
    user: "",
    proxy: undefined,
    extraHosts: [],
    hostname: "",
    ulimits: [],
    cgroupParent: "",
    validExitCodes: [],
  };
  const mounts = [execMount.of({ destination: "/", output: 0 })];
  const exec = { meta, mounts, network: 2, security: 0, secretEnvironment: [], devices: [] };
  return node({ exec }, [input]);
}

async function solve(root: Definition, name: string, session = ""): Promise<ReadonlyMap<string, string>> {
  refs += 1;
  const exporters = [{ type: "image", attributes: new Map([["name", name]]) }];
  const value = { ref: `graph-${refs}`, definition: root, exporters, session };
  const request = { as: solveRequest, value };
  return (await control.unary("/moby.buildkit.v1.Control/Solve", request, solveResponse)).exporterResponse;
}

async function output(image: string, ...words: readonly string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await engine.cli("run", "--rm", "--network", "none", image, ...words);
  if (exitCode !== 0) throw new Error(stderr);
  return stdout;
}

const base = (): Node => source("docker-image://base");

test("a program of a graph runs, and its image has the configuration that was said", async () => {
  refs += 1;
  const config = JSON.stringify({
    architecture: "amd64",
    os: "linux",
    config: { Env: ["LUNCH=soup"], Cmd: ["env"] },
  });
  const attributes = new Map([
    ["name", "graph:run"],
    ["containerimage.config", config],
  ]);
  const value = {
    ref: `graph-${refs}`,
    definition: graphOf(run("echo $COURSE > /course", base())),
    exporters: [{ type: "image", attributes }],
  };
  await control.unary("/moby.buildkit.v1.Control/Solve", { as: solveRequest, value }, solveResponse);
  expect(await output("graph:run", "cat", "/course")).toBe("soup\n");
  expect(await output("graph:run")).toContain("LUNCH=soup");
});

test("files are made, copied, linked and removed, one after the other", async () => {
  const action = (more: Parameters<typeof fileAction.of>[0]) =>
    fileAction.of({ output: -1, secondary: -1, ...more });
  const actions = [
    action({
      input: 0,
      makeDirectory: { path: "/menu", mode: 0o750, parents: true, owner: undefined, timestamp: -1n },
    }),
    action({
      input: 1,
      makeFile: {
        path: "/menu/one",
        mode: 0o640,
        data: Buffer.from("soup\n"),
        owner: undefined,
        timestamp: -1n,
      },
    }),
    action({ input: 2, symlink: { target: "one", path: "/menu/link", owner: undefined, timestamp: -1n } }),
    action({ input: 3, output: 0, remove: { path: "/etc/passwd", allowNotFound: true, wildcard: false } }),
  ];
  await solve(graphOf(node({ file: { actions } }, [base()])), "graph:files");
  expect(await output("graph:files", "sh", "-c", "cat /menu/link; stat -c %a /menu /menu/one")).toBe(
    "soup\n750\n640\n",
  );
});

test("layers are merged, and what one has over another is taken alone", async () => {
  const left = run("echo left > /left", base());
  const right = run("echo right > /right", base());
  const difference = node({ diff: { lower: { input: 0 }, upper: { input: 1 } } }, [base(), right]);
  const merged = node({ merge: { inputs: [{ input: 0 }, { input: 1 }] } }, [left, difference]);
  await solve(graphOf(merged), "graph:merged");
  expect(await output("graph:merged", "sh", "-c", "cat /left /right")).toBe("left\nright\n");
});

const directory: Method = async function* (messages, { metadata }) {
  if (metadata.get("dir-name") !== "kitchen") throw new Error("no such directory");
  yield packet.encode({ type: packetTypes.stat, stat: fileStat.of({ path: "pot", mode: 0o644, size: 5 }) });
  yield packet.encode({ type: packetTypes.stat });
  for await (const bytes of messages) {
    const { type, id } = packet.decode(bytes);
    if (type === packetTypes.end) yield packet.encode({ type: packetTypes.end });
    if (type === packetTypes.end) return;
    yield packet.encode({ type: packetTypes.data, id, data: Buffer.from("boils") });
    yield packet.encode({ type: packetTypes.data, id });
  }
};
const fileSync = "/moby.filesync.v1.FileSync/DiffCopy";

test("a directory of the client's is a source", async () => {
  using _session = await openSession(socket, "kitchen-session", { [fileSync]: directory });
  const copy = {
    source: "/pot",
    destination: "/pot",
    owner: undefined,
    mode: -1,
    followSymlink: false,
    contentsOnly: false,
    unpack: false,
    createPath: true,
    wildcard: false,
    emptyWildcard: false,
    timestamp: -1n,
    include: [],
    exclude: [],
    replace: false,
    modeText: "",
    required: [],
  };
  const actions = [fileAction.of({ input: 0, secondary: 1, output: 0, copy })];
  const root = node({ file: { actions } }, [base(), source("local://kitchen")]);
  await solve(graphOf(root), "graph:local", "kitchen-session");
  expect(await output("graph:local", "cat", "/pot")).toBe("boils");
});

test("a program that fails is told, and its progress to who asks late", async () => {
  const failed = await solve(graphOf(run("echo it burns; exit 3", base())), "graph:failed").then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(String(failed)).toContain("exit code: 3");
  const call = control.open("/moby.buildkit.v1.Control/Status", statusRequest, statusResponse);
  await call.send({ ref: `graph-${refs}` });
  call.end();
  let text = "";
  for await (const batch of call.batches) {
    for (const { logs } of batch) for (const { bytes } of logs) text += Buffer.from(bytes).toString();
  }
  expect(text).toContain("it burns");
});

const bad: Readonly<Record<string, () => Definition>> = {
  "bytes that are no message": () =>
    definition.of({ operations: [Buffer.from([0xff, 0xff, 0xff]), Buffer.from([0x0a])] }),
  "an input that is not there": () =>
    definition.of({
      operations: [operation.encode({ inputs: [{ digest: `sha256:${"0".repeat(64)}`, index: 0 }] })],
    }),
  "no result": () => definition.of({ operations: [...base().all, operation.encode({})] }),
  "a program without a root": () =>
    graphOf(
      node({
        exec: { meta: undefined, mounts: [], network: 0, security: 0, secretEnvironment: [], devices: [] },
      }),
    ),
  "a mount of an input beyond the last": () => {
    const mounts = [execMount.of({ destination: "/", input: 7 })];
    return graphOf(
      node({
        exec: { meta: undefined, mounts, network: 0, security: 0, secretEnvironment: [], devices: [] },
      }),
    );
  },
  "a change that works on what comes later": () =>
    graphOf(node({ file: { actions: [fileAction.of({ input: 5, output: 0 })] } }, [base()])),
  "a source of an unknown kind": () => graphOf(source("kitchen://sink")),
};
for (const [what, make] of Object.entries(bad)) {
  test(`${what}: refused, and the engine goes on`, async () => {
    const failed = await solve(make(), "graph:bad").then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(String(failed)).toMatch(/invalid|not there|no result/);
    expect((await engine.cli("image", "inspect", "graph:bad")).exitCode).not.toBe(0);
  });
}

test("a client that goes in the middle of its files ends its build, and its session's name is free again", async () => {
  const stuck = Promise.withResolvers<void>();
  const session = await openSession(socket, "gone", {
    [fileSync]: async function* (messages) {
      yield packet.encode({
        type: packetTypes.stat,
        stat: fileStat.of({ path: "pot", mode: 0o644, size: 5 }),
      });
      stuck.resolve();
      for await (const _ of messages);
    },
  });
  const failed = solve(graphOf(source("local://kitchen")), "graph:gone", "gone").then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  await stuck.promise;
  session[Symbol.dispose]();
  expect(await failed).toBeDefined();
  using _again = await openSession(socket, "gone", {});
});

test("a session by a name that is taken is refused", async () => {
  using _first = await openSession(socket, "taken", {});
  const second = await openSession(socket, "taken", {}).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(String(second)).toContain("there is a session taken already");
});

test("a client's own frontend looks into what it has had built, and never out of its tree", async () => {
  refs += 1;
  const ref = `graph-${refs}`;
  const solving = control
    .unary("/moby.buildkit.v1.Control/Solve", { as: solveRequest, value: { ref } }, solveResponse)
    .then(
      () => "it ended well",
      (thrown: unknown) => String(thrown),
    );
  const bridge = "/moby.buildkit.v1.frontend.LLBBridge/";
  const metadata = { "buildkit-controlapi-buildid": ref };
  const script =
    "mkdir /t; echo soup of the day > /t/menu; ln -s menu /t/link; ln -s ../../../../proc/version /t/out; chmod 4750 /t/menu; mkfifo /t/pipe";
  const { result } = await control.unary(
    `${bridge}Solve`,
    { as: gatewaySolveRequest, value: { definition: graphOf(run(script, base())) } },
    gatewaySolveResponse,
    { metadata },
  );
  const id = result?.ref?.id ?? "";
  const read = async (path: string, range?: { offset: number; length: number }): Promise<string> => {
    const value = { ref: id, path, ...(range !== undefined && { range }) };
    const request = { as: readFileRequest, value };
    const { data } = await control.unary(`${bridge}ReadFile`, request, readFileResponse, { metadata });
    return Buffer.from(data).toString();
  };
  expect(await read("/t/link")).toBe("soup of the day\n");
  expect(await read("t/menu", { offset: 5, length: 6 })).toBe("of the");
  expect(await read("t/menu", { offset: 500, length: 6 })).toBe("");
  const refused = async (path: string): Promise<string> =>
    await read(path).then(
      (text) => `read ${text}`,
      (thrown: unknown) => String(thrown),
    );
  expect(await refused("/t/nothing")).toContain("/t/nothing: no such file or directory");
  expect(await refused("/t/pipe")).toContain("no regular file but a fifo");
  expect(await refused("/t")).toContain("no regular file but a directory");
  // The image has no such file, the host has.
  expect(await refused("/t/out")).toContain("no such file or directory");
  const listed = await control.unary(
    `${bridge}ReadDir`,
    { as: readDirectoryRequest, value: { ref: id, path: "t", include: "*n*" } },
    readDirectoryResponse,
    { metadata },
  );
  expect(listed.entries.map(({ path, linkName }) => [path, linkName])).toEqual([
    ["link", "menu"],
    ["menu", ""],
  ]);
  const { stat } = await control.unary(
    `${bridge}StatFile`,
    { as: statFileRequest, value: { ref: id, path: "/t/menu" } },
    statFileResponse,
    { metadata },
  );
  expect([stat?.path, stat?.size, (stat?.mode ?? 0) & 0o777, stat?.uid]).toEqual(["menu", 16, 0o750, 0]);
  const image = await control.unary(
    `${bridge}ResolveImageConfig`,
    { as: resolveImageRequest, value: { ref: "base" } },
    resolveImageResponse,
    { metadata },
  );
  expect(image.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(JSON.parse(Buffer.from(image.config).toString())).toMatchObject({ os: "linux" });
  await control.unary(
    `${bridge}Return`,
    { as: returnRequest, value: { error: { code: 1, message: "that is all", details: [] } } },
    nothing,
    { metadata },
  );
  expect(await solving).toContain("that is all");
});
