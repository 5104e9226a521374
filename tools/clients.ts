/** Which clients of Docker's are run against this engine, what each does, and the test that shows it. */

import dockerode from "../node_modules/dockerode/package.json" with { type: "json" };
import {
  devcontainers,
  prometheusParser,
  pythonDocker,
  pythonTestcontainersVersion,
  testcontainersNode,
} from "../test/support/client-versions.ts";
import { goClientVersion, goModuleVersion } from "../test/support/go-programs.ts";
import { javaPackageVersion } from "../test/support/java-packages.ts";

export interface ClientScenario {
  readonly client: string;
  readonly version: string;
  readonly scenario: string;
  /** A file below `test`, and words of its test's name as they stand there. */
  readonly file: string;
  readonly test: string;
  /** Absent: nothing. */
  readonly differs?: string;
}

const docker = `20.10, 28.2, ${goModuleVersion("github.com/docker/cli").slice(1)}`;
const compose = goModuleVersion("github.com/docker/compose/v5").slice(1);
const prometheus = goModuleVersion("github.com/prometheus/prometheus", "prometheus").slice(1);
const reaper = "its reaper is one of our own by Ryuk's protocol, as Ryuk is not to be had";
const buildKit = "images are built by the classic builder";

export const clientScenarios: readonly ClientScenario[] = [
  {
    client: "docker",
    version: docker,
    scenario: "containers from run to rm, attached and not, on a terminal, with input through a pipe",
    file: "compat/docker-cli",
    test: "run -d, ps, logs, exec, inspect, stop, start, rm",
  },
  {
    client: "docker",
    version: docker,
    scenario: "exit codes of what fails",
    file: "compat/docker-cli",
    test: "exit codes of failures: 125, 126, 127",
  },
  {
    client: "docker",
    version: docker,
    scenario: "files in and out, changes, export, commit",
    file: "compat/docker-cli",
    test: "diff, export and commit",
  },
  {
    client: "docker compose",
    version: compose,
    scenario: "40 projects: up, looked at, asked, scaled, restarted, down; the same as on Docker",
    file: "compat/compose-corpus",
    test: "%s comes to what it comes to on Docker",
    differs: `${buildKit}; a log that nobody limits is kept to 5 files of 20 MB`,
  },
  {
    client: "docker compose",
    version: compose,
    scenario: "files are watched: copied, restarted for and built from as they change",
    file: "compat/compose-develop",
    test: "what is watched is copied, restarted and built anew as files change",
  },
  {
    client: "docker compose",
    version: compose,
    scenario: "images of all services are built at once by buildx's bake",
    file: "compat/compose-develop",
    test: "images of all services are built at once by bake",
    differs: "run where buildx is built, which takes minutes",
  },
  {
    client: "docker compose",
    version: compose,
    scenario:
      "the same project on Docker and on this engine, on one machine, whoever comes or goes first; rules, ports and names of both",
    file: "compat/two-engines",
    test: "Docker's goes and comes while ours is at work: ours goes on",
  },
  {
    client: "docker-compose",
    version: "1.29",
    scenario: "two services with volume, alias and port: up, exec, run, logs, scale, restart, down",
    file: "compat/compose",
    test: "a project of two services comes up, is used, grows and goes, and nothing is left",
  },
  {
    client: "dockerode",
    version: dockerode.version,
    scenario: "streams both ways, terminals, execs, archives, events, networks, volumes",
    file: "compat/dockerode",
    test: "dockerode: %s",
  },
  {
    client: "docker-py",
    version: pythonDocker,
    scenario: "runs, attachments, execs, archives, networks, volumes, events, images, errors",
    file: "compat/docker-py",
    test: "nothing was done that is not told above",
  },
  {
    client: "Docker's Go client",
    version: `github.com/moby/moby/client ${goModuleVersion("github.com/moby/moby/client")}`,
    scenario:
      "runs, attachments, execs, archives, networks, volumes, events, images, statistics, kinds of errors",
    file: "compat/go-client",
    test: "nothing was done that is not told above",
  },
  ...(
    [
      ["Go", goModuleVersion("github.com/testcontainers/testcontainers-go").slice(1)],
      ["Java", javaPackageVersion("testcontainers")],
      ["Node", testcontainersNode],
      ["Python", pythonTestcontainersVersion],
    ] as const
  ).map(
    ([language, version]): ClientScenario => ({
      client: `testcontainers for ${language}`,
      version,
      scenario: "ports, execs, files, logs, networks; what a suite leaves is reaped by the mounted socket",
      file: "compat/testcontainers",
      test: "a suite with ports, execs, files, logs and networks gets what it wants, and what it leaves is reaped",
      differs: reaper,
    }),
  ),
  {
    client: "Dev Containers (devcontainer)",
    version: devcontainers,
    scenario:
      "a workspace comes up with variables, a volume and a command after its creation; commands in it; taken up again",
    file: "compat/devcontainers",
    test: "a workspace comes up, is worked in, and is found again",
  },
  {
    client: "Portainer, lazydocker",
    version: "as recorded, of API 1.41",
    scenario: "all that they ask over and over, beside an engine of Docker's",
    file: "compat/watchers",
    test: "%s asks and finds what it finds on Docker",
    differs: "the programs are not to be had; what they ask is",
  },
  {
    client: "Traefik",
    version: `${goModuleVersion("github.com/traefik/traefik/v3", "traefik").slice(1)} (its provider)`,
    scenario:
      "routes come and go with containers, their health, their networks, and an engine that is started again",
    file: "compat/routes",
    test: "routes come and go with containers, their health, their networks, and an engine that is started again",
  },
  {
    client: "nginx-proxy",
    version: "as recorded, of API 1.41",
    scenario:
      "events are followed, containers listed and inspected, their labels read, their addresses reached",
    file: "compat/watchers",
    test: "a proxy that follows events and reads labels knows its sites as they come and go",
    differs: "the program is not to be had; what it asks is",
  },
  {
    client: "act",
    version: goClientVersion("act"),
    scenario: "a workflow: outputs, paths, actions, a container with a service, a matrix, a failure",
    file: "compat/act",
    test: "a workflow runs: outputs, paths, actions, a container with a service, a matrix, a failure; and nothing is left",
  },
  {
    client: "dive",
    version: goClientVersion("dive"),
    scenario: "an image's layers, their commands, files and wasted room",
    file: "compat/dive",
    test: "dive tells an image's layers, their commands, files and wasted room",
  },
  {
    client: "Prometheus",
    version: `${prometheus} (its discovery)`,
    scenario: "containers are found by label with their ports, networks and names",
    file: "compat/routes",
    test: "targets are found by label with their ports, networks and names",
  },
  {
    client: "Prometheus",
    version: `${prometheus} (its parser)`,
    scenario: "metrics are taken, in OpenMetrics and in the older format",
    file: "compat/routes",
    test: "metrics as %s are taken by its parser",
  },
  {
    client: "Prometheus",
    version: `${prometheusParser} (its parser in Python)`,
    scenario: "metrics are scraped at an address of their own, in OpenMetrics and in the older format",
    file: "scenario/metrics",
    test: "Prometheus' own strict parser takes it",
  },
  {
    client: "skopeo",
    version: "1.9",
    scenario: "`docker-daemon:` as source and as destination",
    file: "compat/image-archives",
    test: "fetches from the engine's socket and sends to it, by the version that it says without asking",
  },
];

/** The reference page. */
export function clientsPage(): string {
  const rows = clientScenarios.map(
    ({ client, version, scenario, file, differs = "" }) =>
      `| ${client} | ${version} | ${scenario} | works | ${differs} | test/${file}.test.ts |`,
  );
  return `# Clients

<!-- Generated from tools/clients.ts by tools/generate.ts; edits here are lost. -->

Programs and libraries that were made for Docker, each as it is published, run against this engine. Every line is a test, which runs
whenever all tests do; one whose program comes from a registry that is not to be reached is skipped with that reason.

| Client | Version | What it does | Result | What differs | Test |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}
