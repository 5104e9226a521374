/** Where results of builds go: registries, layouts and archives, several at once and for several platforms; and the same bytes from two engines. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { writeFiles } from "../support/write-files.ts";

let engine: TestEngine;
let registry: RealRegistry;
let files: TemporaryDirectory;
beforeAll(async () => {
  if (!hasDockerRegistry) return;
  files = temporaryDirectory("build-outputs");
  [engine, registry] = await Promise.all([startEngine(), startRegistry()]);
}, 60_000);
afterAll(async () => {
  if (!hasDockerRegistry) return;
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

const at = (name: string): string => `${files.path}/${name}`;

function context(name: string, content: Readonly<Record<string, string>>): string {
  writeFiles(at(name), content);
  return at(name);
}

const skip = "skipped without docker-registry";

interface Manifest {
  readonly mediaType: string;
  readonly layers: readonly { readonly mediaType: string; readonly digest: string }[];
  readonly manifests: readonly {
    readonly mediaType: string;
    readonly digest: string;
    readonly platform: { readonly architecture: string };
  }[];
}

async function manifestOf(name: string, tag: string): Promise<Manifest> {
  const accept = ["image.index.v1", "image.manifest.v1"]
    .map((type) => `application/vnd.oci.${type}+json`)
    .concat("application/vnd.docker.distribution.manifest.v2+json")
    .concat("application/vnd.docker.distribution.manifest.list.v2+json");
  const answer = await fetch(`http://${registry.host}/v2/${name}/manifests/${tag}`, {
    headers: { Accept: accept.join(", ") },
  });
  return (await answer.json()) as Manifest;
}

async function headOf(name: string, tag: string): Promise<{ readonly digest: string }> {
  const answer = await fetch(`http://${registry.host}/v2/${name}/manifests/${tag}`, {
    method: "HEAD",
    headers: { Accept: "application/vnd.oci.image.manifest.v1+json" },
  });
  return { digest: answer.headers.get("docker-content-digest") ?? "" };
}

function tarList(path: string): string[] {
  return Bun.spawnSync(["tar", "-tf", path]).stdout.toString().split("\n");
}

function fileInTar(path: string, name: string): unknown {
  return JSON.parse(Bun.spawnSync(["tar", "-xOf", path, name]).stdout.toString());
}

test.skipIf(!hasDockerRegistry)(
  `every kind of output at once, each with its own names (${skip})`,
  async () => {
    const directory = context("all", { Dockerfile: "FROM scratch\nCOPY one /d/one", one: "1\n" });
    const [own, pushed] = [`${registry.host}/own:1`, `${registry.host}/pushed:1`];
    const outputs = [
      `type=local,dest=${at("all-local")}`,
      `type=tar,dest=${at("all.tar")}`,
      `type=oci,dest=${at("all-oci.tar")},name=oci-name:1`,
      `type=docker,dest=${at("all-docker.tar")}`,
      `type=registry,name=${pushed}`,
      "type=image",
      "type=cacheonly",
    ].flatMap((output) => ["-o", output]);
    await engine.output("build", "-q", "-t", own, "--metadata-file", at("metadata"), ...outputs, directory);
    expect(readFileSync(at("all-local/d/one"), "utf8")).toBe("1\n");
    expect(tarList(at("all.tar"))).toContain("d/one");
    const id = await engine.output("inspect", "--format", "{{.Id}}", own);
    for (const [archive, name] of [
      ["all-oci.tar", "docker.io/library/oci-name:1"],
      ["all-docker.tar", own],
    ] as const) {
      const index = fileInTar(at(archive), "index.json");
      expect(JSON.stringify(index)).toContain(`"io.containerd.image.name":"${name}"`);
      const shown = Bun.spawnSync(["skopeo", "inspect", "--config", `oci-archive:${at(archive)}`]);
      expect(JSON.parse(shown.stdout.toString()).rootfs.diff_ids).toEqual(
        JSON.parse(await engine.output("inspect", "--format", "{{json .RootFS.Layers}}", own)),
      );
    }
    const { digest } = await headOf("pushed", "1");
    expect(JSON.parse(readFileSync(at("metadata"), "utf8"))).toMatchObject({
      "containerimage.config.digest": id,
      "containerimage.digest": digest,
      "containerimage.descriptor": { digest, mediaType: "application/vnd.oci.image.manifest.v1+json" },
      "image.name": `docker.io/library/oci-name:1,${own},${pushed}`,
    });
    await engine.output("rmi", own, pushed);
    expect(await engine.output("pull", "-q", pushed)).toBe(pushed);
    expect(await engine.output("inspect", "--format", "{{.Id}}", pushed)).toBe(id);
  },
  60_000,
);

test.skipIf(!hasDockerRegistry)(
  `layers are compressed, and manifests written, as an output says; what is not done is refused (${skip})`,
  async () => {
    const directory = context("forms", { Dockerfile: "FROM base\nCOPY one /one", one: "forms\n" });
    const push = (tag: string, more: string): Promise<string> =>
      engine.output(
        "build",
        "-q",
        "-o",
        `type=image,push=true,name=${registry.host}/forms:${tag},${more}`,
        directory,
      );
    await push("plain", "oci-mediatypes=true");
    await push("zstd", "compression=zstd,force-compression=true");
    await push("flat", "compression=uncompressed,force-compression=true,oci-mediatypes=false");
    const types = async (tag: string): Promise<unknown> => {
      const { mediaType, layers } = await manifestOf("forms", tag);
      return [mediaType, ...layers.map((layer) => layer.mediaType)];
    };
    const oci = "application/vnd.oci.image";
    const docker = "application/vnd.docker";
    expect(await types("plain")).toEqual([
      `${oci}.manifest.v1+json`,
      `${oci}.layer.v1.tar+gzip`,
      `${oci}.layer.v1.tar+gzip`,
    ]);
    expect(await types("zstd")).toEqual([
      `${oci}.manifest.v1+json`,
      `${oci}.layer.v1.tar+zstd`,
      `${oci}.layer.v1.tar+zstd`,
    ]);
    expect(await types("flat")).toEqual([
      `${docker}.distribution.manifest.v2+json`,
      `${docker}.image.rootfs.diff.tar`,
      `${docker}.image.rootfs.diff.tar`,
    ]);
    for (const tag of ["zstd", "flat"]) {
      const copied = Bun.spawnSync([
        ..."skopeo copy -q --src-tls-verify=false".split(" "),
        `docker://${registry.host}/forms:${tag}`,
        `dir:${at(`copied-${tag}`)}`,
      ]);
      expect(copied.stderr.toString()).toBe("");
    }
    await push("noted", "annotation.org.example.course=first,annotation-manifest.b=c");
    expect(await manifestOf("forms", "noted")).toMatchObject({
      annotations: { "org.example.course": "first", b: "c" },
    });
    const nameless = `type=image,push=true,push-by-digest=true,annotation-index.d=e,name=${registry.host}/nameless`;
    const several = ["--platform", "linux/arm64,linux/amd64", "--metadata-file", at("nameless")];
    const scratch = context("nameless-context", { Dockerfile: "FROM scratch\nCOPY Dockerfile /" });
    await engine.output("build", "-q", ...several, "-o", nameless, scratch);
    const { "containerimage.digest": digest } = JSON.parse(readFileSync(at("nameless"), "utf8"));
    expect(await manifestOf("nameless", digest)).toMatchObject({ annotations: { d: "e" } });
    expect(JSON.stringify(await manifestOf("nameless", "latest"))).toContain("MANIFEST_UNKNOWN");
    const refused: Readonly<Record<string, string>> = {
      "type=image,compression=estargz": 'compression "estargz" is not done',
      "type=image,colour=red": "unknown option colour",
      "type=image,annotation[linux/amd64].a=b": "annotation[linux/amd64].a=b is not done",
      "type=image,oci-mediatypes=false,annotation.a=b": "annotations are OCI's",
      "type=oci,dest=-,annotation.a=b": "annotation.a=b is not done",
      "type=image,push=perhaps": "push=perhaps is neither true nor false",
      "type=image,push=true": "a push needs a name",
      "type=oci,dest=-,compression=gzip": "layers in archives are uncompressed",
      "type=oci,dest=-,tar=false": "tar=false is not done",
      "type=docker,dest=-,oci-mediatypes=false": "media types of OCI",
      "type=image,rewrite-timestamp=true": "rewrite-timestamp=true needs a time",
      "type=nothing": 'exporter "nothing" could not be found',
    };
    for (const [output, told] of Object.entries(refused)) {
      const { exitCode, stderr } = await engine.cli("build", "-o", output, directory);
      expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: expect.stringContaining(told) });
    }
  },
  60_000,
);

test.skipIf(!hasDockerRegistry)(
  `several platforms are a list in a registry and in a layout, directories beside each other, and no archive of Docker's (${skip})`,
  async () => {
    const directory = context("platforms", {
      Dockerfile: "FROM scratch\nARG TARGETARCH\nCOPY one-$TARGETARCH /one",
      "one-amd64": "amd64\n",
      "one-arm64": "arm64\n",
    });
    const build = (...outputs: readonly string[]): Promise<string> =>
      engine.output(
        ..."build -q --platform linux/arm64,linux/amd64".split(" "),
        ...outputs.flatMap((output) => ["-o", output]),
        directory,
      );
    const name = `${registry.host}/platforms:1`;
    await build(
      `type=registry,name=${name}`,
      `type=oci,dest=${at("platforms.tar")},name=${name}`,
      `type=local,dest=${at("platforms-local")}`,
      `type=tar,dest=${at("platforms-files.tar")}`,
    );
    const { mediaType, manifests } = await manifestOf("platforms", "1");
    expect(mediaType).toBe("application/vnd.oci.image.index.v1+json");
    expect(manifests.map(({ platform }) => platform.architecture)).toEqual(["arm64", "amd64"]);
    for (const { platform } of manifests) {
      const words = ["skopeo", "inspect", "--override-arch", platform.architecture, "--config"];
      for (const place of [`docker://${name}`, `oci-archive:${at("platforms.tar")}`]) {
        const tls = place.startsWith("docker:") ? ["--tls-verify=false"] : [];
        const { stdout } = Bun.spawnSync([...words, ...tls, place]);
        expect(JSON.parse(stdout.toString())).toMatchObject(platform);
      }
    }
    for (const architecture of ["amd64", "arm64"]) {
      const path = `linux_${architecture}/one`;
      expect(readFileSync(at(`platforms-local/${path}`), "utf8")).toBe(`${architecture}\n`);
      expect(tarList(at("platforms-files.tar"))).toContain(path);
    }
    await engine.cli("rmi", "-f", name);
    await engine.output("pull", "-q", "--platform", "linux/arm64", name);
    expect(await engine.output("inspect", "--format", "{{.Architecture}}", name)).toBe("arm64");
    const words = [
      "build",
      "--platform",
      "linux/arm64,linux/amd64",
      "-o",
      `type=docker,dest=${at("no.tar")}`,
    ];
    expect((await engine.cli(...words, directory)).stderr).toContain("exporting manifest lists");
  },
  60_000,
);

test.skipIf(!hasDockerRegistry)(
  `two engines make the same bytes of the same inputs, whatever their clocks say (${skip})`,
  async () => {
    await using other = await startEngine();
    const directory = context("equal", {
      Dockerfile: `FROM base
RUN mkdir -p /made/deep && echo made > /made/deep/file && ln -s file /made/deep/link && ln /made/deep/file /made/name && rm /etc/group
COPY one /one
WORKDIR /work`,
      one: "1\n",
    });
    const results: unknown[] = [];
    for (const [index, one] of [engine, other].entries()) {
      const path = (kind: string): string => at(`equal-${kind}-${index}`);
      const outputs = [
        `type=oci,dest=${path("oci")},rewrite-timestamp=true`,
        `type=tar,dest=${path("tar")}`,
        "type=image,name=equal,rewrite-timestamp=true",
      ];
      const { exitCode, stderr } = await one.cliWith(
        { env: { SOURCE_DATE_EPOCH: "1700000000" } },
        ..."build -q --no-cache".split(" "),
        ...outputs.flatMap((output) => ["-o", output]),
        directory,
      );
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
      results.push([
        await one.output("inspect", "--format", "{{.Id}} {{.Created}}", "equal"),
        ...["oci", "tar"].map((kind) =>
          new Bun.CryptoHasher("sha256").update(readFileSync(path(kind))).digest("hex"),
        ),
      ]);
      const times = await one.output(
        "run",
        "--rm",
        "equal",
        "stat",
        "-c",
        "%Y %n",
        "/made/deep/file",
        "/made",
        "/work",
      );
      expect(times).toBe("1700000000 /made/deep/file\n1700000000 /made\n1700000000 /work");
      writeFileSync(`${directory}/one`, "1\n");
    }
    expect(results[1]).toEqual(results[0]);
  },
  90_000,
);

test.skipIf(!hasDockerRegistry)(
  `a step for another machine that nothing here runs says so, and what would (${skip})`,
  async () => {
    const directory = context("foreign", {
      Dockerfile: 'FROM scratch\nCOPY --chmod=755 program /program\nRUN ["/program"]',
    });
    // A program's head, of a machine that nobody emulates.
    const head = new Uint8Array(64);
    head.set([0x7f, 0x45, 0x4c, 0x46, 2, 2, 1]);
    head.set([0, 2, 0, 2], 16);
    writeFileSync(`${directory}/program`, head);
    const { exitCode, stderr } = await engine.cli("build", "--platform", "linux/ppc64", directory);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("exec format error: the step is for linux/ppc64, this machine is linux/");
    expect(stderr).toContain("binfmt_misc");
  },
  60_000,
);

test.skipIf(!hasDockerRegistry)(
  `options of Docker's that limit steps reach them, those that mean nothing are taken, what is not done is refused (${skip})`,
  async () => {
    const seen =
      "ulimit -n; grep Cpus_allowed_list /proc/self/status; grep NoNewPrivs /proc/self/status; df -k /dev/shm | tail -1";
    const directory = context("limited", { Dockerfile: `FROM base\nRUN ${seen}` });
    const words =
      "--ulimit nofile=77:88 --cpuset-cpus 0 --security-opt no-new-privileges --shm-size 2m -m 64m --memory-swap -1 --cpu-shares 512 " +
      "--cpu-period 50000 --cpu-quota 25000 --rm=false --force-rm --compress --disable-content-trust=false --provenance=false --sbom=false";
    const told = await engine.output("build", ...words.split(" "), directory);
    expect(told).toMatch(/\n77\nCpus_allowed_list:\t0\nNoNewPrivs:\t1\n.*\s2048\s/);
    for (const [option, why] of [
      ["--squash", "squashing layers"],
      ["--isolation=hyperv", "isolation"],
      ["--provenance=mode=max", "attestations are not made"],
      ["--ulimit=colour=1", "colour"],
    ] as const) {
      expect((await engine.cli("build", option, directory)).stderr).toContain(why);
    }
  },
  60_000,
);
