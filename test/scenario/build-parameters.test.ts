/** Every parameter of `POST /build`: what it does to a step, or the sentence that refuses it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { emptyFile, endOfArchive, headerOf, padding } from "../../src/archive/mod.ts";
import { routes } from "../../src/docker/routes.ts";
import { type CommandResult, startEngine, type TestEngine } from "../support/engine-harness.ts";
import { hasDockerRegistry, startRegistry } from "../support/real-registry.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { writeFiles } from "../support/write-files.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
}, 60_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

function tarOf(files: Readonly<Record<string, string>>): Uint8Array {
  const members = Object.entries(files).flatMap(([path, text]) => {
    const content = Buffer.from(text);
    return [
      headerOf({ ...emptyFile, path, mode: 0o644, sizeBytes: content.length }),
      content,
      padding(content.length),
    ];
  });
  return Buffer.concat([...members, endOfArchive]);
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

async function build(
  query: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>>,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const answer = await fetch(`http://localhost/v1.50/build?${new URLSearchParams(query)}`, {
    method: "POST",
    unix: engine.socket,
    headers: { "Content-Type": "application/x-tar", ...headers },
    body: tarOf(files),
  });
  const text = await answer.text();
  const lines = text.split("\n").map((line) => {
    try {
      const said: { stream?: string; error?: string; message?: string } = JSON.parse(line);
      return `${said.stream ?? ""}${said.error ?? ""}${said.message ?? ""}`;
    } catch {
      return line;
    }
  });
  return { status: answer.status, text: lines.join("") };
}

/** A limit, by the second version of control groups or the first. */
const limit = (second: string, first: string): string =>
  `cat /sys/fs/cgroup/${second} 2>/dev/null || cat /sys/fs/cgroup/${first}`;

interface Case {
  readonly query: Readonly<Record<string, string>>;
  /** What a step does, whose output is looked at. */
  readonly run?: string;
  readonly files?: Readonly<Record<string, string>>;
  readonly told: RegExp;
  readonly not?: RegExp;
  readonly status?: number;
}

const json = (value: unknown): string => JSON.stringify(value);
const plain = "FROM base\nRUN echo plain";

const cases: Readonly<Record<string, readonly Case[]>> = {
  dockerfile: [
    {
      query: { dockerfile: "d/Other" },
      files: { "d/Other": "FROM base\nRUN echo other" },
      told: /\nother\n/,
    },
    {
      query: { dockerfile: "../out" },
      files: { a: "" },
      status: 400,
      told: /Cannot locate specified Dockerfile/,
    },
  ],
  t: [
    { query: { t: "named:2" }, told: /Successfully tagged named:2\n/ },
    { query: { t: "NAMED" }, status: 400, told: /must be lowercase/ },
  ],
  remote: [{ query: { remote: "client-session" }, status: 400, told: /is no git repository and no address/ }],
  q: [{ query: { q: "1" }, told: /^sha256:[0-9a-f]{64}\n$/ }],
  nocache: [
    { query: {}, run: "echo cached?", told: /cached\?/ },
    { query: {}, run: "echo cached?", told: /Using cache/ },
    { query: { nocache: "1" }, run: "echo cached?", told: /\ncached\?\n/, not: /Using cache/ },
  ],
  cachefrom: [{ query: { cachefrom: json(["localhost:1/none"]) }, told: /no cache from localhost:1\/none/ }],
  pull: [
    {
      query: { pull: "1" },
      status: 503,
      files: { Dockerfile: "FROM localhost:1/none" },
      told: /localhost:1/,
    },
  ],
  rm: [{ query: { rm: "0" }, told: /plain/ }],
  forcerm: [{ query: { forcerm: "1" }, told: /plain/ }],
  memory: [
    {
      query: { memory: "67108864" },
      run: limit("memory.max", "memory/memory.limit_in_bytes"),
      told: /\n67108864\n/,
    },
    { query: { memory: "1" }, run: "true", told: /minimum memory limit/i },
  ],
  memswap: [
    {
      query: { memory: "67108864", memswap: "67108864" },
      run: `${limit("memory.swap.max", "memory/memory.memsw.limit_in_bytes")}; true`,
      told: /\n(?:0|67108864)\n|No such file/,
    },
  ],
  cpushares: [
    { query: { cpushares: "512" }, run: limit("cpu.weight", "cpu/cpu.shares"), told: /\n(?:20|59|512)\n/ },
  ],
  cpuperiod: [
    {
      query: { cpuperiod: "50000", cpuquota: "25000" },
      run: limit("cpu.max", "cpu/cpu.cfs_period_us"),
      told: /\n(?:25000 )?50000\n/,
    },
  ],
  cpuquota: [
    { query: { cpuquota: "25000" }, run: limit("cpu.max", "cpu/cpu.cfs_quota_us"), told: /\n25000\b/ },
  ],
  cpusetcpus: [
    {
      query: { cpusetcpus: "0" },
      run: "grep Cpus_allowed_list /proc/self/status",
      told: /Cpus_allowed_list:\t0\n/,
    },
  ],
  cpusetmems: [
    {
      query: { cpusetmems: "0" },
      run: "grep Mems_allowed_list /proc/self/status",
      told: /Mems_allowed_list:\t0\n/,
    },
  ],
  shmsize: [{ query: { shmsize: "2097152" }, run: "df -k /dev/shm | tail -1", told: /\s2048\s/ }],
  buildargs: [
    {
      query: { buildargs: json({ WHO: "cook" }) },
      files: { Dockerfile: "FROM base\nARG WHO\nRUN echo for $WHO" },
      told: /\nfor cook\n/,
    },
    {
      query: { buildargs: json({ NOBODY: "1" }) },
      told: /\[Warning\] One or more build-args \[NOBODY\] were not consumed/,
    },
    {
      query: { buildargs: json({ http_proxy: "http://p", SOURCE_DATE_EPOCH: "1" }) },
      told: /plain/,
      not: /not consumed/,
    },
    { query: { buildargs: "{" }, status: 400, told: /buildargs/ },
  ],
  labels: [{ query: { labels: json({ course: "first" }), t: "labelled" }, told: /tagged labelled/ }],
  squash: [{ query: { squash: "1" }, status: 501, told: /squashing layers \(squash\) is not done/ }],
  networkmode: [
    { query: { networkmode: "none" }, run: "ls /sys/class/net", told: /\nlo\n/, not: /eth0/ },
    { query: { networkmode: "default" }, run: "ls /sys/class/net # default", told: /eth0/ },
    { query: { networkmode: "nowhere" }, run: "true # nowhere", told: /nowhere/ },
  ],
  platform: [
    {
      query: { platform: "linux/arm64" },
      files: { Dockerfile: "FROM scratch\nARG TARGETPLATFORM\nCOPY Dockerfile /for-$TARGETPLATFORM" },
      told: /COPY Dockerfile/,
    },
    { query: { platform: "not a platform" }, status: 400, told: /platform/ },
  ],
  target: [
    {
      query: { target: "first" },
      files: { Dockerfile: "FROM base AS first\nRUN echo first\nFROM base\nRUN echo second" },
      told: /\nfirst\n/,
      not: /second/,
    },
    { query: { target: "none" }, status: 400, told: /target stage "none" could not be found/ },
  ],
  outputs: [{ query: { outputs: json([{ Type: "local" }]) }, status: 501, told: /outputs/ }],
  version: [
    { query: { version: "1" }, told: /plain/ },
    { query: { version: "3" }, status: 400, told: /version/ },
  ],
  extrahosts: [
    {
      query: { extrahosts: "kitchen:10.1.2.3" },
      run: "grep kitchen /etc/hosts",
      told: /10\.1\.2\.3\s+kitchen/,
    },
    { query: { extrahosts: "kitchen" }, run: "true # host", told: /kitchen/ },
  ],
  cgroupparent: [
    { query: { cgroupparent: `/tiffin-build-test-${process.pid}` }, run: "echo within", told: /\nwithin\n/ },
  ],
  securityopt: [
    {
      query: { securityopt: json(["no-new-privileges"]) },
      run: "grep NoNewPrivs /proc/self/status",
      told: /NoNewPrivs:\t1/,
    },
    { query: { securityopt: json(["colour=red"]) }, run: "true # security", told: /colour=red/ },
  ],
  ulimits: [
    { query: { ulimits: json([{ Name: "nofile", Soft: 77, Hard: 88 }]) }, run: "ulimit -n", told: /\n77\n/ },
    { query: { ulimits: json([{ Name: "colour", Soft: 1, Hard: 1 }]) }, run: "true # limit", told: /colour/ },
  ],
  isolation: [
    { query: { isolation: "default" }, told: /plain/ },
    { query: { isolation: "hyperv" }, status: 501, told: /isolation/ },
  ],
  session: [{ query: { session: "abc" }, status: 501, told: /session/ }],
  buildid: [{ query: { buildid: "mine" }, told: /plain/ }],
};

test("there is a case for each parameter of the route", () => {
  expect(Object.keys(cases).sort()).toEqual(Object.keys(routes.build.query).sort());
});

test.each(Object.entries(cases))(
  "%s",
  async (_, tried) => {
    for (const { query, run, files, told, not, status = 200 } of tried) {
      const dockerfile = run === undefined ? plain : `FROM base\nRUN echo; ${run}`;
      const answer = await build(query, { Dockerfile: dockerfile, ...files });
      expect({ query, ...answer }).toEqual({ query, status, text: expect.stringMatching(told) });
      if (not !== undefined) expect(answer.text).not.toMatch(not);
    }
  },
  60_000,
);

test.skipIf(!hasDockerRegistry)(
  "a base comes with the credentials of the request's header, and not without (skipped without docker-registry)",
  async () => {
    await using registry = await startRegistry({ basic: ["cook", "lunchtime"] });
    const image = `${registry.host}/base:1`;
    const login = { username: "cook", password: "lunchtime" };
    const header = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    await engine.output("tag", "base", image);
    const pushed = await fetch(`http://localhost/images/${registry.host}/base/push?tag=1`, {
      method: "POST",
      unix: engine.socket,
      headers: { "X-Registry-Auth": header(login) },
    });
    expect(await pushed.text()).toContain("digest: sha256:");
    const files = { Dockerfile: `FROM ${image}\nRUN echo private` };
    const query = { pull: "1", nocache: "1" };
    expect((await build(query, files)).text).toMatch(/unauthorized|denied|no basic auth/i);
    const knows = {
      "X-Registry-Config": header({ [registry.host]: login, "other.example": { username: "x" } }),
    };
    const built = await build(query, files, knows);
    expect(built.text).toContain("\nprivate\n");
    expect(built.text).not.toContain("lunchtime");
    const wrong = { "X-Registry-Config": header({ "other.example": login }) };
    expect((await build(query, files, wrong)).text).toMatch(/unauthorized|denied|no basic auth/i);
    // The command sends what the user's configuration knows: for bases, pushes and caches.
    using place = temporaryDirectory("build-login");
    const auth = Buffer.from("cook:lunchtime").toString("base64");
    writeFiles(place.path, {
      "context/Dockerfile": `FROM ${image}\nRUN echo by command`,
      "config/config.json": JSON.stringify({ auths: { [registry.host]: { auth } } }),
    });
    const words = [
      "--pull",
      "--push",
      "-t",
      `${registry.host}/pushed:1`,
      "--cache-to",
      `${registry.host}/cache:1`,
    ];
    const command = (config: string): Promise<CommandResult> =>
      engine.cliWith({ env: { DOCKER_CONFIG: config } }, "build", ...words, `${place.path}/context`);
    expect(await command(`${place.path}/config`)).toMatchObject({ exitCode: 0, stderr: "" });
    const refused = await command(`${place.path}/nothing`);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/unauthorized|denied|no basic auth/i);
  },
  60_000,
);
