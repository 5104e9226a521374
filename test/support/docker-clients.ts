/** The docker clients of this machine: old and new ones say different things, so each has to be understood. */
import { existsSync, realpathSync } from "node:fs";

export interface DockerClient {
  readonly path: string;
  /** `28.2.2`. */
  readonly version: string;
}

function clientAt(path: string): DockerClient | undefined {
  const asked = Bun.spawnSync([path, "--version"], { stdout: "pipe", stderr: "ignore" });
  const version = /^Docker version (\d+\.\d+\.\d+)/.exec(asked.stdout.toString())?.[1];
  return version === undefined ? undefined : { path, version };
}

/** Every `docker` on the PATH and where Debian and Docker's own packages put it, the newest first. */
export const dockerClients: readonly DockerClient[] = findClients();

function findClients(): DockerClient[] {
  const directories = [...(process.env["PATH"] ?? "").split(":"), "/usr/local/bin", "/usr/bin"];
  const paths = directories.map((directory) => `${directory}/docker`).filter((path) => existsSync(path));
  return [...new Set(paths.map((path) => realpathSync(path)))]
    .flatMap((path) => clientAt(path) ?? [])
    .sort((a, b) => Bun.semver.order(b.version, a.version));
}
