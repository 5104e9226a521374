/** Caches of builds elsewhere: in a real registry and in directories, with cache mounts; and what one that lies may bring about. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { writeFiles } from "../support/write-files.ts";

let engine: TestEngine;
let registry: RealRegistry;
let files: TemporaryDirectory;
beforeAll(async () => {
  if (!hasDockerRegistry) return;
  files = temporaryDirectory("build-caches");
  [engine, registry] = await Promise.all([startEngine(), startRegistry()]);
}, 60_000);
afterAll(async () => {
  if (!hasDockerRegistry) return;
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

function context(name: string, content: Readonly<Record<string, string>>): string {
  const directory = `${files.path}/${name}`;
  writeFiles(directory, content);
  return directory;
}

const forget = async (): Promise<void> => void (await engine.output("builder", "prune", "-af"));

/** How many steps were found. */
async function found(...words: readonly string[]): Promise<number> {
  return (await engine.output("build", ...words)).match(/ ---> Using cache/g)?.length ?? 0;
}

const skip = "skipped without docker-registry";

const stages = `FROM base AS made
RUN --mount=type=cache,target=/c,id=carried,uid=7 cat /proc/sys/kernel/random/uuid >> /c/log && cp /c/log /log
FROM base
COPY --from=made /log /log
RUN echo after >> /log`;

test.skipIf(!hasDockerRegistry)(
  `a registry has the steps of the result, or with mode=max those of all stages (${skip})`,
  async () => {
    const directory = context("stages", { Dockerfile: stages });
    const [min, max] = [`${registry.host}/cache:min`, `${registry.host}/cache:max`];
    const to = (ref: string, more = ""): string[] => ["--cache-to", `type=registry,ref=${ref}${more}`];
    await engine.output("build", "-q", "-t", "one", ...to(min), ...to(max, ",mode=max"), directory);
    const log = await engine.output("run", "--rm", "one", "cat", "/log");
    await forget();
    await engine.output("rmi", "-f", "one");
    expect(await found("-t", "one", "--cache-from", `type=registry,ref=${max}`, directory)).toBe(3);
    expect(await engine.output("run", "--rm", "one", "cat", "/log")).toBe(log);
    await forget();
    await engine.output("rmi", "-f", "one");
    // The stage that is copied from is no part of the result: it is done again, and what comes of it is another file.
    expect(await found("--cache-from", min, directory)).toBe(0);
    await forget();
    expect(await found(directory)).toBe(0);
  },
  60_000,
);

test.skipIf(!hasDockerRegistry)(
  `cache mounts go along when both sides say so, with their owners, and stay away otherwise (${skip})`,
  async () => {
    const directory = context("mounts", {
      Dockerfile: `FROM base
RUN --mount=type=cache,target=/c,id=mounts,uid=7,mode=0750 mkdir -p /c/d && echo one >> /c/d/log && ln /c/d/log /c/.wh.odd; chown 3:4 /c/d; cat /c/d/log > /seen; stat -c %u:%a /c /c/d >> /seen`,
    });
    const place = `${files.path}/mounts-cache`;
    const ref = `${registry.host}/mounts:1`;
    for (const where of [`type=registry,ref=${ref}`, `type=local,dest=${place}`]) {
      await engine.output("build", "-q", "--cache-to", `${where},mounts=true`, directory);
    }
    const seen = async (...from: readonly string[]): Promise<string> => {
      await forget();
      await engine.output("build", "-q", "-t", "mounts", "--no-cache", ...from, directory);
      return await engine.output("run", "--rm", "mounts", "cat", "/seen");
    };
    expect(await seen()).toBe("one\n7:750\n3:755");
    for (const from of [`type=registry,ref=${ref}`, `type=local,src=${place}`]) {
      expect(await seen("--cache-from", `${from},mounts=true`)).toBe("one\none\n7:750\n3:755");
      expect(await seen("--cache-from", from)).toBe("one\n7:750\n3:755");
    }
    // An archive that is none, half of which has been unpacked, and one that would lead out.
    const cache = JSON.parse(readFileSync(`${place}/cache.json`, "utf8"));
    const [mount] = cache.mounts;
    const outside = `${files.path}/outside`;
    const good = readFileSync(`${place}/blobs/sha256/${mount.layer}`);
    const odd = Bun.spawnSync([
      "sh",
      "-c",
      `mkdir -p /tmp/x$$; cd /tmp/x$$; echo x > f; ln -s / up; tar -cP --transform 's,^f$,../../../../../../..${outside},' up f; rm -r /tmp/x$$`,
    ]).stdout;
    for (const bytes of [
      good.subarray(0, good.length - 1500),
      Buffer.concat([good.subarray(0, 1024), Buffer.alloc(2048, 7)]),
      odd,
    ]) {
      const layer = createHash("sha256").update(bytes).digest("hex");
      writeFileSync(`${place}/blobs/sha256/${layer}`, bytes);
      writeFileSync(`${place}/cache.json`, JSON.stringify({ steps: [], mounts: [{ ...mount, layer }] }));
      expect(await seen("--cache-from", `type=local,src=${place},mounts=true`)).toBe("one\n7:750\n3:755");
      expect(existsSync(outside)).toBe(false);
    }
    // What is here already is not written over.
    await engine.output("build", "-q", "--no-cache", directory);
    await engine.output(
      ..."build -q -t mounts --no-cache --cache-from".split(" "),
      `type=registry,ref=${ref},mounts=true`,
      directory,
    );
    expect(await engine.output("run", "--rm", "mounts", "cat", "/seen")).toStartWith("one\none\none\n");
  },
  60_000,
);

test.skipIf(!hasDockerRegistry)(
  `a cache that lies gives one step's layer at most, and only to builds that name it (${skip})`,
  async () => {
    const directory = context("lies", { Dockerfile: "FROM base\nRUN echo honest > /said" });
    const place = `${files.path}/lies-cache`;
    const from = ["--cache-from", `type=local,src=${place}`];
    const nowhere = ["build", "-q", "-o", "type=cacheonly", "--cache-to", `type=local,dest=${place}`];
    await engine.output(...nowhere, directory);
    const cache = JSON.parse(readFileSync(`${place}/cache.json`, "utf8"));
    const [honest] = cache.steps;
    const blob = `${place}/blobs/sha256/${honest.layer}`;
    const archive = readFileSync(blob);
    const build = async (): Promise<string> => {
      await engine.cli("rmi", "-f", "lies");
      await forget();
      return await engine.output("build", "-t", "lies", ...from, directory);
    };
    const write = (steps: readonly unknown[]): void =>
      writeFileSync(`${place}/cache.json`, JSON.stringify({ steps }));
    const said = (): Promise<string> => engine.output("run", "--rm", "lies", "cat", "/said");
    // What one would wait for, and what leads elsewhere.
    for (const make of [`mkfifo ${blob}`, `ln -s /dev/zero ${blob}`, `mkdir ${blob}`]) {
      Bun.spawnSync(["sh", "-c", `rm ${blob}; ${make}`]);
      expect(await build()).toContain("[Warning] no cache from");
      expect(await said()).toBe("honest");
      Bun.spawnSync(["sh", "-c", `rm -r ${blob}`]);
      writeFileSync(blob, archive);
    }
    Bun.spawnSync(["sh", "-c", `mv ${place}/cache.json ${place}/kept; mkfifo ${place}/cache.json`]);
    expect(await build()).toContain("is no file");
    Bun.spawnSync(["sh", "-c", `rm ${place}/cache.json; mv ${place}/kept ${place}/cache.json`]);
    // Another content under the digest.
    writeFileSync(blob, Buffer.concat([archive, Buffer.alloc(512)]));
    expect(await build()).toContain("[Warning] no cache from");
    expect(await said()).toBe("honest");
    writeFileSync(blob, archive);
    // No layer at all, one that is elsewhere, and a time that is none.
    for (const layer of ["../../../etc/passwd", "0".repeat(64), ""]) {
      write([{ ...honest, layer }]);
      expect(await build()).not.toContain("Using cache");
    }
    write([{ ...honest, createdMs: Number.MAX_SAFE_INTEGER }]);
    expect(await build()).toContain("Using cache");
    // A layer for the key that is another step's: it comes on top of what is below, for this build alone.
    const other = context("other", { Dockerfile: "FROM scratch\nCOPY said /said", said: "lie\n" });
    await engine.output(...nowhere, other);
    const [lie] = JSON.parse(readFileSync(`${place}/cache.json`, "utf8")).steps;
    write([{ ...honest, layer: lie.layer }]);
    await build();
    expect(
      await engine.output("run", "--rm", "lies", "sh", "-c", "cat /said; test -e /bin/sh && echo base"),
    ).toBe("lie\nbase");
    expect(await found("-t", "lies", directory)).toBe(0);
    expect(await said()).toBe("honest");
  },
  60_000,
);

test.skipIf(!hasDockerRegistry)(
  `a registry's cache is checked as any pull is, and one that cannot be had or written is told of (${skip})`,
  async () => {
    const directory = context("broken", { Dockerfile: "FROM base\nRUN date +%N > /made" });
    const ref = `${registry.host}/broken:1`;
    await engine.output(
      "build",
      "-q",
      "-o",
      "type=cacheonly",
      "--cache-to",
      `type=registry,ref=${ref}`,
      directory,
    );
    const blobs = `${registry.storage}/docker/registry/v2/blobs/sha256`;
    for (const prefix of readdirSync(blobs)) {
      for (const digest of readdirSync(`${blobs}/${prefix}`)) {
        const path = `${blobs}/${prefix}/${digest}/data`;
        const bytes = readFileSync(path);
        // Layers are gzip; the documents stay as they are.
        if (bytes[0] === 0x1f)
          writeFileSync(path, Bun.gzipSync(`another ${createHash("md5").update(bytes).digest("hex")}`));
      }
    }
    await forget();
    const again = await engine.output("build", "--cache-from", ref, directory);
    expect(again).toContain(`[Warning] no cache from ${ref}`);
    expect(again).not.toContain("Using cache");
    const nowhere = "localhost:1/none:1";
    expect(await engine.output("build", "--cache-from", nowhere, directory)).toContain(
      `[Warning] no cache from ${nowhere}`,
    );
    const lenient = `type=registry,ref=${nowhere},ignore-error=true`;
    expect(await engine.output("build", "--cache-to", lenient, directory)).toContain(
      `[Warning] no cache to ${nowhere}`,
    );
    const { exitCode, stderr } = await engine.cli(
      "build",
      "--cache-to",
      `type=registry,ref=${nowhere}`,
      directory,
    );
    expect({ exitCode, told: stderr.includes(nowhere.split("/")[0] ?? "") }).toEqual({
      exitCode: 1,
      told: true,
    });
    const unknown = await engine.cli("build", "--cache-to", `type=registry,ref=${ref},colour=red`, directory);
    expect(unknown.stderr).toContain("unknown option colour");
  },
  60_000,
);

test.skipIf(!hasDockerRegistry)(
  `what steps were done on goes with the last who needs it, also what came from a cache (${skip})`,
  async () => {
    const layers = (): number => readdirSync(`${engine.root}/layers`).length;
    const all = await engine.output("images", "-q");
    await engine.output("rmi", "-f", ...all.split("\n").filter((id) => id !== ""));
    await forget();
    await engine.output(
      "build",
      "-q",
      "-t",
      "own",
      context("own", { Dockerfile: "FROM base\nCOPY Dockerfile /own" }),
    );
    const before = layers();
    const directory = context("onto", { Dockerfile: "FROM own\nRUN echo one > /one\nRUN echo two > /two" });
    const ref = `${registry.host}/onto:1`;
    await engine.output(
      "build",
      "-q",
      "-o",
      "type=cacheonly",
      "--cache-to",
      `type=registry,ref=${ref}`,
      directory,
    );
    await forget();
    expect(layers()).toBe(before);
    expect(await found("-o", "type=cacheonly", "--cache-from", ref, directory)).toBe(2);
    expect(layers()).toBe(before);
    await engine.output("build", "-q", "-t", "onto", directory);
    await engine.output("rmi", "own", "onto");
    await forget();
    expect(layers()).toBe(1);
  },
  60_000,
);
