/**
 * The real docker-registry behind TLS, a client certificate, a token server and mirrors, set up in the host's own files where
 * docker, containerd and podman look for them; docker's clients go through the engine.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { runPeer, tryPeer } from "../support/run-peer.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { makeCertificates } from "../support/test-certificates.ts";
import { startTokenServer, type TokenServer } from "../support/token-server.ts";
import { writeFiles } from "../support/write-files.ts";

const possible = hasDockerRegistry && dockerClients.length > 0;
const user = ["cook", "lunchtime"] as const;

let engine: TestEngine;
let files: TemporaryDirectory;
let tokens: TokenServer;
/** TLS with a name and password, its authority where docker looks; TLS with client certificates, where podman does; and so on. */
let secured: RealRegistry;
let mutual: RealRegistry;
let byToken: RealRegistry;
let mirror: RealRegistry;

function put(path: string, text: string): void {
  writeFiles(files.path, { [`etc/${path}`]: text });
}

beforeAll(async () => {
  if (!possible) return;
  files = temporaryDirectory("compat-registries");
  const certificates = makeCertificates(files.path);
  const tls = { certificate: certificates.certificate, key: certificates.key };
  tokens = startTokenServer(certificates, user);
  [secured, mutual, byToken, mirror] = await Promise.all([
    startRegistry({ tls, basic: user }),
    startRegistry({ tls: { ...tls, clientAuthority: certificates.authority } }),
    startRegistry({ token: { ...tokens, bundle: certificates.certificate } }),
    startRegistry(),
  ]);
  const authority = readFileSync(certificates.authority, "utf8");
  put(`docker/certs.d/${secured.host}/ca.crt`, authority);
  put(`containers/certs.d/${mutual.host}/ca.crt`, authority);
  for (const name of ["client.cert", "client.key"]) put(`containers/certs.d/${mutual.host}/${name}`, "");
  copyFileSync(
    certificates.clientCertificate,
    `${files.path}/etc/containers/certs.d/${mutual.host}/client.cert`,
  );
  copyFileSync(certificates.clientKey, `${files.path}/etc/containers/certs.d/${mutual.host}/client.key`);
  // The same registry by its address: nobody has put an authority there, and another one elsewhere.
  const other = makeCertificates(`${temporaryIn("other")}`);
  put(`docker/certs.d/127.0.0.1:${secured.port}/ca.crt`, readFileSync(other.authority, "utf8"));
  const conf = (prefix: string, mirrors: readonly string[]): string =>
    `[[registry]]\nprefix = "${prefix}"\nlocation = "${mirror.host}/real"\n` +
    mirrors.map((each) => `[[registry.mirror]]\nlocation = "${each}"\ninsecure = true\n`).join("");
  put("containers/registries.conf", conf("conf.test", ["localhost:1/dead", `${mirror.host}/copies`]));
  put("containers/registries.conf.d/50-more.conf", conf("fallback.test", [`${mirror.host}/nowhere`]));
  put(
    "containers/registries.conf.d/60-blocked.conf",
    '[[registry]]\nprefix = "blocked.test"\nblocked = true\n',
  );
  put(
    "containerd/certs.d/toml.test/hosts.toml",
    `server = "http://${mirror.host}"\n\n[host."http://localhost:1"]\n  capabilities = ["pull", "resolve"]\n\n` +
      `[host."http://${mirror.host}/v2/copies"]\n  capabilities = ["pull", "resolve"]\n  override_path = true\n`,
  );
  // Only the engine sees them.
  engine = await startEngine({ mounts: `mount -t overlay -o lowerdir=${files.path}/etc:/etc none /etc` });
  for (const repository of ["copies/box", "real/box"]) {
    await engine.output("tag", "base", `${mirror.host}/${repository}:1`);
    await engine.output("push", "-q", `${mirror.host}/${repository}:1`);
    await engine.output("rmi", `${mirror.host}/${repository}:1`);
  }
}, 60_000);
afterAll(async () => {
  if (!possible) return;
  await engine[Symbol.asyncDispose]();
  for (const registry of [secured, mutual, byToken, mirror]) await registry[Symbol.asyncDispose]();
  tokens[Symbol.dispose]();
  files[Symbol.dispose]();
});

function temporaryIn(name: string): string {
  mkdirSync(`${files.path}/${name}`);
  return `${files.path}/${name}`;
}

describe.skipIf(!possible).each(dockerClients.map(({ version, path }) => [version, path] as const))(
  "docker %s (skipped where there is no docker-registry)",
  (version, docker) => {
    const env = (): Record<string, string> => ({
      DOCKER_HOST: engine.host,
      DOCKER_CONFIG: `${files.path}/config-${version}`,
    });
    const client = (...words: string[]): Promise<string> => runPeer([docker, ...words], { env: env() });
    const refused = async (...words: string[]): Promise<string> => {
      const { code, stderr } = await tryPeer([docker, ...words], { env: env() });
      expect(code).toBe(1);
      return stderr;
    };

    /** There, gone here, back, and it runs. */
    async function roundTrip(name: string): Promise<void> {
      await client("tag", "base", name);
      const digest = /digest: (sha256:[0-9a-f]{64})/.exec(await client("push", name))?.[1] ?? "none";
      await client("rmi", name);
      expect(await client("pull", name)).toContain(`Digest: ${digest}\nStatus: `);
      expect(await client("run", "--rm", name, "echo", "there")).toBe("there");
      await client("rmi", name);
    }

    test("TLS with an authority of certs.d, and a name and password: login, push, pull, logout", async () => {
      const name = `${secured.host}/tls/box:${version}`;
      await client("tag", "base", name);
      expect(await refused("push", name)).toMatch(/denied|unauthorized|no basic auth/);
      await client("rmi", name);
      expect(await refused("login", "-u", user[0], "-p", "wrong", secured.host)).toContain("unauthorized");
      expect(await client("login", "-u", user[0], "-p", user[1], secured.host)).toContain("Login Succeeded");
      await roundTrip(name);
      expect(await client("logout", secured.host)).toContain(
        `Removing login credentials for ${secured.host}`,
      );
      expect(await refused("pull", name)).toMatch(/denied|unauthorized|no basic auth/);
    });

    test("an authority that has not signed the registry's certificate is a refusal that says so", async () => {
      expect(await refused("pull", `127.0.0.1:${secured.port}/tls/box:1`)).toMatch(
        /certificate.*not trusted|not trusted/,
      );
    });

    test("a registry that wants to see a client's certificate gets the one of its directory", async () => {
      await roundTrip(`${mutual.host}/mutual/box:${version}`);
    });

    test("a token server: nobody pulls what is public, a user pushes, and after logout pushes no more", async () => {
      const name = `${byToken.host}/public/box-${version}:1`;
      await client("tag", "base", name);
      expect(await refused("push", name)).toMatch(/denied|unauthorized/);
      expect(await refused("login", "-u", user[0], "-p", "wrong", byToken.host)).toMatch(
        /unauthorized|incorrect/,
      );
      expect(await client("login", "-u", user[0], "-p", user[1], byToken.host)).toContain("Login Succeeded");
      expect(readFileSync(`${files.path}/config-${version}/config.json`, "utf8")).toContain(byToken.host);
      await roundTrip(name);
      await roundTrip(`${byToken.host}/private/box-${version}:1`);
      await client("logout", byToken.host);
      expect(await client("run", "--rm", name, "echo", "public")).toBe("public");
      expect(await refused("push", name)).toMatch(/denied|unauthorized/);
      await client("rmi", name);
      expect(await refused("pull", `${byToken.host}/private/box-${version}:1`)).toMatch(
        /denied|unauthorized/,
      );
    });

    test.each([
      ["registries.conf: the second of its mirrors, after a dead one", "conf.test/box:1", "copies"],
      ["registries.conf.d: the registry, when its mirror has no such image", "fallback.test/box:1", "real"],
      ["hosts.toml: the second of its hosts, after a dead one", "toml.test/box:1", "copies"],
    ])("%s", async (_, name, repository) => {
      const asked = (): number => mirror.log().split(`/v2/${repository}/box/manifests/1`).length;
      const before = asked();
      expect(await client("pull", name)).toContain(`Downloaded newer image for ${name}`);
      expect(asked()).toBeGreaterThan(before);
      expect(await client("run", "--rm", name, "echo", "mirrored")).toBe("mirrored");
      await client("rmi", name);
    });

    test("a blocked registry is asked by nobody", async () => {
      expect(await refused("pull", "blocked.test/box:1")).toContain("blocked");
    });
  },
);
