/** Dockerfiles as graphs: which vertices there are, what they are called, what they are made of, and what is refused. */
import { expect, test } from "bun:test";
import { parseDockerfile } from "../../../docker/dockerfile/parse-dockerfile.ts";
import { inOrder, type Vertex } from "../graph/mod.ts";
import type { NamedContext } from "../inputs.ts";
import { type BaseImage, baseKey, type CompiledStage, compileDockerfile } from "./mod.ts";

const host = { os: "linux", architecture: "amd64", variant: "" };
const base: BaseImage = {
  id: `sha256:${"b".repeat(64)}`,
  config: { Env: ["PATH=/bin"] },
  history: [],
  author: "",
  architecture: "amd64",
  os: "linux",
  variant: "",
  osVersion: "",
};
const context: NamedContext = { kind: "local", local: { receive: async () => undefined } };

interface Wishes {
  readonly target?: string;
  readonly arguments?: Readonly<Record<string, string>>;
  readonly entitlements?: readonly string[];
  readonly contexts?: readonly (readonly [string, NamedContext])[];
}

function compiled(
  text: string,
  wishes: Wishes = {},
): CompiledStage & { readonly vertices: readonly Vertex[] } {
  const bases = new Map<string, BaseImage>();
  for (let round = 0; round < 10; round += 1) {
    const found = compileDockerfile({
      file: parseDockerfile(text),
      target: wishes.target ?? "",
      arguments: (name) => wishes.arguments?.[name],
      argumentNames: Object.keys(wishes.arguments ?? {}),
      host,
      platform: host,
      platformPrefix: "",
      labels: {},
      noCache: false,
      noCacheStages: [],
      pull: false,
      network: "default",
      entitlements: new Set(wishes.entitlements ?? []),
      contexts: new Map([["context", context], ...(wishes.contexts ?? [])]),
      ignored: new Map(),
      bases,
    });
    if (found.kind === "done") {
      const { result } = found;
      return { ...result, vertices: result.root === undefined ? [] : inOrder([result.root.vertex]) };
    }
    for (const one of found.bases) bases.set(baseKey(one), base);
  }
  throw new Error("it asks for ever");
}

const names = (text: string, wishes?: Wishes): string[] =>
  compiled(text, wishes).vertices.map(({ name }) => name);

test("vertices are named as BuildKit names them, only those that are needed are there, and what two stages begin with once", () => {
  expect(
    names(
      "FROM a AS one\nRUN x\nFROM b AS two\nRUN y\nFROM c\nARG V=1\nRUN z $V\nCOPY --from=one /o /p\nWORKDIR /w",
    ),
  ).toEqual([
    "[stage-2 1/4] FROM c",
    "[stage-2 2/4] RUN z 1",
    "[one 2/2] RUN x",
    "[stage-2 3/4] COPY --from=one /o /p",
    "[stage-2 4/4] WORKDIR /w",
  ]);
  expect(names("FROM a\nRUN x")).toEqual(["[1/2] FROM a", "[2/2] RUN x"]);
});

test("equal steps of different stages are one vertex, and another argument makes another", () => {
  const text = (one: string, two: string): string =>
    `FROM a AS x\nARG V=${one}\nRUN same\nFROM a AS y\nARG V=${two}\nRUN same\nFROM scratch\nCOPY --from=x /f /1\nCOPY --from=y /f /2`;
  const programs = (wanted: string): number =>
    compiled(wanted).vertices.filter(({ operation }) => operation.kind === "run").length;
  expect(programs(text("1", "1"))).toBe(1);
  expect(programs(text("1", "2"))).toBe(2);
});

test("the digest covers what a step is made of, and not the proxies of a client", () => {
  const digest = (text: string, args: Readonly<Record<string, string>> = {}): string =>
    compiled(text, { arguments: args }).root?.vertex.digest ?? "";
  const text = "FROM a\nRUN x\nRUN y";
  expect(digest(text)).toBe(digest(text, { HTTP_PROXY: "http://me:secret@p" }));
  expect(digest(text)).not.toBe(digest("FROM a\nRUN z\nRUN y"));
});

test("mounts have Docker's defaults", () => {
  const { root } = compiled(
    `FROM a AS kit\nFROM a\nWORKDIR /w\nRUN --mount=target=rel --mount=type=cache,target=/c --mount=type=secret,id=s --mount=type=ssh --mount=type=tmpfs,target=/t,size=1.5m --mount=from=kit,source=/k,target=/k,rw true`,
  );
  const operation = root?.vertex.operation;
  if (operation?.kind !== "run") throw new Error("no program");
  expect(operation.mounts.slice(1)).toEqual([
    { kind: "tree", target: "/w/rel", input: 1, source: "", readOnly: true, output: -1 },
    {
      kind: "cache",
      target: "/c",
      id: "/c",
      sharing: "shared",
      readOnly: false,
      input: -1,
      source: "",
      mode: 0o755,
      uid: 0,
      gid: 0,
    },
    { kind: "secret", target: "/run/secrets/s", id: "s", required: false, mode: 0o400, uid: 0, gid: 0 },
    {
      kind: "ssh",
      target: "/run/buildkit/ssh_agent.3",
      id: "default",
      required: false,
      mode: 0o600,
      uid: 0,
      gid: 0,
    },
    { kind: "tmpfs", target: "/t", sizeBytes: 1_572_864 },
    { kind: "tree", target: "/k", input: 2, source: "/k", readOnly: false, output: -1 },
  ]);
  expect(operation.environment).toContain("SSH_AUTH_SOCK=/run/buildkit/ssh_agent.3");
});

const refused: readonly (readonly [line: string, told: string])[] = [
  ["RUN --mount=type=bind true", "target is required"],
  ["RUN --mount=type=cache,target=/x,sharing=some true", 'unsupported sharing value "some"'],
  ["RUN --mount=type=cache,target=/x,mode=9 true", "invalid value 9 for mode"],
  ["RUN --mount=type=secret true", "it needs an id or a target"],
  ["RUN --mount=target true", "must be a key=value pair"],
  ["RUN --network=host true", "--allow network.host"],
  ["RUN --security=insecure true", "--allow security.insecure"],
  ["RUN --network=other true", 'unsupported network mode "other"'],
  ["COPY --chmod=99 a b", "invalid chmod parameter"],
  ["COPY --checksum=sha256:00 a b", "unknown flag: --checksum"],
  ["COPY --link --link a b", "Duplicate flag specified: link"],
  ["COPY --from=later a b", ""],
  ["COPY ../a b", "forbidden path outside the build context"],
  ["COPY a b c", "must be a directory and end with a /"],
  ["ADD --checksum=sha256:00 a b", "checksum can't be specified"],
  ["ADD https://h/r.git#main:../x /", "it leads out of it"],
  ["ADD ssh://-oProxyCommand=x/y.git /", "its host would be an option"],
  ["ADD https://h/r.git#-x /", "invalid git reference"],
];

test.each(refused.filter(([, told]) => told !== ""))("%s is refused with a sentence", (line, told) => {
  expect(() => compiled(`FROM a\n${line}`)).toThrow(told);
});

test("a stage behind cannot be copied from, and a named context comes before stages and images", () => {
  expect(() => compiled("FROM a\nCOPY --from=later x y\nFROM a AS later", { target: "0" })).toThrow(
    "only stages before",
  );
  expect(
    names("FROM a AS x\nFROM x\nCOPY --from=x /f /g", {
      contexts: [["x", { kind: "image", reference: "other" }]],
    }),
  ).toContain("[context x] other");
});

test("a copy that is a layer of its own needs nothing of what is below it", () => {
  const { root } = compiled("FROM a\nRUN x\nCOPY --link f /g");
  expect(root?.vertex.operation.kind).toBe("merge");
  expect(root?.vertex.inputs[1]?.vertex.inputs.map(({ vertex }) => vertex.operation.kind)).toEqual(["local"]);
});
