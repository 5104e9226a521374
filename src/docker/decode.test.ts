import { expect, test } from "bun:test";
import { TiffinError } from "../lib/errors.ts";
import { type Decoder, decodeJson } from "./decode.ts";
import { containerCreateBody, containerInspect } from "./types/container.ts";
import { execStartBody } from "./types/exec.ts";
import { runBody } from "./types/run.ts";

function messageFor(json: string): string {
  try {
    decodeJson(json, containerCreateBody);
  } catch (thrown) {
    if (thrown instanceof TiffinError && thrown.kind === "invalid" && thrown.code === "api.body-invalid") {
      return thrown.message;
    }
    throw thrown;
  }
  return "accepted";
}

test("what docker run sends is accepted; null is absent and unknown fields are dropped", () => {
  const body = decodeJson(
    JSON.stringify({
      Hostname: "",
      Cmd: ["echo", "x"],
      Entrypoint: null,
      Image: "base",
      Volumes: {},
      OnBuild: null,
      Labels: {},
      NewInDocker99: { a: 1 },
      HostConfig: {
        Binds: null,
        NetworkMode: "bridge",
        PortBindings: { "80/tcp": [{ HostIp: "", HostPort: "8080" }], "81/tcp": null },
        RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
        ConsoleSize: [24, 80],
        MemorySwappiness: -1,
        OomKillDisable: null,
        PidsLimit: 0,
        Ulimits: [{ Name: "nofile", Soft: 1024, Hard: 2048 }],
      },
      NetworkingConfig: {
        EndpointsConfig: { default: { IPAMConfig: {}, Links: null, MacAddress: "" }, other: null },
      },
    }),
    containerCreateBody,
  );
  expect(body.Cmd).toEqual(["echo", "x"]);
  expect("Entrypoint" in body).toBe(false);
  expect("NewInDocker99" in body).toBe(false);
  expect(body.HostConfig?.ConsoleSize).toEqual([24, 80]);
  expect(body.HostConfig?.PortBindings).toEqual({
    "80/tcp": [{ HostIp: "", HostPort: "8080" }],
    "81/tcp": null,
  });
  expect(body.NetworkingConfig?.EndpointsConfig?.["other"]).toBeNull();
});

test("Cmd and Entrypoint may be a single text, and an empty entry point stays", () => {
  expect(decodeJson('{"Cmd":"ls","Entrypoint":[""]}', containerCreateBody)).toEqual({
    Cmd: ["ls"],
    Entrypoint: [""],
  });
});

test.each([
  ["{", "invalid request body: not JSON"],
  ["", "invalid request body: not JSON"],
  ["[]", "invalid request body: found a list, wanted an object"],
  ["null", "invalid request body: found null, wanted an object"],
  ['{"Tty":1}', "invalid Tty: found 1, wanted true or false"],
  ['{"Env":"A=b"}', 'invalid Env: found "A=b", wanted a list'],
  ['{"Env":["A=b",2]}', "invalid Env[1]: found 2, wanted text"],
  ['{"HostConfig":{"Memory":1.5}}', "invalid HostConfig.Memory: found 1.5, wanted a whole number"],
  [
    '{"HostConfig":{"Memory":1e30}}',
    "invalid HostConfig.Memory: found 1e+30, wanted a whole number of 64 bits",
  ],
  ['{"HostConfig":{"Memory":"64m"}}', 'invalid HostConfig.Memory: found "64m", wanted a whole number'],
  [
    '{"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":8080}]}}}',
    'invalid HostConfig.PortBindings["80/tcp"][0].HostPort: found 8080, wanted text',
  ],
  [
    '{"HostConfig":{"ConsoleSize":[1]}}',
    "invalid HostConfig.ConsoleSize: found a list, wanted a list of height and width",
  ],
  [
    '{"HostConfig":{"Ulimits":[{"Name":"nofile"}]}}',
    "invalid HostConfig.Ulimits[0].Soft: found nothing, wanted a whole number",
  ],
  ['{"Labels":["a"]}', "invalid Labels: found a list, wanted an object"],
  [`{"User":{"a":"${"x".repeat(100)}"}}`, "invalid User: found an object, wanted text"],
])("%s", (json, message) => {
  expect(messageFor(json)).toBe(message);
});

test("bytes keep all 64 bits; a number that would lose digits is refused, never rounded", () => {
  const memory = (json: string): unknown =>
    decodeJson(`{"HostConfig":{"Memory":${json}}}`, containerCreateBody).HostConfig?.Memory;
  expect(memory("9223372036854775807")).toBe(9_223_372_036_854_775_807n);
  expect(memory("9007199254740991")).toBe(9_007_199_254_740_991);
  expect(() => memory("9223372036854775808")).toThrow("wanted a whole number of 64 bits");
  expect(messageFor('{"HostConfig":{"CpuQuota":9007199254740993}}')).toBe(
    "invalid HostConfig.CpuQuota: found 9007199254740993, wanted a whole number of at most 2^53",
  );
});

test("a long value is shortened in the error", () => {
  const message = messageFor(`{"Tty":"${"x".repeat(10_000)}"}`);
  expect(message.length).toBeLessThan(120);
});

test("names of JavaScript's own are plain data", () => {
  const body = decodeJson(
    '{"__proto__":{"Tty":true},"constructor":1,"Labels":{"__proto__":"a"}}',
    containerCreateBody,
  );
  expect(body.Tty).toBeUndefined();
  expect(Object.getPrototypeOf(body)).toBe(Object.prototype);
  expect(Object.entries(body.Labels ?? {})).toEqual([["__proto__", "a"]]);
});

test("lists and maps have limits", () => {
  const many = JSON.stringify({ Env: Array.from({ length: 70_000 }, () => "A=b") });
  expect(messageFor(many)).toBe("invalid Env: found 70000, wanted a list of at most 65536 elements");
});

test("deep nesting is an error, not a crash", () => {
  const depth = 200_000;
  const message = messageFor(`{"HostConfig":${"[".repeat(depth)}${"]".repeat(depth)}}`);
  expect(["invalid request body: not JSON", "invalid HostConfig: found a list, wanted an object"]).toContain(
    message,
  );
});

test("random JSON values are accepted or refused in words", () => {
  let state = 7;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % below;
  };
  const names = [
    "Cmd",
    "Env",
    "HostConfig",
    "Memory",
    "Mounts",
    "Ulimits",
    "PortBindings",
    "create",
    "Tty",
    "State",
    "Id",
  ];
  const value = (depth: number): unknown => {
    switch (random(depth > 4 ? 5 : 8)) {
      case 0:
        return null;
      case 1:
        return random(2) === 0;
      case 2:
        return random(1000) - 500.5 + random(2) / 2;
      case 3:
        return "x".repeat(random(5));
      case 4:
        return random(70_000);
      case 5:
        return Array.from({ length: random(4) }, () => value(depth + 1));
      default:
        return Object.fromEntries(
          Array.from({ length: random(6) }, () => [names[random(names.length)], value(depth + 1)]),
        );
    }
  };
  const decoders: readonly Decoder<unknown>[] = [
    containerCreateBody,
    runBody,
    execStartBody,
    containerInspect,
  ];
  for (let round = 0; round < 10_000; round += 1) {
    const json = JSON.stringify(value(0));
    for (const decoder of decoders) {
      try {
        decodeJson(json, decoder);
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(TiffinError);
      }
    }
  }
});
