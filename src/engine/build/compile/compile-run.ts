/** `RUN` as a vertex. Pure. */
import {
  hereDocumentText,
  type PlacedInstruction,
  parseHereDocument,
} from "../../../docker/dockerfile/parse-dockerfile.ts";
import { cleanPath, jsonList, shellOf } from "../../image/mod.ts";
import {
  type NetworkMode,
  type RunMount,
  type RunProgram,
  type SecretVariable,
  type VertexOutput,
  vertexOf,
} from "../graph/mod.ts";
import { checkFlags, parseFlag } from "./flags.ts";
import { parseMount, secretIdOf, type WrittenMount } from "./run-mounts.ts";
import type { StageInProgress } from "./surroundings.ts";

/** Arguments that need no `ARG` and are neither in the history nor in the cache's keys. */
export const proxyNames: ReadonlySet<string> = new Set(
  ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
);

export function compileRun(stage: StageInProgress, instruction: PlacedInstruction): void {
  const { config, whole, root } = stage;
  const flags = instruction.flags.map(parseFlag);
  checkFlags("RUN", flags, ["mount", "network", "security"], ["mount"]);
  const value = (name: string): string => stage.expand(flags.find((flag) => flag.name === name)?.value ?? "");
  const gathered = new GatheredInputs(root);
  const command = commandOf(stage, instruction, gathered);
  const mounts = flags
    .filter(({ name }) => name === "mount")
    .map((flag) => parseMount(flag.value ?? "", stage.expand));
  const variables: SecretVariable[] = [];
  const made = mounts.flatMap((mount, index) => mountOf(stage, mount, { gathered, variables, index }));
  const declared = [...new Map([...stage.inherited, ...stage.declared])].flatMap(([name, text]) =>
    text === undefined || isInEnvironment(stage, name) ? [] : [`${name}=${text}`],
  );
  for (const name of proxyNames) whole.consumed.add(name);
  const agent = made.find(({ kind }) => kind === "ssh");
  const operation: RunProgram = {
    kind: "run",
    arguments: command.words,
    environment: [
      ...new Set([
        ...(agent === undefined ? [] : [`SSH_AUTH_SOCK=${agent.target}`]),
        ...declared,
        ...(config.Env ?? []),
      ]),
    ],
    directory: config.WorkingDir ?? "/",
    user: config.User ?? "",
    network: networkOf(stage, value("network")),
    security: securityOf(stage, value("security")),
    hosts: [],
    proxy: proxiesOf(stage),
    mounts: [gathered.top, ...gathered.further, ...made],
    secretEnvironment: variables,
  };
  const shown = `RUN ${instruction.flags.map((flag) => `--${flag} `).join("")}${command.shown}`;
  const vertex = stage.vertex(instruction, shown, { operation, inputs: gathered.inputs });
  stage.became(
    { vertex, output: 0 },
    `RUN ${[...declaredText(stage), ...command.words].join(" ")} # buildkit`,
  );
}

/** The inputs of one step, each once. */
class GatheredInputs {
  readonly inputs: VertexOutput[] = [];
  /** Mounts that the command itself needs. */
  readonly further: RunMount[] = [];
  readonly top: RunMount;

  constructor(root: VertexOutput | undefined) {
    this.top = {
      kind: "tree",
      target: "/",
      input: this.add(root),
      source: "",
      readOnly: false,
      output: 0,
    };
  }

  add(output: VertexOutput | undefined): number {
    if (output === undefined) return -1;
    const at = this.inputs.findIndex(
      (one) => one.vertex.digest === output.vertex.digest && one.output === output.output,
    );
    return at === -1 ? this.inputs.push(output) - 1 : at;
  }
}

interface Command {
  readonly words: string[];
  readonly shown: string;
}

const documents = "/dev/pipes";
const scriptMode = 0o755;
const shownScript = 30;

/** The words of a program, with the shell where it is text. */
function commandOf(
  stage: StageInProgress,
  instruction: PlacedInstruction,
  gathered: GatheredInputs,
): Command {
  const { rest, hereDocuments } = instruction;
  const { config } = stage;
  const [only, ...more] = hereDocuments;
  if (only === undefined) {
    if (rest === "") throw new Error("RUN requires at least one argument");
    return { words: jsonList(rest) ?? [...shellOf(config), rest], shown: rest };
  }
  const content = hereDocumentText(only);
  const shown = `${rest} (${summary(content)})`;
  if (more.length > 0 || parseHereDocument(rest) === undefined) {
    return { words: [...shellOf(config), `${rest}\n${instruction.tail}`], shown };
  }
  if (!content.startsWith("#!")) return { words: [...shellOf(config), content], shown };
  // It names its interpreter, so it is a file.
  const script = vertexOf({
    name: "[internal] preparing inline document",
    operation: {
      kind: "files",
      actions: [
        {
          kind: "makeFile",
          on: { kind: "input", index: -1 },
          path: `/${only.name}`,
          mode: scriptMode,
          content: new TextEncoder().encode(content),
        },
      ],
    },
    inputs: [],
  });
  gathered.further.push({
    kind: "tree",
    target: documents,
    input: gathered.add({ vertex: script, output: 0 }),
    source: "",
    readOnly: true,
    output: -1,
  });
  return { words: [...shellOf(config), `${documents}/${only.name}`], shown };
}

function summary(content: string): string {
  const line = content.split("\n", 1)[0] ?? "";
  return line.length > shownScript ? `${line.slice(0, shownScript)}...` : line;
}

interface MountSurroundings {
  readonly gathered: GatheredInputs;
  readonly variables: SecretVariable[];
  readonly index: number;
}

const usualCacheMode = 0o755;
const usualSecretMode = 0o400;
const usualAgentMode = 0o600;

function mountOf(stage: StageInProgress, mount: WrittenMount, around: MountSurroundings): RunMount[] {
  const { gathered, variables, index } = around;
  const { uid, gid, required, readOnly } = mount;
  const target = placeOf(stage, mount.target);
  switch (mount.type) {
    case "bind": {
      const from =
        mount.from === "" ? stage.whole.mainContext() : stage.whole.filesOf(mount.from, stage.stage);
      return [
        { kind: "tree", target, input: gathered.add(from), source: mount.source, readOnly, output: -1 },
      ];
    }
    case "cache": {
      const from = mount.from === "" ? undefined : stage.whole.filesOf(mount.from, stage.stage);
      return [
        {
          kind: "cache",
          target,
          id: mount.id === "" ? target : mount.id,
          sharing: mount.sharing,
          readOnly,
          input: gathered.add(from),
          source: mount.source,
          mode: mount.mode ?? usualCacheMode,
          uid,
          gid,
        },
      ];
    }
    case "tmpfs":
      return [{ kind: "tmpfs", target, sizeBytes: mount.sizeBytes }];
    case "secret": {
      const id = secretIdOf(mount);
      if (mount.variable !== undefined) variables.push({ name: mount.variable, id, required });
      if (mount.variable !== undefined && mount.target === "") return [];
      const path = mount.target === "" ? `/run/secrets/${id}` : target;
      return [{ kind: "secret", target: path, id, required, mode: mount.mode ?? usualSecretMode, uid, gid }];
    }
    case "ssh": {
      const path = mount.target === "" ? `/run/buildkit/ssh_agent.${index}` : target;
      const id = mount.id === "" ? "default" : mount.id;
      return [{ kind: "ssh", target: path, id, required, mode: mount.mode ?? usualAgentMode, uid, gid }];
    }
  }
}

function placeOf({ config }: StageInProgress, target: string): string {
  if (target === "") return "";
  return cleanPath(target.startsWith("/") ? target : `${config.WorkingDir ?? "/"}/${target}`);
}

function networkOf({ whole }: StageInProgress, wanted: string): NetworkMode {
  const { network, entitlements } = whole.options;
  if (wanted === "" || wanted === "default") return network;
  if (wanted !== "none" && wanted !== "host") {
    throw new Error(`unsupported network mode ${JSON.stringify(wanted)} (there are: default, none, host)`);
  }
  if (wanted === "host" && network !== "host" && !entitlements.has("network.host")) {
    throw new Error("RUN --network=host needs what nobody has allowed: build with --allow network.host");
  }
  return wanted;
}

function securityOf({ whole }: StageInProgress, wanted: string): RunProgram["security"] {
  if (wanted === "" || wanted === "sandbox") return "sandbox";
  if (wanted !== "insecure") {
    throw new Error(`security ${JSON.stringify(wanted)} is not valid (there are: sandbox, insecure)`);
  }
  if (whole.options.entitlements.has("security.insecure")) return wanted;
  throw new Error(
    "RUN --security=insecure needs what nobody has allowed: build with --allow security.insecure",
  );
}

function proxiesOf({ whole, declared }: StageInProgress): string[] {
  return [...proxyNames].flatMap((name) => {
    const text = declared.has(name) ? undefined : whole.options.arguments(name);
    return text === undefined ? [] : [`${name}=${text}`];
  });
}

/** The arguments that a step sees, as the history has them. */
function declaredText(stage: StageInProgress): string[] {
  const shown = [...stage.declared]
    .filter(([name]) => !proxyNames.has(name))
    .map(([name, text = ""]) => `${name}=${stage.lookup(name) ?? text}`);
  return shown.length === 0 ? [] : [`|${shown.length}`, ...shown];
}

function isInEnvironment({ config }: StageInProgress, name: string): boolean {
  return config.Env?.some((entry) => entry.startsWith(`${name}=`)) ?? false;
}
