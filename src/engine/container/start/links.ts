/**
 * Links on the default network, where nobody answers for names: lines of /etc/hosts and variables that tell of the linked
 * containers. In networks of users a link is a name that the name server answers to this container alone.
 */
import { TiffinError } from "../../../lib/errors.ts";
import { builtInIds, type LinkWay } from "../../network/mod.ts";
import { type Container, holdOf, isAlive } from "../record/mod.ts";
import type { ContainerLink, ExposedPort } from "../specification/mod.ts";
import type { StartContext } from "./context.ts";

export interface LinkedContainer {
  readonly alias: string;
  readonly name: string;
  readonly hostname: string;
  readonly address: string;
  readonly environment: readonly string[];
  readonly exposed: readonly ExposedPort[];
}

/** The links of a container that wants to be in the default network. */
export function defaultLinks({ document }: Pick<Container, "document">): readonly ContainerLink[] {
  const { network } = document.specification;
  if (network.kind !== "networks") return [];
  return network.endpoints.find((endpoint) => endpoint.network === "bridge")?.links ?? [];
}

/** What it is to reach of linked containers where those of the default network do not reach each other. */
export function linkWays({ registry }: Pick<StartContext, "registry">, container: Container): LinkWay[] {
  return defaultLinks(container).flatMap(({ alias, container: reference }) => {
    const linked = registry.byId(registry.idOf(reference) ?? "");
    const found = linked === undefined ? undefined : linkedAs(alias, linked);
    if (linked === undefined || found === undefined) return [];
    const { address, exposed } = found;
    return exposed.map(({ port, protocol }) => ({ to: linked.id, address, protocol, port }));
  });
}

/** The variables of those linked containers that run. */
export function linkedEnvironment(
  { registry }: Pick<StartContext, "registry">,
  container: Container,
): string[] {
  return defaultLinks(container).flatMap(({ alias, container: reference }) => {
    const linked = registry.byId(registry.idOf(reference) ?? "");
    const found = linked !== undefined && isAlive(linked.state) ? linkedAs(alias, linked) : undefined;
    return found === undefined ? [] : linkEnvironment(container.name, found);
  });
}

/** Errors: `conflict` for one that does not run or is not in the default network. */
export function linkedContainers(
  { registry }: Pick<StartContext, "registry">,
  container: Container,
): LinkedContainer[] {
  return defaultLinks(container).flatMap((link) => {
    const id = registry.idOf(link.container);
    const linked = id === undefined ? undefined : registry.byId(id);
    // One that was removed takes its links with it.
    if (linked === undefined) return [];
    if (!isAlive(linked.state)) {
      throw refusal(
        `Cannot link to a non running container: /${linked.name} AS /${container.name}/${link.alias}`,
        `start ${linked.name} first`,
      );
    }
    const found = linkedAs(link.alias, linked);
    if (found === undefined) {
      throw refusal(
        `container ${linked.id} not attached to default bridge network`,
        "use a network of your own, where containers find each other by name",
      );
    }
    return [found];
  });
}

function refusal(message: string, remedy: string): TiffinError {
  return new TiffinError("conflict", "container.link", message, { exitCode: 125, remedy });
}

/** Undefined: it is not in the default network. */
export function linkedAs(alias: string, { name, document, state }: Container): LinkedContainer | undefined {
  const address = holdOf(state).endpoints.find(({ network }) => network === builtInIds.bridge)?.address;
  if (address === undefined) return undefined;
  const { process, hostname, exposed } = document.specification;
  return { alias, name, hostname, address, environment: process.environment, exposed };
}

/** The names under which /etc/hosts has a linked container. */
export function linkNames({ alias, hostname, name }: Omit<LinkedContainer, "address">): string {
  return [...new Set([alias, hostname, name])].join(" ");
}

export function linkLine(linked: LinkedContainer): string {
  return `${linked.address}\t${linkNames(linked)}`;
}

/** Of the linked container's own variables these are its business. */
const unshared = new Set(["HOME", "PATH"]);

/** What a program finds of a linked container in its environment. */
export function linkEnvironment(container: string, linked: LinkedContainer): string[] {
  const prefix = linked.alias.toUpperCase().replaceAll("-", "_");
  const url = ({ port, protocol }: ExposedPort): string => `${protocol}://${linked.address}:${port}`;
  const lines = [`${prefix}_NAME=/${container}/${linked.alias}`];
  const [first] = [...linked.exposed].sort((one, other) => one.port - other.port || byProtocol(one, other));
  if (first !== undefined) lines.push(`${prefix}_PORT=${url(first)}`);
  for (const run of runsOf(linked.exposed)) {
    const [from] = run;
    const to = run.at(-1) ?? from;
    const key = `${prefix}_PORT_${from.port}_${from.protocol.toUpperCase()}`;
    const common = [`${key}_ADDR=${linked.address}`, `${key}_PROTO=${from.protocol}`];
    if (from === to) lines.push(`${key}=${url(from)}`, ...common, `${key}_PORT=${from.port}`);
    else {
      lines.push(`${key}_START=${url(from)}`, ...common, `${key}_PORT_START=${from.port}`);
      lines.push(`${key}_END=${url(to)}`, `${key}_PORT_END=${to.port}`);
    }
  }
  for (const entry of linked.environment) {
    const split = entry.indexOf("=");
    const key = entry.slice(0, split);
    if (split > 0 && !unshared.has(key)) lines.push(`${prefix}_ENV_${entry}`);
  }
  return lines;
}

/** TCP before the others. */
function byProtocol(one: ExposedPort, other: ExposedPort): number {
  if (one.protocol === other.protocol) return 0;
  if (one.protocol === "tcp" || other.protocol === "tcp") return one.protocol === "tcp" ? -1 : 1;
  return one.protocol < other.protocol ? -1 : 1;
}

/** Three and more ports in a row are told of together. */
const leastRun = 3;

function runsOf(ports: readonly ExposedPort[]): [ExposedPort, ...ExposedPort[]][] {
  const sorted = [...ports].sort((one, other) => byProtocol(one, other) || one.port - other.port);
  const runs: [ExposedPort, ...ExposedPort[]][] = [];
  for (const port of sorted) {
    const run = runs.at(-1);
    const last = run?.at(-1);
    const follows = last !== undefined && last.protocol === port.protocol && last.port + 1 === port.port;
    if (run !== undefined && follows) run.push(port);
    else runs.push([port]);
  }
  return runs.flatMap((run): [ExposedPort, ...ExposedPort[]][] =>
    run.length >= leastRun ? [run] : run.map((port) => [port]),
  );
}
