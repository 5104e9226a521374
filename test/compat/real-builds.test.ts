/**
 * Dockerfiles with Debian's own packages and the toolchains of this machine, by docker's own client at Tiffin and at the BuildKit of a real
 * dockerd, from bases that a registry serves: the same files, contents, attributes, configuration and history. They take minutes and the
 * network of Debian's packages, so they are for who asks: TIFFIN_CORPUS=full. What they have of syntax is in `docker-build.test.ts` too.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { mayShareNetwork, OwnDockerd } from "../support/own-dockerd.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { writeFiles } from "../support/write-files.ts";

/** The one that has BuildKit in it. */
const docker = dockerClients.find(({ version }) => version.startsWith("20."));
const isWanted = process.env["TIFFIN_CORPUS"] === "full";
const possible =
  isWanted &&
  docker !== undefined &&
  mayShareNetwork &&
  hasDockerRegistry &&
  Bun.which("debootstrap") !== null;
const limitMs = 900_000;

let engine: TestEngine;
let dockerd: OwnDockerd;
let registry: RealRegistry;
let files: TemporaryDirectory;
const at = (name: string): string => `${files.path}/${name}`;
const engines = (): readonly string[] => [`unix://${dockerd.socket}`, engine.host];

async function output(host: string, ...words: readonly string[]): Promise<string> {
  const env = { ...process.env, DOCKER_HOST: host, DOCKER_BUILDKIT: "1", DOCKER_CONFIG: at("config") };
  const options = { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" } as const;
  const { code, stdout, stderr } = await outcomeOf(Bun.spawn([docker?.path ?? "", ...words], options));
  if (code !== 0) throw new Error(`docker ${words.join(" ")} at ${host}: ${stdout}\n${stderr}`);
  return stdout;
}

async function run(...words: readonly string[]): Promise<void> {
  const { code, stderr } = await outcomeOf(
    Bun.spawn([...words], { stdin: "ignore", stdout: "pipe", stderr: "pipe" }),
  );
  if (code !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
}

const inRepository = ["hello", "tree", "tcc", "libc6-dev", "python3-minimal"];

/** A small Debian, and a repository of packages that steps install from. */
async function makeDebian(): Promise<void> {
  const root = at("debian");
  await run(
    "debootstrap",
    "--variant=minbase",
    "--include=attr,libcap2-bin",
    "bookworm",
    root,
    "http://deb.debian.org/debian",
  );
  await run("cp", "/etc/resolv.conf", `${root}/etc/resolv.conf`);
  mkdirSync(at("context/repository"), { recursive: true });
  const archives = `${root}/var/cache/apt/archives`;
  await run("chroot", root, "apt-get", "clean");
  await run(
    "chroot",
    root,
    ..."apt-get install -y -q --no-install-recommends --download-only".split(" "),
    ...inRepository,
  );
  for (const name of readdirSync(archives).filter((one) => one.endsWith(".deb"))) {
    await run("cp", `${archives}/${name}`, at("context/repository"));
  }
  const scan = Bun.spawnSync(["dpkg-scanpackages", "-m", "."], {
    cwd: at("context/repository"),
    stderr: "ignore",
  });
  writeFileSync(at("context/repository/Packages"), scan.stdout);
  await run("chroot", root, "apt-get", "clean");
  rmSync(`${root}/var/lib/apt/lists`, { recursive: true });
  mkdirSync(`${root}/var/lib/apt/lists`);
  rmSync(`${root}/etc/resolv.conf`);
  await run(
    "tar",
    "-C",
    root,
    "--xattrs",
    "--numeric-owner",
    "--one-file-system",
    "-cf",
    at("debian.tar"),
    ".",
  );
}

/** Debian with something of this machine's in it, in the registry. */
async function makeBase(name: string, ...paths: readonly string[]): Promise<void> {
  const [, own = ""] = engines();
  const image = `${registry.host}/${name}:own`;
  if (paths.length === 0) await output(own, "import", at("debian.tar"), image);
  else {
    mkdirSync(at(`base-${name}`));
    await run("tar", "-C", "/", "-cf", at(`base-${name}/files.tar`), ...paths);
    writeFileSync(at(`base-${name}/Dockerfile`), `FROM ${registry.host}/debian:own\nADD files.tar /\n`);
    await output(own, "build", "-q", "-t", image, at(`base-${name}`));
  }
  await output(own, "push", "-q", image);
}

beforeAll(async () => {
  if (!possible) return;
  files = temporaryDirectory("real-builds");
  [engine, dockerd, registry] = await Promise.all([
    startEngine(),
    OwnDockerd.start({ sharesNetwork: true }),
    startRegistry(),
  ]);
  mkdirSync(at("config"));
  await makeDebian();
  await makeBase("debian");
  await makeBase("go", "usr/local/go");
  await makeBase("node", "usr/bin/node", "usr/lib/node_modules/npm");
  await makeBase("java", "usr/lib/jvm/java-17-openjdk-amd64", "etc/java-17-openjdk");
  writeFiles(at("context"), {
    ".dockerignore": "many\n",
    "go/go.mod": "module lunch\ngo 1.20\n",
    "go/main.go": 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("soup") }\n',
    "node/package.json":
      '{"name":"lunch","version":"1.0.0","scripts":{"build":"mkdir -p dist && cp main.js dist/"}}',
    "node/main.js": "console.log('soup')\n",
    "python/lunch/__init__.py": "",
    "python/lunch/__main__.py": "print('soup')\n",
    "java/Lunch.java":
      'public class Lunch { public static void main(String[] a) { System.out.println("soup"); } }\n',
    "c/lunch.c": '#include <stdio.h>\nint main(void) { puts("soup"); return 0; }\n',
  });
  for (let directory = 0; directory < 100; directory += 1) {
    mkdirSync(at(`many/files/d${directory}`), { recursive: true });
    for (let file = 0; file < 1000; file += 1) {
      writeFileSync(at(`many/files/d${directory}/f${file}`), `${directory} ${file}\n`);
    }
  }
}, limitMs);
afterAll(async () => {
  if (!possible) return;
  await engine[Symbol.asyncDispose]();
  await dockerd[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

function configuration(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw new Error("an image without a configuration");
  return { ...value };
}

/** What differs from run to run by its nature: logs, and caches with times in them; and where 20.10 leaves a directory that it mounted to. */
const volatile =
  / (?:repository\/$|var\/log\/|var\/cache\/ldconfig\/|var\/lib\/dpkg\/|var\/lib\/apt\/|\.dockerenv|dev\/|proc\/|sys\/|etc\/(?:hosts|hostname|resolv\.conf|mtab|ld\.so\.cache))|^$/;

async function resultOf(host: string, tag: string): Promise<unknown> {
  const config: unknown = JSON.parse(await output(host, "inspect", "--format", "{{json .Config}}", tag));
  const told = await output(host, "history", "--no-trunc", "--format", "{{.CreatedBy}}", tag);
  // Newer BuildKits tell of owners.
  const history = told.replace(/ --chown=\S+/g, "");
  const container = (await output(host, "create", tag, "x")).trim();
  await output(host, "export", "-o", at("export.tar"), container);
  await output(host, "rm", "-v", container);
  const listed = Bun.spawnSync(["tar", "--numeric-owner", "-tvf", at("export.tar")], { maxBuffer: 1 << 28 });
  const lines = listed.stdout
    .toString()
    .split("\n")
    .map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d /, ""))
    .filter((line) => !volatile.test(line))
    .sort();
  const look =
    "cd /; find out app -xdev -type f 2>/dev/null | sort | xargs -r sha256sum; find out 2>/dev/null | sort | xargs -r getfattr -hd -m - 2>/dev/null; getcap -r out 2>/dev/null | sort; true";
  const contents = await output(host, "run", "--rm", "--network", "none", tag, "sh", "-c", look);
  const { Env, Cmd, Entrypoint, WorkingDir, User } = configuration(config);
  return { Env, Cmd, Entrypoint, WorkingDir, User, history, contents, files: lines };
}

const apt =
  "--mount=type=bind,source=repository,target=/repository --mount=type=cache,target=/var/cache/apt,sharing=locked --mount=type=cache,target=/var/lib/apt/lists,sharing=locked";
const install = (packages: string): string =>
  `RUN ${apt} echo 'deb [trusted=yes] file:/repository ./' > /etc/apt/sources.list && rm -f /etc/apt/apt.conf.d/docker-clean && apt-get update -q && apt-get install -yq --no-install-recommends ${packages}`;

interface Case {
  readonly dockerfile: (base: (name: string) => string) => string;
  readonly context?: string;
  /** What the result says when it runs. */
  readonly says?: string;
}

const cases: Readonly<Record<string, Case>> = {
  "apt with cache mounts": {
    dockerfile: (base) =>
      `FROM ${base("debian")}\nENV DEBIAN_FRONTEND=noninteractive\n${install("hello tree")}\nRUN mkdir /out && hello > /out/said\nCMD ["hello", "-g", "soup"]`,
    says: "soup\n",
  },
  go: {
    dockerfile: (base) =>
      `FROM ${base("go")} AS build\nENV PATH=/usr/local/go/bin:$PATH CGO_ENABLED=0 GOFLAGS=-buildvcs=false\nWORKDIR /src\nCOPY go/go.mod ./\nRUN --mount=type=cache,target=/root/.cache/go-build go mod verify\nCOPY go .\nRUN --mount=type=cache,target=/root/.cache/go-build go build -trimpath -ldflags=-s -o /out/lunch .\nFROM ${base("debian")}\nCOPY --from=build /out/lunch /out/lunch\nCMD ["/out/lunch"]`,
    says: "soup\n",
  },
  node: {
    dockerfile: (base) =>
      `FROM ${base("node")} AS build\nWORKDIR /app\nCOPY node/package.json .\nRUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/bin/npm && npm pkg get name\nCOPY node .\nRUN --mount=type=cache,target=/root/.npm npm run build\nFROM ${base("node")}\nWORKDIR /app\nCOPY --from=build --chown=33:33 /app/dist ./\nUSER www-data\nCMD ["node", "main.js"]`,
    says: "soup\n",
  },
  python: {
    dockerfile: (base) =>
      `FROM ${base("debian")}\nENV PYTHONDONTWRITEBYTECODE=1\n${install("python3-minimal")}\nWORKDIR /app\nCOPY python .\nCMD ["python3", "-m", "lunch"]`,
    says: "soup\n",
  },
  java: {
    dockerfile: (base) =>
      `FROM ${base("java")} AS build\nENV PATH=/usr/lib/jvm/java-17-openjdk-amd64/bin:$PATH\nWORKDIR /src\nCOPY java .\nRUN mkdir /out && javac -d /out Lunch.java\nFROM ${base("java")}\nENV PATH=/usr/lib/jvm/java-17-openjdk-amd64/bin:$PATH\nCOPY --from=build /out /out\nCMD ["java", "-Xmx64m", "-cp", "/out", "Lunch"]`,
    says: "soup\n",
  },
  c: {
    dockerfile: (base) =>
      `FROM ${base("debian")} AS build\n${install("tcc libc6-dev")}\nCOPY c /src\nRUN mkdir /out && tcc -o /out/lunch /src/lunch.c\nFROM ${base("debian")}\nCOPY --from=build /out /out\nCMD ["/out/lunch"]`,
    says: "soup\n",
  },
  "attributes, capabilities and names of one file across stages": {
    dockerfile: (base) =>
      `FROM ${base("debian")} AS made\nRUN mkdir -p /made/deep && cp /bin/true /made/able && setcap cap_net_raw+ep /made/able && cp /bin/true /made/deep/plain && setfattr -n user.course -v soup /made/deep/plain && ln /made/deep/plain /made/other && ln -s deep/plain /made/link && ln -s /nowhere /made/dangling && mkfifo /made/pipe && chown 7:8 /made/deep && chmod 4711 /made/deep/plain && truncate -s 1M /made/sparse\nRUN rm /made/pipe\nFROM ${base("debian")}\nCOPY --from=made /made /out\nCOPY --from=made /made/able /made/other /out/single/\nRUN stat -c '%h %i' /out/other /out/deep/plain | sort -u | wc -l > /names`,
  },
  "two hundred steps": {
    dockerfile: (base) =>
      `FROM ${base("debian")}\nRUN mkdir /out\n${Array.from({ length: 98 }, (_, index) => `RUN echo ${index} >> /out/log\nENV STEP=${index}`).join("\n")}`,
  },
  "a hundred thousand files of a step": {
    dockerfile: (base) =>
      `FROM ${base("debian")} AS made\nRUN mkdir /made && cd /made && for d in $(seq 100); do mkdir d$d && for f in $(seq 1000); do echo $d $f > d$d/f$f; done; done\nRUN rm -r /made/d7 && touch /made/d8/f9\nFROM ${base("debian")}\nCOPY --from=made /made /kept\nCOPY --from=made /made/d1* /some/`,
  },
  "a hundred thousand files of the context": {
    dockerfile: (base) => `FROM ${base("debian")}\nCOPY files /kept\nRUN find /kept -type f | wc -l > /count`,
    context: "many",
  },
};

const name = `real builds${isWanted ? "" : " (TIFFIN_CORPUS=full)"}`;
describe.skipIf(!possible)(name, () => {
  test.each(Object.entries(cases))(
    "%s: the same from both",
    async (title, { dockerfile, context = "context", says }) => {
      const tag = title.replace(/\W+/g, "-");
      writeFileSync(
        at(`${context}/Dockerfile`),
        dockerfile((one) => `${registry.host}/${one}:own`),
      );
      const results: unknown[] = [];
      const times: string[] = [];
      for (const host of engines()) {
        const begin = performance.now();
        await output(host, "build", "-q", "--network", "none", "-t", tag, at(context));
        times.push(`${((performance.now() - begin) / 1000).toFixed(1)} s`);
        results.push(await resultOf(host, tag));
        if (says !== undefined)
          expect(await output(host, "run", "--rm", "--network", "none", tag)).toBe(says);
      }
      process.stdout.write(`${title}: docker ${times[0]}, tiffin ${times[1]}\n`);
      expect(results[1]).toEqual(results[0]);
    },
    limitMs,
  );
});
