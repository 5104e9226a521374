/** The compose programs of this machine: the one in Python as `docker-compose`, the one in Go under that name or as a plugin. */
import { dockerClients } from "./docker-clients.ts";

export interface ComposeProgram {
  readonly command: readonly string[];
  /** `1.29.2`; `dev` of one that was built from a module. */
  readonly version: string;
}

function programOf(command: readonly string[]): ComposeProgram | undefined {
  try {
    const asked = Bun.spawnSync([...command, "version"], { stdout: "pipe", stderr: "ignore" });
    const version = /ompose version v?([\w.-]+)/.exec(asked.stdout.toString())?.[1];
    return asked.success && version !== undefined ? { command, version } : undefined;
  } catch {
    return undefined;
  }
}

const docker = dockerClients[0];
const commands = [["docker-compose"], ...(docker === undefined ? [] : [[docker.path, "compose"]])];

export const composePrograms: readonly ComposeProgram[] = commands.flatMap(
  (command) => programOf(command) ?? [],
);
