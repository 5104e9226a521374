import { expect, test } from "bun:test";
import { type FakeIo, fakeIo } from "../testing/fake-io.ts";
import {
  allCredentials,
  credentialsOf,
  eraseCredentials,
  serverOf,
  storeCredentials,
} from "./credentials.ts";

interface Kept extends FakeIo {
  text(): string;
  readonly calls: string[];
}

/** An io whose configuration file can be written; helpers answer by the verb they are called with. */
function ioWith(config: string | undefined, helper: Readonly<Record<string, string>> = {}): Kept {
  let content = config;
  const calls: string[] = [];
  const io = fakeIo({ env: { DOCKER_CONFIG: "/c" } });
  return {
    ...io,
    calls,
    readFile(path) {
      if (path !== "/c/config.json" || content === undefined) {
        throw Object.assign(new Error("no file"), { code: "ENOENT" });
      }
      return new TextEncoder().encode(content);
    },
    beginFile() {
      let written = "";
      return {
        write(bytes) {
          written += new TextDecoder().decode(bytes);
        },
        finish() {
          content = written;
        },
        [Symbol.dispose]() {},
      };
    },
    runProgram([program = "", verb = ""], input) {
      calls.push(`${program} ${verb} ${input}`);
      const answer = new Map(Object.entries(helper)).get(verb);
      return {
        exitCode: answer === undefined ? 1 : 0,
        stdout: answer ?? "credentials not found in native keychain",
      };
    },
    text: () => content ?? "",
  };
}

test.each([
  ["", "https://index.docker.io/v1/"],
  ["docker.io", "https://index.docker.io/v1/"],
  ["https://index.docker.io/v1/", "https://index.docker.io/v1/"],
  ["https://reg.example/v2/", "reg.example"],
  ["localhost:5000", "localhost:5000"],
])("the registry %j is kept under %s", (host, server) => {
  expect(serverOf(host)).toBe(server);
});

test("a login is kept as docker keeps it, and what else the file holds stays", () => {
  const io = ioWith(
    '{"auths": {"other:1": {"auth": "eDp5"}}, "detachKeys": "ctrl-x", "HttpHeaders": {"a": 12345678901234567890}}',
  );
  const stored = storeCredentials(io, { username: "me", password: "p:w", serveraddress: "reg:5000" });
  expect(stored).toEqual({ unencryptedIn: "/c/config.json" });
  expect(io.text()).toContain('"detachKeys": "ctrl-x"');
  expect(io.text()).toContain("12345678901234567890");
  expect(credentialsOf(io, "reg:5000")).toMatchObject({ username: "me", password: "p:w" });
  expect(credentialsOf(io, "other:1")).toMatchObject({ username: "x", password: "y" });
  expect(credentialsOf(io, "docker.io")).toBeUndefined();
  expect(eraseCredentials(io, "reg:5000")).toBe(true);
  expect(eraseCredentials(io, "reg:5000")).toBe(false);
  expect(credentialsOf(io, "reg:5000")).toBeUndefined();
});

test("an identity token takes the place of the password", () => {
  const io = ioWith(undefined);
  storeCredentials(io, { username: "me", password: "", identitytoken: "t", serveraddress: "reg" });
  expect(credentialsOf(io, "reg")).toMatchObject({ username: "me", password: "", identitytoken: "t" });
});

test("an entry of an older docker, with a scheme and a path, is found", () => {
  const io = ioWith('{"auths": {"https://reg.example/v1/": {"auth": "eDp5"}}}');
  expect(credentialsOf(io, "reg.example")).toMatchObject({ username: "x", password: "y" });
  expect(eraseCredentials(io, "reg.example")).toBe(true);
});

test("a helper keeps the secret, and gives it or says that it knows none", () => {
  const config = '{"credHelpers": {"reg:5000": "own"}, "credsStore": "all"}';
  const io = ioWith(config, {
    get: '{"ServerURL":"reg:5000","Username":"u","Secret":"s"}',
    store: "",
    erase: "",
  });
  expect(storeCredentials(io, { username: "u", password: "s", serveraddress: "reg:5000" })).toEqual({
    unencryptedIn: undefined,
  });
  expect(io.text()).not.toContain('auth"');
  expect(credentialsOf(io, "reg:5000")).toMatchObject({ username: "u", password: "s" });
  expect(eraseCredentials(io, "docker.io")).toBe(true);
  expect(io.calls).toEqual([
    'docker-credential-own store {"ServerURL":"reg:5000","Username":"u","Secret":"s"}',
    "docker-credential-own get reg:5000",
    "docker-credential-all get https://index.docker.io/v1/",
    "docker-credential-all erase https://index.docker.io/v1/",
  ]);
  const token = ioWith(config, { get: '{"Username":"<token>","Secret":"t"}' });
  expect(credentialsOf(token, "reg:5000")).toMatchObject({ identitytoken: "t" });
  expect(credentialsOf(ioWith(config), "reg:5000")).toBeUndefined();
});

test("a file that is no JSON is named", () => {
  expect(() => credentialsOf(ioWith("{"), "reg")).toThrow("/c/config.json: line 1, column 2: found its end");
});

test("a build knows all registries that anything is known of, by file and by program", () => {
  const auth = Buffer.from("cook:soup").toString("base64");
  const config = {
    auths: { "https://index.docker.io/v1/": { auth }, "kitchen:5000": { auth }, kept: {} },
    credHelpers: { kept: "safe", broken: "safe" },
  };
  const io = ioWith(JSON.stringify(config), { get: '{"Username":"cook","Secret":"bread"}' });
  const found = allCredentials(io);
  expect(Object.keys(found).sort()).toEqual([
    "broken",
    "https://index.docker.io/v1/",
    "kept",
    "kitchen:5000",
  ]);
  expect(found["kitchen:5000"]).toMatchObject({ username: "cook", password: "soup" });
  expect(found["kept"]).toMatchObject({ username: "cook", password: "bread" });
  expect(
    Object.keys(allCredentials(ioWith(JSON.stringify({ credHelpers: { broken: "safe" } }), { get: "{" }))),
  ).toEqual([]);
});
