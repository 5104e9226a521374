/**
 * Through a real proxy: in a network namespace of its own a registry has an address that is no loopback's, so that it is reached
 * through tinyproxy wherever that is said, by CONNECT where the registry has TLS.
 */
import { expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../../test/support/free-port.ts";
import { inOwnNetns } from "../../../test/support/in-own-netns.ts";
import { sha256, tarWith } from "../../../test/support/oci-layout.ts";
import { hasDockerRegistry, startRegistry } from "../../../test/support/real-registry.ts";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { makeCertificates } from "../../../test/support/test-certificates.ts";
import { until } from "../../../test/support/until.ts";
import { parseReference } from "../../docker/reference.ts";
import type { RegistryOptions } from "./contract.ts";
import { openRegistryClient } from "./registry-client.ts";
import { MemorySink } from "./testing/memory-sink.ts";

const address = "10.9.8.7";
const tinyproxy = Bun.which("tinyproxy");
const signal = new AbortController().signal;

interface Proxy extends AsyncDisposable {
  /** With the name and password that it wants. */
  readonly url: string;
  readonly port: number;
  log(): string;
}

async function startProxy(directory: string): Promise<Proxy> {
  const port = freePort();
  const log = join(directory, "proxy.log");
  const file = join(directory, "proxy.conf");
  const lines = [
    `Port ${port}`,
    "Listen 127.0.0.1",
    `LogFile "${log}"`,
    "LogLevel Connect",
    "BasicAuth cook lunch",
  ];
  writeFileSync(file, `${lines.join("\n")}\n`);
  const words = ["setpriv", "--pdeathsig", "KILL", tinyproxy ?? "", "-d", "-c", file];
  const child = Bun.spawn(words, { stdin: "ignore", stdout: "ignore", stderr: "ignore" });
  const text = (): string => (existsSync(log) ? readFileSync(log, "utf8") : "");
  await until("tinyproxy to listen", async () => {
    if (child.exitCode !== null) throw new Error(`tinyproxy ended: ${text()}`);
    return await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } }).then(
      (socket) => {
        socket.end();
        return true;
      },
      () => false,
    );
  });
  return {
    url: `http://cook:lunch@127.0.0.1:${port}`,
    port,
    log: text,
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
    },
  };
}

const tar = tarWith("file", Buffer.from("through\n".repeat(50_000)));
const diffId = sha256(tar);
const configBytes = Buffer.from(
  JSON.stringify({ architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [diffId] } }),
);

/** Pushes an image and pulls it again; returns how many bytes of layers have come. */
async function thereAndBack(options: Omit<RegistryOptions, "userAgent">, host: string): Promise<number> {
  const client = openRegistryClient({
    userAgent: "tiffin/test",
    ...options,
    // A proxy may close a connection at the moment in which it is used again.
    limits: { backoffMs: 5, tries: 6 },
  });
  const reference = parseReference(`${host}/through/box:1`);
  await client.pushImage({
    reference,
    configBytes,
    layers: [
      {
        diffId,
        sources: [],
        async *openTar() {
          yield await Promise.resolve(tar);
        },
      },
    ],
  });
  const sink = new MemorySink();
  await client.pullImage({ reference }, sink);
  return sink.layers.get(diffId)?.length ?? 0;
}

async function refusal(work: Promise<unknown>): Promise<string> {
  return await work.then(
    () => "nothing",
    (thrown: unknown) => String(thrown),
  );
}

const possible = tinyproxy !== null && hasDockerRegistry;

if (!possible) test.skip("through a proxy (skipped without tinyproxy or docker-registry)", () => {});
else {
  inOwnNetns(import.meta.path, () => {
    test("a registry with TLS is reached by CONNECT, one without by its address, as the variables say", async () => {
      for (const words of [
        ["link", "set", "lo", "up"],
        ["addr", "add", `${address}/32`, "dev", "lo"],
      ]) {
        expect(Bun.spawnSync(["ip", ...words]).exitCode).toBe(0);
      }
      using directory = temporaryDirectory("proxy");
      const { path } = directory;
      const { authority, certificate, key } = makeCertificates(path, address);
      await using secure = await startRegistry({ address, tls: { certificate, key } });
      await using plain = await startRegistry({ address });
      mkdirSync(join(path, "certs", secure.host), { recursive: true });
      copyFileSync(authority, join(path, "certs", secure.host, "ca.crt"));
      await using proxy = await startProxy(path);
      const found = { certificateDirectories: [join(path, "certs")], insecureRegistries: [plain.host] };
      const all = { HTTP_PROXY: proxy.url, https_proxy: proxy.url };
      const seen = (host: string): number => proxy.log().split(host).length - 1;

      expect(await thereAndBack({ ...found, environment: all }, secure.host)).toBe(tar.length);
      expect(proxy.log()).toContain(`CONNECT ${secure.host}`);
      expect(await thereAndBack({ ...found, environment: all }, plain.host)).toBe(tar.length);
      expect(proxy.log()).toMatch(new RegExp(`(?:GET|HEAD|PUT) http://${plain.host}/v2/through/box/`));

      // Whom NO_PROXY spares, the proxy never sees.
      const before = proxy.log();
      const spared = { ...all, NO_PROXY: "10.9.8.0/24" };
      expect(await thereAndBack({ ...found, environment: spared }, secure.host)).toBe(tar.length);
      expect(await thereAndBack({ ...found, environment: { ...all, no_proxy: address } }, plain.host)).toBe(
        tar.length,
      );
      expect(proxy.log()).toBe(before);

      // Every URL goes the same way.
      const client = openRegistryClient({ userAgent: "tiffin/test", ...found, environment: all });
      const times = seen(`${plain.host}/v2/`);
      const opened = await client.openUrl(new URL(`http://${plain.host}/v2/`), "import", signal);
      expect(await Array.fromAsync(opened.pieces, String)).toEqual(["123,125"]);
      expect(seen(`${plain.host}/v2/`)).toBeGreaterThan(times);

      // A proxy that does not let us in, and one that is not there.
      const wrong = { HTTPS_PROXY: `http://cook:dinner@127.0.0.1:${proxy.port}` };
      expect(await refusal(thereAndBack({ ...found, environment: wrong }, secure.host))).toMatch(/proxy/i);
      const gone = { HTTPS_PROXY: `http://127.0.0.1:${freePort()}` };
      expect(await refusal(thereAndBack({ ...found, environment: gone }, secure.host))).toContain("refused");
    }, 60_000);
  });
}
