import { expect, test } from "bun:test";
import { liftRequest, lowerResponse, streamMediaType } from "./mod.ts";

const lift = (minor: number, body: unknown, query = {}) =>
  liftRequest("containerCreate", minor, { query, body });

test("a request of the newest version is not touched", () => {
  const request = { query: { platform: ["linux"] }, body: { HostConfig: { ConsoleSize: [1, 2] } } };
  expect(liftRequest("containerCreate", 50, request)).toBe(request);
});

test("a create of 1.24 gets the defaults of its time", () => {
  expect(
    lift(
      24,
      {
        Image: "a",
        HostConfig: {
          PidsLimit: 0,
          ConsoleSize: [1, 2],
          Annotations: {},
          Mounts: [{ Type: "bind", BindOptions: { ReadOnlyNonRecursive: true, Propagation: "slave" } }],
        },
      },
      { name: ["x"], platform: ["linux"] },
    ),
  ).toEqual({
    query: { name: ["x"] },
    body: {
      Image: "a",
      HostConfig: {
        IpcMode: "shareable",
        CgroupnsMode: "host",
        Mounts: [{ Type: "bind", BindOptions: { Propagation: "slave" } }],
      },
    },
  });
});

test("a read-only bind of a client before 1.44 leaves what is mounted below writable", () => {
  const mounts = (mount: object): unknown => ({ HostConfig: { Mounts: [{ Type: "bind", ...mount }] } });
  const readOnly = mounts({ ReadOnly: true, BindOptions: { Propagation: "rprivate" } });
  const lifted = { Propagation: "rprivate", ReadOnlyNonRecursive: true };
  expect(lift(43, readOnly)).toMatchObject({ body: mounts({ ReadOnly: true, BindOptions: lifted }) });
  expect(lift(44, readOnly)).toMatchObject({ body: readOnly });
  expect(lift(43, mounts({}))).toMatchObject({ body: mounts({}) });
  expect(() => lift(43, mounts({ BindOptions: { ReadOnlyForceRecursive: true } }))).toThrow(
    "needs API v1.44",
  );
});

test("what a version knows is kept", () => {
  const hostConfig = { ConsoleSize: [1, 2], Annotations: { a: "b" }, PidsLimit: 0 };
  expect(lift(43, { HostConfig: hostConfig }).body).toEqual({ HostConfig: hostConfig });
  expect(lift(40, { HostConfig: { IpcMode: "host" } }).body).toEqual({
    HostConfig: { IpcMode: "host", CgroupnsMode: "host" },
  });
});

test("wait before 1.30 has no condition, stop before 1.42 no signal", () => {
  const query = { condition: ["removed"], signal: ["SIGINT"], t: ["1"] };
  expect(liftRequest("containerWait", 29, { query, body: undefined }).query).toEqual({
    signal: ["SIGINT"],
    t: ["1"],
  });
  expect(liftRequest("containerWait", 30, { query, body: undefined }).query).toEqual(query);
  expect(liftRequest("containerStop", 41, { query, body: undefined }).query).toEqual({
    condition: ["removed"],
    t: ["1"],
  });
});

test("images go back through every change", () => {
  const image = { Id: "a", Size: 5, Config: { Cmd: ["sh"] } };
  expect(lowerResponse("imageInspect", 50, image)).toBe(image);
  expect(lowerResponse("imageInspect", 49, image)).toMatchObject({
    Config: { Cmd: ["sh"], Hostname: "", Tty: false },
  });
  const old = lowerResponse("imageInspect", 43, image);
  expect(old).toMatchObject({ VirtualSize: 5, Container: "", ContainerConfig: { Cmd: null } });
  const untagged = [{ RepoTags: [], RepoDigests: [], Size: 7 }];
  expect(lowerResponse("imageList", 42, untagged)).toEqual([
    { RepoTags: ["<none>:<none>"], RepoDigests: ["<none>@<none>"], Size: 7, VirtualSize: 7 },
  ]);
  expect(lowerResponse("imageList", 43, untagged)).toEqual([{ ...untagged[0], VirtualSize: 7 }]);
});

test("aliases of networks that people made hold the short id before 1.45", () => {
  const container = {
    Id: "0123456789abcdef0123",
    NetworkSettings: { Networks: { bridge: { Aliases: null }, mine: { Aliases: ["web"] } } },
  };
  expect(lowerResponse("containerInspect", 44, container)).toEqual({
    ...container,
    NetworkSettings: { Networks: { bridge: { Aliases: null }, mine: { Aliases: ["web", "0123456789ab"] } } },
  });
});

test("info before 1.49 and 1.50", () => {
  const info = { RuncCommit: { ID: "r" }, RegistryConfig: null };
  expect(lowerResponse("info", 49, info)).toEqual({
    ...info,
    BridgeNfIptables: false,
    BridgeNfIp6tables: false,
  });
  expect(lowerResponse("info", 48, info)).toMatchObject({ RuncCommit: { ID: "r", Expected: "r" } });
});

test("framed streams have a name of their own since 1.42", () => {
  expect(streamMediaType(50, false)).toBe("application/vnd.docker.multiplexed-stream");
  expect(streamMediaType(50, true)).toBe("application/vnd.docker.raw-stream");
  expect(streamMediaType(41, false)).toBe("application/vnd.docker.raw-stream");
});

test("what has a wrong type is left as it is, for the decoder to refuse", () => {
  for (const body of ["text", [1], 7, { HostConfig: "text" }, { HostConfig: { Mounts: "text" } }]) {
    const lifted = lift(24, body).body;
    if (typeof body !== "object" || Array.isArray(body)) expect(lifted).toEqual(body);
    else expect(JSON.stringify(lifted)).toContain('"text"');
  }
  expect(liftRequest("execCreate", 40, { query: {}, body: [] }).body).toEqual([]);
});

test("a container's hardware address before 1.44 becomes its endpoint's, whatever it is", () => {
  for (const address of ["02:42:ac:11:00:07", 7]) {
    const body = { MacAddress: address, HostConfig: { NetworkMode: "bridge" } };
    expect(lift(43, body).body).toEqual({
      HostConfig: { NetworkMode: "bridge" },
      NetworkingConfig: { EndpointsConfig: { bridge: { MacAddress: address } } },
    });
    expect(lift(44, body).body).toEqual(body);
  }
  const host = { MacAddress: "02:42:ac:11:00:07", HostConfig: { NetworkMode: "host" } };
  expect(lift(43, host).body).toMatchObject(host);
});
