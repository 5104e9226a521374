/**
 * docker's own client builds by the BuildKit of a real dockerd and by our classic route, from the same base image: the same files with
 * the same modes and owners, the same configuration, the same history.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { makeBuildContext } from "../support/build-context.ts";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";

/** The one that has BuildKit in it. */
const docker = dockerClients.find(({ version }) => version.startsWith("20."));
const possible = docker !== undefined && hasDockerd;

let engine: TestEngine;
let dockerd: OwnDockerd;
let files: TemporaryDirectory;
const at = (name: string): string => `${files.path}/${name}`;

async function said(
  client: string,
  host: string,
  words: readonly string[],
  buildkit = "0",
): Promise<Outcome> {
  const env = { ...process.env, DOCKER_HOST: host, DOCKER_BUILDKIT: buildkit, DOCKER_CONFIG: at("config") };
  return await outcomeOf(
    Bun.spawn([client, ...words], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" }),
  );
}

async function output(host: string, ...words: readonly string[]): Promise<string> {
  const buildkit = host === engines()[0] ? "1" : "0";
  const { code, stdout, stderr } = await said(docker?.path ?? "", host, words, buildkit);
  if (code !== 0) throw new Error(`docker ${words.join(" ")} at ${host}: ${stdout}\n${stderr}`);
  return stdout;
}

const engines = (): readonly string[] => [`unix://${dockerd.socket}`, engine.host];

beforeAll(async () => {
  if (!possible) return;
  files = temporaryDirectory("compat-build");
  [engine, dockerd] = await Promise.all([startEngine(), OwnDockerd.start()]);
  const [real = "", own = ""] = engines();
  await output(real, "save", "-o", at("base.tar"), "base");
  await output(own, "load", "-q", "-i", at("base.tar"));
  makeBuildContext(at("context"), at("a.tgz"));
}, 90_000);
afterAll(async () => {
  if (!possible) return;
  await engine[Symbol.asyncDispose]();
  await dockerd[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

/** Newer BuildKits tell of owners and modes, and know one more time of a check of health. */
function comparable(text: string): string {
  return text.replace(/ --ch(?:own|mod)=\S+/g, "").replace(/(?: "0s")+ '\\x/g, " '\\x");
}

async function resultOf(host: string, tag: string): Promise<unknown> {
  const config: unknown = JSON.parse(await output(host, "inspect", "--format", "{{json .Config}}", tag));
  const history = await output(host, "history", "--no-trunc", "--format", "{{.CreatedBy}} {{.Comment}}", tag);
  const told = "{{.Author}} {{.Comment}} {{.Parent}} {{.DockerVersion}} {{.Architecture}} {{.Os}}";
  const document = await output(host, "image", "inspect", "--format", told, tag);
  const container = (await output(host, "create", tag, "x")).trim();
  await output(host, "export", "-o", at("export.tar"), container);
  await output(host, "rm", "-v", container);
  const list = Bun.spawnSync(["tar", "--numeric-owner", "-tvf", at("export.tar")]).stdout.toString();
  const lines = list
    .split("\n")
    .map((line) => line.replace(/\d{4}-\d\d-\d\d \d\d:\d\d /, ""))
    .filter(
      (line) =>
        !/ (?:\.dockerenv|dev\/.*|etc\/(?:hosts|hostname|resolv\.conf|mtab.*)|proc\/|sys\/|etc\/|dev\/|\.\/)$/.test(
          line,
        ),
    )
    .filter((line) => !/ bin\/|^$/.test(line))
    .sort();
  return { config: meaning(config), document, history: comparable(history), files: lines };
}

/** What of a configuration says something. */
function meaning(config: unknown): unknown {
  const known =
    "User ExposedPorts Env Cmd Volumes WorkingDir Entrypoint OnBuild Labels StopSignal Healthcheck Shell".split(
      " ",
    );
  return Object.fromEntries(
    Object.entries(config ?? {}).filter(
      ([key, value]) =>
        known.includes(key) &&
        value !== null &&
        value !== "" &&
        JSON.stringify(value) !== "{}" &&
        JSON.stringify(value) !== "[]",
    ),
  );
}

const dockerfiles: Readonly<Record<string, string>> = {
  "configuration alone": `FROM base
MAINTAINER me
ENV A=1 B="two words"
ENV OLD style value
LABEL one=1 "two"="x y"
EXPOSE 90/udp 80
USER 5:6
VOLUME /data /more
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s --timeout=1m30s --retries=3 CMD true
ONBUILD RUN echo built
ENTRYPOINT ["sh", "-c"]
CMD ["x"]`,
  "programs, shells and arguments": `ARG FROM=base
FROM $FROM
ARG WHO=world
ARG NOTHING
RUN echo hello $WHO > /hello
SHELL ["/bin/sh", "-ec"]
RUN mkdir -p /d/e && chmod 1777 /d && rm /hello
RUN ["sh", "-c", "echo $WHO > /listed"]
CMD echo $WHO
ENTRYPOINT exec sh`,
  "files of the context": `FROM base
COPY one /one
COPY one two /both/
COPY dir /dir
COPY dir/ /there/is/none/
COPY on* /pattern/
COPY ["two", "/a name"]
WORKDIR /deep/dir
COPY one .
COPY one ./renamed`,
  "through links of the base": `FROM base
RUN mkdir /real && ln -s /real /link && ln -s real/file /point && ln -s ../../../../real /up
COPY one /link/one
COPY two /link
COPY dir /up/dir
COPY one /point
WORKDIR /link/work`,
  owners: `FROM base
COPY --chown=1:2 one /one
COPY --chown=7 dir /made/dir
RUN echo u:x:33:44::/:/bin/sh >> /etc/passwd; echo g:x:55: >> /etc/group
COPY --chown=u:g two /named`,
  archives: `FROM base
ADD a.tgz /un/
ADD a.tgz /
COPY a.tgz /kept.tgz
ADD one /one`,
  stages: `FROM base AS first
RUN mkdir /out && echo f > /out/f && chown 3:4 /out/f && chmod 600 /out/f && ln -s f /out/l
FROM first AS second
RUN echo s > /out/s
FROM base
COPY --from=first /out /first
COPY --from=second /out/s /out/l /second/
COPY --from=0 /out/f /zero`,
  "nothing at all": `FROM scratch
COPY one /
ENV A=b
CMD ["/one"]`,
  "volumes keep what is copied": `FROM base
VOLUME /v
COPY one /v/one
RUN echo gone > /v/two`,
  places: `FROM base
WORKDIR /a
WORKDIR b/../c
ENV D=/x/y
WORKDIR $D/z
RUN pwd > here`,
};

const corpus = `${import.meta.dir}/programs/dockerfiles`;
const ofRealKinds = readdirSync(corpus)
  .filter((name) => name.endsWith(".Dockerfile"))
  .map((name): [string, string] => [name.replace(".", " "), readFileSync(`${corpus}/${name}`, "utf8")]);

test.skipIf(!possible).each([...Object.entries(dockerfiles), ...ofRealKinds])(
  "%s: the same from both",
  async (name, text) => {
    const tag = name.replace(/\W+/g, "-").toLowerCase();
    writeFileSync(at("context/Dockerfile"), text);
    const results: unknown[] = [];
    for (const host of engines()) {
      await output(host, "build", "-q", "--network", "none", "-t", tag, at("context"));
      results.push(await resultOf(host, tag));
    }
    expect(results[1]).toEqual(results[0]);
  },
  60_000,
);

test.skipIf(!possible)(
  "triggers of a base are done before what is built on it",
  async () => {
    const results: unknown[] = [];
    for (const host of engines()) {
      writeFileSync(at("context/Dockerfile"), "FROM base\nONBUILD COPY one /by-trigger\nONBUILD ENV T=1");
      await output(host, "build", "-q", "--network", "none", "-t", "trigger", at("context"));
      writeFileSync(at("context/Dockerfile"), "FROM trigger\nRUN cat /by-trigger > /copy");
      await output(host, "build", "-q", "--network", "none", "-t", "triggered", at("context"));
      results.push(await resultOf(host, "triggered"));
    }
    expect(results[1]).toEqual(results[0]);
  },
  60_000,
);

const failing: Readonly<Record<string, string>> = {
  "a program that fails": "FROM base\nRUN exit 7",
  "a file that there is not": "FROM base\nCOPY none /",
  "a link that leads out": "FROM base\nCOPY outside /x",
  "a file that is left out": "FROM base\nCOPY kept/skip.md /",
  "a path that leads out": "FROM base\nCOPY ../one /",
  "an unknown instruction": "FROM base\nNOTHING x",
};

test.skipIf(!possible).each(Object.entries(failing))(
  "%s fails in both, with the same exit code",
  async (_, text) => {
    writeFileSync(at("context/Dockerfile"), text);
    const codes: number[] = [];
    for (const host of engines()) {
      for (const client of dockerClients)
        codes.push((await said(client.path, host, ["build", at("context")])).code);
    }
    expect(codes).toEqual(codes.map(() => (text.includes("exit 7") ? 7 : 1)));
  },
  60_000,
);

test.skipIf(!possible)(
  "every client of docker's sees the steps, the cache and the id",
  async () => {
    writeFileSync(at("context/Dockerfile"), "FROM base\nRUN echo told");
    const [, own = ""] = engines();
    for (const [index, { path }] of dockerClients.entries()) {
      const { code, stdout } = await said(path, own, ["build", "-t", "told", at("context")]);
      expect(code).toBe(0);
      expect(stdout).toContain("Step 2/2 : RUN echo told\n");
      expect(stdout).toContain(index === 0 ? "\ntold\n" : " ---> Using cache\n");
      expect(stdout).toMatch(/Successfully built [0-9a-f]{12}\nSuccessfully tagged told:latest\n$/);
    }
    expect(await output(own, "ps", "-aq")).toBe("");
  },
  60_000,
);
