/** The client against Debian's docker-registry, with images that the real tools have pushed. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync } from "node:zlib";
import { makeImage, sha256, tarWith, writeLayout } from "../../../test/support/oci-layout.ts";
import {
  hasDockerRegistry,
  type RealRegistry,
  type RegistrySetup,
  startRegistry,
} from "../../../test/support/real-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { makeCertificates, type TestCertificates } from "../../../test/support/test-certificates.ts";
import { startTokenServer } from "../../../test/support/token-server.ts";
import { parseReference } from "../../docker/reference.ts";
import { parsePlatform, platformOfMachine } from "../../oci/mod.ts";
import type { Credential, PushedLayer, RegistryOptions } from "./contract.ts";
import { openRegistryClient } from "./registry-client.ts";
import { MemorySink } from "./testing/memory-sink.ts";

const base: RegistryOptions = { userAgent: "tiffin/test" };
const user = ["cook", "lunch time"] as const;
const credential: Credential = { username: user[0], password: user[1] };
const lower = tarWith("lower", Buffer.from("lower".repeat(100_000)));
const upper = tarWith("upper", Buffer.from("upper"));
const image = makeImage([lower, upper]);

let directory: TemporaryDirectory;
let certificates: TestCertificates;

beforeAll(() => {
  directory = temporaryDirectory("registry-client");
  certificates = makeCertificates(directory.path);
  writeLayout(join(directory.path, "layout"), [image], "one");
});

afterAll(() => directory[Symbol.dispose]());

async function run(...argv: string[]): Promise<void> {
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
  const [stderr, stdout] = await Promise.all([child.stderr.text(), child.stdout.text()]);
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")}: ${stderr}${stdout}`);
}

const skopeo = (registry: RealRegistry, name: string, ...more: string[]): Promise<void> =>
  run(
    ...["skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false", ...more],
    `oci:${join(directory.path, "layout")}:one`,
    `docker://${registry.host}/${name}`,
  );

function pushed(): PushedLayer[] {
  return image.layers.map((tar) => ({
    diffId: sha256(tar),
    sources: [],
    async *openTar() {
      yield await Promise.resolve(tar);
    },
  }));
}

async function refusal(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
}

describe.skipIf(!hasDockerRegistry)("docker-registry", () => {
  test("an image of skopeo comes out as it went in, and nothing is fetched twice", async () => {
    await using registry = await startRegistry();
    await skopeo(registry, "a/b:one");
    const client = openRegistryClient(base);
    const sink = new MemorySink();
    const reference = parseReference(`${registry.host}/a/b:one`);
    const states: string[] = [];
    const pulled = await client.pullImage({ reference }, sink, (progress) => {
      if (progress.kind === "layer") states.push(progress.state);
    });
    expect(pulled.id).toBe(sha256(image.configBytes));
    expect(pulled.digest).toBe(sha256(image.manifestBytes));
    expect(pulled.manifestBytes).toEqual(new Uint8Array(image.manifestBytes));
    expect(pulled.repository).toBe(`${registry.host}/a/b`);
    expect(image.layers.map((tar) => sink.layers.get(sha256(tar)))).toEqual([...image.layers]);
    expect(sink.images).toEqual([pulled]);
    expect(states.filter((state) => state === "complete")).toHaveLength(2);
    expect(await client.resolve(reference)).toEqual({
      digest: pulled.digest,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      size: image.manifestBytes.length,
    });
    const again: string[] = [];
    await client.pullImage(
      { reference: parseReference(`${registry.host}/a/b@${pulled.digest}`) },
      sink,
      (progress) => {
        if (progress.kind === "layer") again.push(progress.state);
      },
    );
    expect(again).toEqual(["exists", "exists"]);
    expect(sink.begun).toHaveLength(2);
  });

  test("zstd and plain layers, and Docker's own formats", async () => {
    await using registry = await startRegistry();
    const client = openRegistryClient(base);
    const plain = makeImage([lower], {
      compress: (tar) => tar,
      mediaType: "application/vnd.oci.image.layer.v1.tar",
    });
    const zstd = makeImage([upper], {
      compress: (tar) => zstdCompressSync(tar),
      mediaType: "application/vnd.oci.image.layer.v1.tar+zstd",
    });
    for (const [name, made] of Object.entries({ plain, zstd })) {
      const layout = join(directory.path, name);
      writeLayout(layout, [made], "x");
      await run(
        ...["skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"],
        `oci:${layout}:x`,
        `docker://${registry.host}/${name}`,
      );
      const sink = new MemorySink();
      await client.pullImage({ reference: parseReference(`${registry.host}/${name}`) }, sink);
      expect([...sink.layers.values()]).toEqual([...made.layers]);
    }
    await skopeo(registry, "docker", "--format", "v2s2");
    const sink = new MemorySink();
    const pulled = await client.pullImage({ reference: parseReference(`${registry.host}/docker`) }, sink);
    expect(pulled.manifestMediaType).toBe("application/vnd.docker.distribution.manifest.v2+json");
    expect(sink.layers.size).toBe(2);
  });

  test("an index gives the platform that was asked for", async () => {
    await using registry = await startRegistry();
    const client = openRegistryClient(base);
    const arm = makeImage([upper], { architecture: "arm64" });
    const amd = makeImage([lower], { architecture: "amd64" });
    const reference = parseReference(`${registry.host}/multi`);
    const entries = [];
    for (const [made, architecture] of [
      [amd, "amd64"],
      [arm, "arm64"],
    ] as const) {
      const layout = join(directory.path, `multi-${architecture}`);
      writeLayout(layout, [made], "x");
      await run(
        ...["skopeo", "copy", "--quiet", "--insecure-policy", "--dest-tls-verify=false"],
        `oci:${layout}:x`,
        `docker://${registry.host}/multi:${architecture}`,
      );
      entries.push({
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        digest: sha256(made.manifestBytes),
        size: made.manifestBytes.length,
        platform: { os: "linux", architecture },
      });
    }
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: [{ ...entries[0], platform: { os: "unknown", architecture: "unknown" } }, ...entries],
      }),
    );
    const digest = await client.putManifest(reference, index, "application/vnd.oci.image.index.v1+json");
    expect(digest).toBe(sha256(index));
    const platform = parsePlatform("linux/arm64/v8", platformOfMachine("x86_64"));
    const pulled = await client.pullImage({ reference, platform }, new MemorySink());
    expect([pulled.id, pulled.digest, pulled.manifestDigest]).toEqual([
      sha256(arm.configBytes),
      digest,
      sha256(arm.manifestBytes),
    ]);
    expect(pulled.index?.bytes).toEqual(new Uint8Array(index));
    const other = { reference, platform: parsePlatform("linux/s390x", platformOfMachine("x86_64")) };
    expect(await refusal(client.pullImage(other, new MemorySink()))).toMatchObject({
      kind: "notFound",
      code: "oci.no-platform",
    });
    const single = { reference: { ...reference, tag: "amd64" }, platform };
    expect(await refusal(client.pullImage(single, new MemorySink()))).toMatchObject({
      kind: "notFound",
      code: "registry.other-platform",
    });
  });

  test("what is not there is named in Docker's words", async () => {
    await using registry = await startRegistry();
    const client = openRegistryClient(base);
    const thrown = await refusal(
      client.pullImage({ reference: parseReference(`${registry.host}/nosuch:1`) }, new MemorySink()),
    );
    expect(thrown).toMatchObject({
      kind: "notFound",
      code: "registry.manifest-unknown",
      message: `manifest for ${registry.host}/nosuch:1 not found: manifest unknown: manifest unknown`,
    });
  });

  test("a pushed image is pulled by skopeo, and pushed again it is found there", async () => {
    await using registry = await startRegistry();
    const client = openRegistryClient(base);
    const reference = parseReference(`${registry.host}/mine:1`);
    const first = await client.pushImage({ reference, configBytes: image.configBytes, layers: pushed() });
    expect(first.recompressed).toBe(false);
    await run(
      ...["skopeo", "copy", "--quiet", "--insecure-policy", "--src-tls-verify=false"],
      `docker://${registry.host}/mine:1`,
      `oci:${join(directory.path, "back")}:1`,
    );
    const sink = new MemorySink();
    const pulled = await client.pullImage({ reference }, sink);
    expect(pulled.id).toBe(sha256(image.configBytes));
    expect(pulled.digest).toBe(first.digest);
    expect(image.layers.map((tar) => sink.layers.get(sha256(tar)))).toEqual([...image.layers]);
    const states = new Set<string>();
    const descriptors = new Map(first.layers.map((each) => [each.diffId, each.descriptor]));
    const layers = pushed().map((layer) => ({ ...layer, ...describe_(descriptors.get(layer.diffId)) }));
    await client.pushImage({ reference, configBytes: image.configBytes, layers }, ({ state }) =>
      states.add(state),
    );
    expect([...states]).toEqual(["preparing", "exists"]);
  });

  test("a pulled image keeps its digest in another repository and in another registry", async () => {
    await using registry = await startRegistry();
    await using other = await startRegistry();
    await skopeo(registry, "from:one");
    const client = openRegistryClient(base);
    const pulled = await client.pullImage(
      { reference: parseReference(`${registry.host}/from:one`) },
      new MemorySink(),
    );
    const layers = pushed().map((layer, index) => ({
      ...layer,
      ...describe_(pulled.layers[index]?.descriptor),
      sources: [pulled.repository],
      openTar: () => {
        throw new Error("the layer is not read");
      },
    }));
    const request = { configBytes: pulled.configBytes, manifestBytes: pulled.manifestBytes, layers };
    for (const [target, state] of [
      [registry, "mounted"],
      [other, "complete"],
    ] as const) {
      const states = new Map<string, string>();
      const reference = parseReference(`${target.host}/to:one`);
      const result = await client.pushImage({ ...request, reference }, (progress) =>
        states.set(progress.diffId, progress.state),
      );
      expect([...states.values()]).toEqual([state, state]);
      expect([result.digest, result.recompressed]).toEqual([pulled.digest, false]);
      const sink = new MemorySink();
      expect((await client.pullImage({ reference }, sink)).digest).toBe(pulled.digest);
      expect(image.layers.map((tar) => sink.layers.get(sha256(tar)))).toEqual([...image.layers]);
    }
  });

  test("a pulled image whose blobs cannot be had again gets another digest, and says so", async () => {
    await using registry = await startRegistry();
    const client = openRegistryClient(base);
    const reference = parseReference(`${registry.host}/to:one`);
    const manifest: unknown = JSON.parse(Buffer.from(image.manifestBytes).toString());
    const [one, two] = (manifest as { layers: PushedLayer["descriptor"][] }).layers;
    const layers = pushed().map((layer, index) => ({
      ...layer,
      ...describe_(index === 0 ? one : two),
      sources: ["localhost:1/gone"],
    }));
    const result = await client.pushImage({
      reference,
      configBytes: image.configBytes,
      manifestBytes: image.manifestBytes,
      layers,
    });
    expect(result.recompressed).toBe(true);
    expect(result.digest).not.toBe(sha256(image.manifestBytes));
    expect((await client.pullImage({ reference }, new MemorySink())).id).toBe(sha256(image.configBytes));
  });
});

/** exactOptionalPropertyTypes: a descriptor that is there, or no property. */
function describe_(descriptor: PushedLayer["descriptor"]): {
  descriptor?: NonNullable<PushedLayer["descriptor"]>;
} {
  return descriptor === undefined ? {} : { descriptor };
}

describe.skipIf(!hasDockerRegistry)("who may do what", () => {
  async function roundTrip(
    setup: RegistrySetup,
    options: RegistryOptions,
    given?: Credential,
  ): Promise<unknown> {
    await using registry = await startRegistry(setup);
    const client = openRegistryClient({
      ...options,
      certificateDirectories: (options.certificateDirectories ?? []).map((path) => {
        const host = join(path, registry.host);
        mkdirSync(host, { recursive: true });
        copyFileSync(certificates.authority, join(host, "ca.crt"));
        if (setup.tls?.clientAuthority !== undefined && path.endsWith("client")) {
          copyFileSync(certificates.clientCertificate, join(host, "client.cert"));
          copyFileSync(certificates.clientKey, join(host, "client.key"));
        }
        return path;
      }),
    });
    const reference = parseReference(`${registry.host}/some/image:1`);
    const credentials = () => given;
    await client.pushImage({ reference, configBytes: image.configBytes, layers: pushed(), credentials });
    const sink = new MemorySink();
    await client.pullImage({ reference, credentials }, sink);
    return [...sink.layers.keys()].sort();
  }
  const whole = image.layers.map(sha256).sort();
  const tls = (): NonNullable<RegistrySetup["tls"]> => ({
    certificate: certificates.certificate,
    key: certificates.key,
  });

  test("TLS with an authority of its own, and with a client certificate", async () => {
    const ca = { ...base, certificateDirectories: [join(directory.path, "certs")] };
    expect(await roundTrip({ tls: tls() }, ca)).toEqual(whole);
    const mutual = { tls: { ...tls(), clientAuthority: certificates.authority } };
    const client = { ...base, certificateDirectories: [join(directory.path, "client")] };
    expect(await roundTrip(mutual, client)).toEqual(whole);
    expect(await refusal(roundTrip(mutual, ca))).toMatchObject({ kind: "unavailable" });
  });

  test("loopback is not verified unless an authority is named for it, and then that one counts", async () => {
    expect(await roundTrip({ tls: tls() }, base)).toEqual(whole);
    using wrong = temporaryDirectory("wrong-authority");
    const other = makeCertificates(wrong.path);
    await using registry = await startRegistry({ tls: tls() });
    mkdirSync(join(wrong.path, "certs", registry.host), { recursive: true });
    copyFileSync(other.authority, join(wrong.path, "certs", registry.host, "ca.crt"));
    const client = openRegistryClient({ ...base, certificateDirectories: [join(wrong.path, "certs")] });
    const thrown = await refusal(
      client.pullImage({ reference: parseReference(`${registry.host}/a`) }, new MemorySink()),
    );
    expect(thrown).toMatchObject({ kind: "unavailable", code: "registry.unreachable" });
    expect(String(thrown)).toContain("not trusted");
    // One question may say that it does not matter.
    const reference = parseReference(`${registry.host}/a`);
    expect(await refusal(client.manifest(reference))).toMatchObject({ code: "registry.unreachable" });
    expect(await refusal(client.manifest(reference, { insecure: true }))).toMatchObject({
      code: "registry.manifest-unknown",
    });
  });

  test("name and password", async () => {
    expect(await roundTrip({ basic: user }, base, credential)).toEqual(whole);
    expect(await refusal(roundTrip({ basic: user }, base))).toMatchObject({
      kind: "forbidden",
      code: "registry.push-denied",
    });
    await using registry = await startRegistry({ basic: user });
    const client = openRegistryClient(base);
    const reference = parseReference(`${registry.host}/a`);
    const wrong = { ...credential, password: "dinner" };
    const thrown = await refusal(client.pullImage({ reference, credentials: () => wrong }, new MemorySink()));
    expect(thrown).toMatchObject({ kind: "notFound", code: "registry.pull-denied" });
    expect(await client.login(registry.host, credential)).toEqual({});
    expect(await refusal(client.login(registry.host, wrong))).toMatchObject({ kind: "unauthorized" });
  });

  test("tokens: for anybody, for a user, by identity, and again when they have run out", async () => {
    using tokens = startTokenServer(certificates, user);
    const setup = { token: { ...tokens, bundle: certificates.certificate } };
    expect(await roundTrip(setup, base, credential)).toEqual(whole);
    expect(tokens.asked[0]).toBe("cook: repository:some/image:pull,push");
    expect(await roundTrip(setup, base, { identityToken: tokens.identityToken })).toEqual(whole);
    expect(await refusal(roundTrip(setup, base))).toMatchObject({
      kind: "forbidden",
      code: "registry.push-denied",
    });

    await using registry = await startRegistry(setup);
    const client = openRegistryClient(base);
    const reference = parseReference(`${registry.host}/public/image:1`);
    await client.pushImage({
      reference,
      configBytes: image.configBytes,
      layers: pushed(),
      credentials: () => credential,
    });
    tokens.asked.length = 0;
    await client.pullImage({ reference }, new MemorySink());
    expect(tokens.asked).toEqual(["nobody: repository:public/image:pull"]);
    const hidden = await refusal(
      client.pullImage({ reference: parseReference(`${registry.host}/private/image:1`) }, new MemorySink()),
    );
    expect(hidden).toMatchObject({ kind: "notFound", code: "registry.pull-denied" });
    expect(await client.login(registry.host, credential)).toEqual({ identityToken: tokens.identityToken });
    expect(await refusal(client.login(registry.host, { username: "cook", password: "x" }))).toMatchObject({
      kind: "unauthorized",
      code: "registry.unauthorized",
    });
  });
});

describe.skipIf(!hasDockerRegistry)("mirrors", () => {
  test("registries.conf and hosts.toml name a mirror, which is asked first; the registry helps out", async () => {
    await using registry = await startRegistry();
    await using mirror = await startRegistry();
    await skopeo(registry, "a/b:one");
    await skopeo(mirror, "copies/a/b:one");
    using places = temporaryDirectory("mirrors");
    const conf = join(places.path, "registries.conf");
    const withMirror = (first: string, real: string): string => `
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "example.test"
location = "${real}"
[[registry.mirror]]
location = "${first}"
`;
    const pull = async (options: Partial<RegistryOptions>): Promise<string> => {
      const reference = parseReference("example.test/a/b:one");
      const pulled = await openRegistryClient({ ...base, ...options }).pullImage(
        { reference },
        new MemorySink(),
      );
      return pulled.digest;
    };
    writeFileSync(conf, withMirror(`${mirror.host}/copies`, "localhost:1"));
    expect(await pull({ registriesConf: [conf] })).toBe(sha256(image.manifestBytes));
    writeFileSync(conf, withMirror("localhost:1", registry.host));
    expect(await pull({ registriesConf: [conf] })).toBe(sha256(image.manifestBytes));
    writeFileSync(conf, withMirror(`${mirror.host}/nowhere`, registry.host));
    expect(await pull({ registriesConf: [conf] })).toBe(sha256(image.manifestBytes));
    writeFileSync(conf, '[[registry]]\nprefix = "example.test/a"\nblocked = true\n');
    expect(await refusal(pull({ registriesConf: [conf] }))).toMatchObject({
      kind: "forbidden",
      code: "registry.blocked",
    });

    const hosts = join(places.path, "certs.d", "example.test");
    mkdirSync(hosts, { recursive: true });
    writeFileSync(
      join(hosts, "hosts.toml"),
      `server = "http://${registry.host}"\n[host."http://${mirror.host}"]\ncapabilities = ["pull", "resolve"]\n`,
    );
    expect(await pull({ certificateDirectories: [join(places.path, "certs.d")] })).toBe(
      sha256(image.manifestBytes),
    );
    expect(mirror.log()).toContain("ns=example.test");
  });
});
