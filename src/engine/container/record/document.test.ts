import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { formatExactJson, parseExactJson } from "../../../lib/exact-json.ts";
import { builtInIds } from "../../network/mod.ts";
import { migratedDatabase } from "../../store/testing/migrated-database.ts";
import { plainSpecification } from "../specification/mod.ts";
import { type ContainerDocument, decodeDocument, encodeDocument } from "./document.ts";
import { ContainerRegistry } from "./registry.ts";
import { containerRepository } from "./repository.ts";
import { readRowFile, writeRowFile } from "./row-file.ts";
import type { ContainerState } from "./state.ts";
import { decodeState, encodeState } from "./stored-state.ts";

const document: ContainerDocument = {
  image: { id: "sha256:1", reference: "base", chain: ["a"] },
  firstHostId: 1_048_576,
  specification: {
    ...plainSpecification,
    resources: { ...plainSpecification.resources, memoryBytes: 2n ** 62n },
  },
  docker: { config: { Cmd: ["sh"], Env: [] }, host: { Memory: 2n ** 62n, PortBindings: { "80/tcp": null } } },
};

/** What an engine of the first version wrote. */
const first = {
  image: { id: "sha256:1", reference: "base", chain: ["a"] },
  config: {
    Cmd: ["sh", "-c", "true"],
    Env: ["A=b"],
    Hostname: "h",
    User: "",
    Labels: { x: "y" },
    ExposedPorts: { "80/tcp": {} },
  },
  host: {
    NetworkMode: "bridge",
    IpcMode: "private",
    CgroupnsMode: "private",
    ShmSize: 1024,
    AutoRemove: false,
    Memory: 67_108_864,
    RestartPolicy: { Name: "on-failure", MaximumRetryCount: 3 },
    MaskedPaths: [],
    ReadonlyPaths: ["/proc/sys"],
    PortBindings: { "80/tcp": [{ HostPort: "8080" }] },
  },
  network: { address: "172.30.0.9", mac: "" },
  mounts: [{ kind: "volume", volume: "kept", target: "/data", readOnly: false, copy: true }],
  firstHostId: null,
};

const ending = {
  exitCode: 3,
  oomKilled: true,
  startedAtMs: 1,
  finishedAtMs: 2,
  error: "",
  requested: false,
};
const place = { address: "172.30.0.2", prefixLength: 16, gateway: "172.30.0.1", mac: "02:42:00:00:00:01" };
const endpoint = { id: "e", network: builtInIds.bridge, link: "eth0", ...place, gatewayPriority: 0 };
const port = { containerPort: 80, protocol: "tcp", hostAddress: "0.0.0.0", hostPort: 8080 } as const;
const nothing = { endpoints: [], ports: [] };

const states: readonly ContainerState[] = [
  { status: "created" },
  { status: "created", failure: ending },
  { status: "starting", token: "t", ...nothing, before: ending },
  {
    status: "running",
    token: "t",
    endpoints: [endpoint, { ...endpoint, link: "eth1" }],
    ports: [port],
    pid: 7,
    startedAtMs: 5,
  },
  { status: "running", token: "t", ...nothing, pid: 7, startedAtMs: 5, stopping: true },
  { status: "paused", token: "t", ...nothing, pid: 7, startedAtMs: 5 },
  { status: "exited", ending },
  { status: "restarting", ending },
  { status: "removing", ending: null, volumes: true },
  { status: "dead", ending },
];

test("a document is read back with every digit", () => {
  expect(decodeDocument(parseExactJson(formatExactJson(encodeDocument(document))))).toEqual(document);
});

test.each(states)("the state %p is read back", (state) => {
  for (const restarts of [0, 3]) {
    const stored = formatExactJson(encodeState(state, restarts));
    expect(decodeState(parseExactJson(stored))).toEqual({ state, restarts });
  }
});

test("in the first version of a state there was one endpoint at most, with the ports in it", () => {
  const running = { status: "running", token: "t", pid: 7, startedAtMs: 5 };
  const read = (endpoint: unknown) => decodeState({ version: 1, ...running, endpoint }).state;
  expect(read({ ...place, ports: [port] })).toEqual({
    status: "running",
    token: "t",
    pid: 7,
    startedAtMs: 5,
    endpoints: [{ ...endpoint, id: "" }],
    ports: [port],
  });
  expect(read(null)).toMatchObject(nothing);
  expect(decodeState({ version: 1, status: "created" }).state).toEqual({ status: "created" });
  expect(() => read({ address: "172.30.0.2" })).toThrow("endpoint");
});

test("a document of the first version is given its specification", () => {
  const read = decodeDocument({ version: 1, ...first });
  expect(read).toMatchObject({
    image: first.image,
    docker: { host: first.host, config: first.config },
    specification: {
      process: { arguments: ["sh", "-c", "true"], environment: ["A=b"] },
      hostname: "h",
      labels: { x: "y" },
      network: {
        kind: "networks",
        endpoints: [{ network: "bridge", address: "172.30.0.9", mac: "" }],
        ports: [{ containerPort: 80, protocol: "tcp", hostPort: 8080 }],
      },
      mounts: first.mounts,
      sharedMemoryBytes: 1024,
      resources: { memoryBytes: 67_108_864 },
      security: { maskedPaths: [], readonlyPaths: ["/proc/sys"] },
      restart: { policy: "on-failure", limit: 3 },
    },
  });
});

test.each<[string, unknown, string]>([
  ["of no version", first, "invalid document.version: found nothing, wanted a whole number"],
  ["of a later version", { ...first, version: 9 }, "no version 9 of a container's document is known"],
  [
    "with a field of another type",
    { version: 1, ...first, firstHostId: "1" },
    'invalid document.firstHostId: found "1", wanted a whole number',
  ],
  [
    "without a field",
    { version: 2, image: first.image },
    "invalid document.specification: found nothing, wanted an object",
  ],
])("a document %s is not taken for one", (_what, value, words) => {
  expect(() => decodeDocument(value)).toThrow(words);
});

const id = "ab".repeat(32);

test("a row that cannot be understood is named and left as it is, and its name stays taken", () => {
  const database = migratedDatabase();
  const row = '{"version":9}';
  database.run("INSERT INTO container VALUES (?, 'odd', 1, ?, '{}')", [id, row]);
  const told: string[] = [];
  const repository = containerRepository(database);
  const registry = new ContainerRegistry(repository, { report: (thrown) => void told.push(String(thrown)) });
  expect(told).toEqual([
    `Error: the row of container odd (${id}) cannot be understood and is left as it is: ` +
      "no version 9 of a container's document is known",
  ]);
  expect(registry.size).toBe(0);
  expect(() => registry.reserve("odd", "x")).toThrow("already in use");
  expect(database.query("SELECT document FROM container").get()).toEqual({ document: row });
  // Its directory may still say who it is.
  const adopted = registry.adopt({
    id,
    name: "odd",
    createdMs: 1,
    document,
    state: { status: "created" },
    restarts: 0,
  });
  expect(adopted.name).toBe("odd");
  expect(new ContainerRegistry(repository).resolve("odd").document).toEqual(document);
});

test("a row beside the container's files is read in the version that wrote it, or not at all", () => {
  const directory = mkdtempSync("/tmp/tiffin-test-row-");
  try {
    const row = {
      id,
      name: "one",
      createdMs: 5,
      document,
      state: { status: "exited", ending },
      restarts: 3,
    } as const;
    writeRowFile(directory, row);
    expect(readRowFile(directory)).toEqual(row);
    const old = { version: 1, id, name: "one", createdMs: 5, document: first, state: { status: "created" } };
    writeFileSync(`${directory}/container.json`, JSON.stringify(old));
    expect(readRowFile(directory)?.document).toEqual(decodeDocument({ version: 1, ...first }));
    for (const damaged of [{ ...old, version: 3 }, { ...old, state: { status: "gone" } }, [], "{"]) {
      writeFileSync(`${directory}/container.json`, JSON.stringify(damaged));
      expect(readRowFile(directory)).toBeUndefined();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
