import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TemporaryDirectory, temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { decodeRegistryAuth, decodeRegistryConfig } from "./credentials.ts";
import { dockerConfigCredentials, eraseCredential, storeCredential } from "./docker-config.ts";

const header = (value: unknown, alphabet: "base64" | "base64url" = "base64url"): string =>
  Buffer.from(JSON.stringify(value)).toString(alphabet);

describe("a header", () => {
  test("gives name and password, a token, or nobody", () => {
    const given = { username: "cook", password: "lünch?>", serveraddress: "x" };
    expect(decodeRegistryAuth(header(given))).toEqual({ username: "cook", password: "lünch?>" });
    expect(decodeRegistryAuth(header(given, "base64"))).toEqual({ username: "cook", password: "lünch?>" });
    expect(decodeRegistryAuth(header({ auth: Buffer.from("a:b:c").toString("base64") }))).toEqual({
      username: "a",
      password: "b:c",
    });
    expect(decodeRegistryAuth(header({ identitytoken: "t" }))).toEqual({ identityToken: "t" });
    expect(decodeRegistryAuth(header({ registrytoken: "t" }))).toEqual({ registryToken: "t" });
    for (const nobody of ["", "e30=", header({ username: "", password: "" })]) {
      expect(decodeRegistryAuth(nobody)).toBeUndefined();
    }
  });

  test("that is none is refused without showing what is in it", () => {
    for (const bad of ["%%%", "bm90IGpzb24", header({ username: 5 }), header(["secret"])]) {
      expect(() => decodeRegistryAuth(bad)).toThrow("X-Registry-Auth");
      expect(() => decodeRegistryAuth(bad)).not.toThrow("secret");
    }
  });

  test("for several registries is asked by host", async () => {
    const source = decodeRegistryConfig(
      header({
        "https://index.docker.io/v1/": { username: "a", password: "b" },
        "localhost:5": { identitytoken: "t" },
      }),
    );
    expect(await source("docker.io")).toEqual({ username: "a", password: "b" });
    expect(await source("localhost:5")).toEqual({ identityToken: "t" });
    expect(await source("constructor")).toBeUndefined();
  });
});

describe("Docker's config.json", () => {
  let directory: TemporaryDirectory;
  let path: string;
  const environment = (): Record<string, string> => ({ PATH: `${directory.path}/bin:/usr/bin:/bin` });
  beforeEach(() => {
    directory = temporaryDirectory("docker-config");
    path = join(directory.path, "new", "config.json");
  });
  afterEach(() => directory[Symbol.dispose]());

  test("keeps what it is told, and all that it had before", async () => {
    mkdirSync(join(directory.path, "new"));
    writeFileSync(path, JSON.stringify({ psFormat: "x", auths: { "other.example": { auth: "YTpi" } } }));
    const config = { path, environment: environment() };
    expect(await storeCredential(config, "docker.io", { username: "cook", password: "lunch" })).toEqual({
      inTheClear: true,
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const source = dockerConfigCredentials(config);
    expect(await source("docker.io")).toEqual({ username: "cook", password: "lunch" });
    expect(await source("other.example")).toEqual({ username: "a", password: "b" });
    expect(JSON.parse(readFileSync(path, "utf8"))).toEqual({
      psFormat: "x",
      auths: {
        "other.example": { auth: "YTpi" },
        "https://index.docker.io/v1/": { auth: Buffer.from("cook:lunch").toString("base64") },
      },
    });
    expect(await eraseCredential(config, "docker.io")).toBe(true);
    expect(await eraseCredential(config, "docker.io")).toBe(false);
    expect(await source("docker.io")).toBeUndefined();
    expect(await source("other.example")).toEqual({ username: "a", password: "b" });
  });

  test("without a file there is nobody, and the first login makes it", async () => {
    const config = { path, environment: environment() };
    expect(await dockerConfigCredentials(config)("docker.io")).toBeUndefined();
    await storeCredential(config, "a.example", { username: "cook", identityToken: "t" });
    expect(await dockerConfigCredentials(config)("a.example")).toEqual({
      username: "cook",
      password: "",
      identityToken: "t",
    });
  });

  test("that cannot be read is named", async () => {
    mkdirSync(join(directory.path, "new"));
    writeFileSync(path, "{");
    const thrown = await Promise.resolve(dockerConfigCredentials({ path, environment: {} })("a")).catch(
      (error: unknown) => error,
    );
    expect(thrown).toMatchObject({ kind: "invalid", code: "registry.bad-configuration" });
    expect(String(thrown)).toContain(path);
  });

  function helper(name: string, script: string): void {
    mkdirSync(join(directory.path, "bin"), { recursive: true });
    const program = join(directory.path, "bin", `docker-credential-${name}`);
    writeFileSync(program, `#!/bin/sh\n${script}\n`);
    chmodSync(program, 0o755);
  }

  test("a helper is asked, told and made to forget", async () => {
    const kept = join(directory.path, "kept");
    helper(
      "box",
      `case $1 in
store) cat > ${kept} ;;
erase) test "$(cat)" = https://index.docker.io/v1/ && rm ${kept} ;;
get) test -e ${kept} && cat ${kept} && exit 0; echo credentials not found in native keychain; exit 1 ;;
esac`,
    );
    mkdirSync(join(directory.path, "new"));
    writeFileSync(path, JSON.stringify({ credsStore: "nosuch", credHelpers: { "docker.io": "box" } }));
    const config = { path, environment: environment() };
    const source = dockerConfigCredentials(config);
    expect(await source("docker.io")).toBeUndefined();
    expect(await storeCredential(config, "docker.io", { username: "cook", password: "lunch" })).toEqual({
      inTheClear: false,
    });
    expect(readFileSync(path, "utf8")).not.toContain('auth"');
    expect(await source("docker.io")).toEqual({ username: "cook", password: "lunch" });
    await storeCredential(config, "docker.io", { username: "cook", identityToken: "t" });
    expect(await source("docker.io")).toEqual({ identityToken: "t" });
    expect(await eraseCredential(config, "docker.io")).toBe(true);
    expect(await source("docker.io")).toBeUndefined();
    const missing = await Promise.resolve(source("other.example")).catch((error: unknown) => error);
    expect(missing).toMatchObject({ kind: "invalid", code: "registry.no-helper" });
  });

  test("a helper that fails, or does not speak the protocol, is named with its words", async () => {
    helper("broken", "echo the keychain is locked; exit 2");
    helper("odd", "echo hello");
    mkdirSync(join(directory.path, "new"));
    writeFileSync(
      path,
      JSON.stringify({ credHelpers: { "a.example": "broken", "b.example": "odd", "c.example": "../x" } }),
    );
    const source = dockerConfigCredentials({ path, environment: environment() });
    const said = async (host: string): Promise<string> =>
      String(await Promise.resolve(source(host)).catch((error: unknown) => error));
    expect(await said("a.example")).toContain("docker-credential-broken get: the keychain is locked");
    expect(await said("b.example")).toContain("its answer is not JSON");
    expect(await said("c.example")).toContain("is not in $PATH");
  });
});
