/** The table of what Docker's client can be told and what becomes of it here: our own command tables beside the kept list. */
import { commandTable } from "../src/cli/command-table.ts";
import { createFields } from "../src/docker/fields.ts";
import { proofOf } from "./docker-cases.ts";
import kept from "./docker-client.json" with { type: "json" };

/** Options that the engine does not do, or not as Docker does, by the field of the request that says so. */
const fieldsOfOptions: Readonly<Record<string, string>> = {
  gpus: "HostConfig.DeviceRequests[].Driver",
  "health-cmd": "Healthcheck.Test",
  "health-interval": "Healthcheck.Interval",
  "health-retries": "Healthcheck.Retries",
  "health-start-interval": "Healthcheck.StartInterval",
  "health-start-period": "Healthcheck.StartPeriod",
  "health-timeout": "Healthcheck.Timeout",
  link: "HostConfig.Links",
  "link-local-ip": "NetworkingConfig.EndpointsConfig{}.IPAMConfig.LinkLocalIPs",
  runtime: "HostConfig.Runtime",
  "storage-opt": "HostConfig.StorageOpt",
  "volume-driver": "HostConfig.VolumeDriver",
  "volumes-from": "HostConfig.VolumesFrom",
};

const unsigned = "nothing is signed, and no signature is looked at";

/** What no field of a create body tells. */
const differences: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "container create": { "disable-content-trust": unsigned },
  "container run": { "disable-content-trust": unsigned },
  "image build": {
    "disable-content-trust": unsigned,
    "force-rm": "containers of steps always go",
    rm: "containers of steps always go",
  },
  "image pull": { "disable-content-trust": unsigned },
  "image push": { "disable-content-trust": unsigned },
  "system prune": {
    all: "steps of builds are no cache to it: what they came to goes as images without a name do",
  },
};

/** Taken to be refused with the reason. */
const refusals: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "image build": { squash: "refused: steps stay layers of their own" },
};

const windows = "of Windows alone";
const swarm = "of a swarm's volumes alone";
/** Why an option is not there, where that is not just so. */
const absences: Readonly<Record<string, string>> = {
  availability: swarm,
  checkpoint: "the runtime alone has checkpoints; the API's own parameter is refused",
  "checkpoint-dir": "the runtime alone has checkpoints",
  cluster: swarm,
  "cpu-count": windows,
  "cpu-percent": windows,
  group: swarm,
  "io-maxbandwidth": windows,
  "io-maxiops": windows,
  "limit-bytes": swarm,
  "required-bytes": swarm,
  scope: swarm,
  secret: swarm,
  sharing: swarm,
  "topology-preferred": swarm,
  "topology-required": swarm,
  tree: "an image here is for one platform, and there is nothing below it",
  type: swarm,
};

export interface Row {
  readonly command: string;
  /** `-s, --long`; empty: the command itself. */
  readonly option: string;
  readonly verdict: "works" | "differs" | "not yet";
  readonly how: string;
}

const optionPattern = /^(?:(-\w), )?--(.+)$/;

/** Every command and option of the list. Throws for an exception that is about none of them. */
export async function dockerCommandRows(): Promise<Row[]> {
  const rows: Row[] = [];
  for (const [command, options] of Object.entries(kept.commands)) {
    const entry = commandTable.find(({ names }) => names.includes(command));
    if (entry === undefined) {
      rows.push({ command, option: "", verdict: "not yet", how: "" });
      for (const option of options) rows.push({ command, option, verdict: "not yet", how: "" });
      continue;
    }
    rows.push({ command, option: "", verdict: "works", how: "" });
    const { flags } = await entry.load();
    for (const option of options) {
      const [, short, long = ""] = optionPattern.exec(option) ?? [];
      const flag = Object.hasOwn(flags, long) ? flags[long] : undefined;
      rows.push({ command, option, ...verdictOf(command, long, short, flag?.short, flag !== undefined) });
    }
  }
  return rows;
}

function verdictOf(
  command: string,
  long: string,
  short: string | undefined,
  ownShort: string | undefined,
  isThere: boolean,
): Pick<Row, "verdict" | "how"> {
  // Every command has it; none has it in its table.
  if (long === "help") return { verdict: "works", how: "" };
  if (!isThere) return { verdict: "not yet", how: absences[long] ?? "" };
  if (short !== undefined && `-${ownShort ?? ""}` !== short)
    return { verdict: "differs", how: `no ${short}` };
  const refused = refusals[command]?.[long];
  if (refused !== undefined) return { verdict: "not yet", how: refused };
  const own = differences[command]?.[long];
  if (own !== undefined) return { verdict: "differs", how: own };
  const path = ["container create", "container run"].includes(command) ? fieldsOfOptions[long] : undefined;
  if (path === undefined) return { verdict: "works", how: "" };
  const field = createFields[path];
  if (field === undefined) throw new Error(`no field ${path} is known, of which --${long} is said to be`);
  switch (field.does) {
    case "done":
      return { verdict: "works", how: "" };
    case "recorded":
    case "ignored":
      return { verdict: "not yet", how: field.why };
    case "warned":
    case "refused":
      return { verdict: "not yet", how: field.message("VALUE") };
  }
}

/** What shows that it works; every client says its help by itself. */
export function proofOfRow({ command, option }: Pick<Row, "command" | "option">): string | undefined {
  const [, , long] = optionPattern.exec(option) ?? [];
  if (long === "help") return "";
  return proofOf(long === undefined ? command : `${command} --${long}`);
}

export async function dockerCommandsPage(): Promise<string> {
  const rows = await dockerCommandRows();
  const count = (verdict: Row["verdict"]): number => rows.filter((row) => row.verdict === verdict).length;
  const lines = rows.map(({ command, option, verdict, how }) => {
    const what = option === "" ? `**${command}**` : `\`${option}\``;
    const why = verdict === "works" ? proofOfRow({ command, option }) : how;
    return `| ${what} | ${verdict} | ${(why ?? "").replaceAll("|", "\\|")} |`;
  });
  return `# Docker's commands and options

<!-- Generated from src/cli/commands and tools/docker-client.json by tools/generate.ts; edits here are lost. -->

Every command of the families \`container\`, \`image\`, \`manifest\`, \`volume\` and \`system\`, and those for registries, of the \`docker\` client ${kept.version}, with every option that its
help lists, and what becomes of it when the command line of this project is told the same. Where a verdict is that something works, the
option is taken and done. \`case\`: the client is told it against this engine and against one of Docker's, and outputs, exit codes and
what inspect says are the same (tools/docker-cases.ts, run by test/compat/docker-flags.test.ts); of this engine alone where the Docker engine of the
tests is too old for it. A file: the test that shows it. ${count("works")} work, ${count("differs")}
differ, ${count("not yet")} are not there yet.

| Command or option | | |
| --- | --- | --- |
${lines.join("\n")}
`;
}
