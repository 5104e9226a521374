/** What a container is to be, in the words of programs; `containerBody` says it in Docker's. */
import type { ContainerCreateBody } from "../docker/types/container.ts";
import type { Input } from "./input.ts";

/** A port of the host: a number, 0 for any that is free, or an address with one. */
export type HostPort = number | { readonly address: string; readonly port: number };

export interface Mount {
  readonly type: "bind" | "volume" | "tmpfs" | "image";
  /** Path in the container. */
  readonly target: string;
  /** A path of the host, the name of a volume, or an image. A volume without it is anonymous, a tmpfs has none. */
  readonly source?: string;
  readonly readOnly?: boolean;
  /** Of a tmpfs. */
  readonly sizeBytes?: number;
}

export interface HealthCheck {
  /** Words, or a line for the container's shell. */
  readonly command: string | readonly string[];
  readonly intervalMs?: number;
  readonly timeoutMs?: number;
  readonly startPeriodMs?: number;
  readonly retries?: number;
}

export interface ContainerOptions {
  readonly name?: string;
  /** Instead of the image's. One text is one word, not a line for a shell. */
  readonly command?: string | readonly string[];
  readonly entrypoint?: string | readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  /** Name or number, with or without `:group`. */
  readonly user?: string;
  readonly hostname?: string;
  readonly labels?: Readonly<Record<string, string>>;
  /** Ports to publish: `{ 80: 8080, "53/udp": 0 }`. Keys without a protocol are TCP. */
  readonly ports?: Readonly<Record<string, HostPort>>;
  readonly mounts?: readonly Mount[];
  /** A network's name, or `none`, `host`, `container:ID`. */
  readonly network?: string;
  /** Further names in that network. */
  readonly aliases?: readonly string[];
  readonly memoryBytes?: number;
  /** Processors, such as 0.5. */
  readonly cpus?: number;
  /** How many processes there may be. */
  readonly processes?: number;
  readonly restart?: "no" | "always" | "unless-stopped" | "on-failure";
  /** It has a terminal; then all of its output is one stream. */
  readonly terminal?: boolean;
  /** Its standard input stays open for whoever attaches. */
  readonly openInput?: boolean;
  /** A small first process that reaps. */
  readonly init?: boolean;
  readonly readOnly?: boolean;
  readonly privileged?: boolean;
  readonly addCapabilities?: readonly string[];
  readonly dropCapabilities?: readonly string[];
  readonly health?: HealthCheck;
  /** It goes when it has ended. */
  readonly autoRemove?: boolean;
  readonly stopSignal?: string;
  /** `os/arch[/variant]`, where the image has several. */
  readonly platform?: string;
  /** What is done about an image that is not there. Without: `missing`. */
  readonly pull?: "missing" | "always" | "never";
  /** Fields of Docker's own document beside and over all of the above. */
  readonly body?: ContainerCreateBody;
  readonly signal?: AbortSignal | undefined;
}

/** A command in a container, and what it reads. */
export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly workingDirectory?: string;
  readonly user?: string;
  readonly terminal?: boolean;
  /** Its size, characters. */
  readonly size?: { readonly columns: number; readonly rows: number };
  readonly privileged?: boolean;
  /** What it reads. Without it, and without `stdin`, it has nothing to read. */
  readonly input?: Input;
  /** It reads what `write` of the process gives. */
  readonly stdin?: boolean;
  /** Kills the process. */
  readonly signal?: AbortSignal | undefined;
}

export function words(command: string | readonly string[]): readonly string[] {
  return typeof command === "string" ? [command] : command;
}

export function environment(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([name, value]) => `${name}=${value}`);
}

/** `80` is `80/tcp`. */
export function portKey(port: string | number): string {
  const text = String(port);
  return text.includes("/") ? text : `${text}/tcp`;
}

const nanoPerMs = 1_000_000;
const nanoPerCpu = 1_000_000_000;

function healthOf(check: HealthCheck): ContainerCreateBody["Healthcheck"] {
  const { command, intervalMs, timeoutMs, startPeriodMs, retries } = check;
  return {
    Test: typeof command === "string" ? ["CMD-SHELL", command] : ["CMD", ...command],
    ...(intervalMs !== undefined && { Interval: intervalMs * nanoPerMs }),
    ...(timeoutMs !== undefined && { Timeout: timeoutMs * nanoPerMs }),
    ...(startPeriodMs !== undefined && { StartPeriod: startPeriodMs * nanoPerMs }),
    ...(retries !== undefined && { Retries: retries }),
  };
}

function mountOf({ type, target, source, readOnly, sizeBytes }: Mount) {
  return {
    Type: type,
    Target: target,
    ...(source !== undefined && { Source: source }),
    ...(readOnly !== undefined && { ReadOnly: readOnly }),
    ...(sizeBytes !== undefined && { TmpfsOptions: { SizeBytes: sizeBytes } }),
  };
}

function bindingOf(port: HostPort) {
  if (typeof port === "number") return [{ HostPort: String(port) }];
  return [{ HostIp: port.address, HostPort: String(port.port) }];
}

function portsOf(ports: Readonly<Record<string, HostPort>>) {
  const entries = Object.entries(ports).map(([port, where]) => [portKey(port), bindingOf(where)] as const);
  return {
    exposed: Object.fromEntries(entries.map(([port]) => [port, {}])),
    bindings: Object.fromEntries(entries),
  };
}

function hostConfigOf(options: ContainerOptions, ports: ReturnType<typeof portsOf> | undefined) {
  const { mounts, network, memoryBytes, cpus, processes, restart, init, readOnly, privileged } = options;
  const { addCapabilities, dropCapabilities, autoRemove } = options;
  return {
    ...(ports !== undefined && { PortBindings: ports.bindings }),
    ...(mounts !== undefined && { Mounts: mounts.map(mountOf) }),
    ...(network !== undefined && { NetworkMode: network }),
    ...(memoryBytes !== undefined && { Memory: memoryBytes }),
    ...(cpus !== undefined && { NanoCpus: Math.round(cpus * nanoPerCpu) }),
    ...(processes !== undefined && { PidsLimit: processes }),
    ...(restart !== undefined && { RestartPolicy: { Name: restart } }),
    ...(init !== undefined && { Init: init }),
    ...(readOnly !== undefined && { ReadonlyRootfs: readOnly }),
    ...(privileged !== undefined && { Privileged: privileged }),
    ...(addCapabilities !== undefined && { CapAdd: addCapabilities }),
    ...(dropCapabilities !== undefined && { CapDrop: dropCapabilities }),
    ...(autoRemove !== undefined && { AutoRemove: autoRemove }),
    ...options.body?.HostConfig,
  };
}

export function containerBody(image: string, options: ContainerOptions): ContainerCreateBody {
  const { command, entrypoint, env, workingDirectory, user, hostname, labels, terminal, openInput } = options;
  const { health, stopSignal, network, aliases, body } = options;
  const ports = options.ports === undefined ? undefined : portsOf(options.ports);
  return {
    Image: image,
    ...(command !== undefined && { Cmd: words(command) }),
    ...(entrypoint !== undefined && { Entrypoint: words(entrypoint) }),
    ...(env !== undefined && { Env: environment(env) }),
    ...(workingDirectory !== undefined && { WorkingDir: workingDirectory }),
    ...(user !== undefined && { User: user }),
    ...(hostname !== undefined && { Hostname: hostname }),
    ...(labels !== undefined && { Labels: labels }),
    ...(terminal !== undefined && { Tty: terminal }),
    ...(openInput !== undefined && { OpenStdin: openInput }),
    ...(health !== undefined && { Healthcheck: healthOf(health) }),
    ...(stopSignal !== undefined && { StopSignal: stopSignal }),
    ...(ports !== undefined && { ExposedPorts: ports.exposed }),
    ...(aliases !== undefined && {
      NetworkingConfig: { EndpointsConfig: { [network ?? "bridge"]: { Aliases: aliases } } },
    }),
    ...body,
    HostConfig: hostConfigOf(options, ports),
  };
}
