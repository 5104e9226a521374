/**
 * What a container is to be: decided once, at its creation, by whoever speaks for the client. Docker's API makes one of
 * a create body (`docker/`); others can make one without a document of Docker's. Everything after creation reads this.
 *
 * The decoder is the definition: what is read back from disk, or comes from another program, is checked field by field,
 * and the types are made from it. Whether the values can be had on this machine is `checkSpecification`'s.
 */
import { type Decoded, decoderKit, optional } from "../../../lib/decoders.ts";

const { flag, integer, integer64, integerWithin, list, mapOf, nullable, object, oneOf, text, variants } =
  decoderKit({
    code: "container.specification",
    whole: "container specification",
    shownLength: 60,
    limitElements: 1 << 20,
    allowsNul: false,
    nullIsEmpty: true,
  });

/** What a variant without further fields is made of. */
const alone = <const K extends string>(kind: K) => object({ kind: oneOf(kind) });
/** By id, name or unambiguous prefix; looked for at each start. */
const another = object({ kind: oneOf("container"), container: text });

/** Characters. */
const terminal = object({ rows: integerWithin(0, 65_535), columns: integerWithin(0, 65_535) });

/** `soft` and `hard`: -1 is no limit, and so is what no program reaches. */
const processLimit = object({ name: text, soft: integer64, hard: integer64 });
export interface ProcessLimit extends Decoded<typeof processLimit> {}

const processSpecification = object({
  /** The program, and then what it is given. */
  arguments: list(text),
  /** `NAME=value`; a bare `NAME` removes it. */
  environment: list(text),
  /** Absolute; empty is the top. */
  directory: text,
  /** `user[:group]`, names or numbers, looked up in the container's files at its start; empty is root. */
  user: text,
  /** Further groups, names or numbers. */
  groups: list(text),
  /** Null: pipes. */
  terminal: nullable(terminal),
  /** `once`: it is closed when the first client that is attached to it goes. */
  stdin: oneOf("closed", "open", "once"),
  /** The engine's own process 1 in front of the program. */
  init: flag,
  limits: list(processLimit),
  oomScoreAdjust: integer,
});
export interface ProcessSpecification extends Decoded<typeof processSpecification> {}

const privateOrHost = oneOf("private", "host");

/** Which namespaces of the container are its own. The network's is `network`, mounts are always its own. */
const namespaces = object({
  pid: variants("kind", { private: alone("private"), host: alone("host"), container: another }),
  /** `shareable` is private, and others may join it; `none` is private and without shared memory. */
  ipc: variants("kind", {
    private: alone("private"),
    shareable: alone("shareable"),
    none: alone("none"),
    host: alone("host"),
    container: another,
  }),
  uts: privateOrHost,
  cgroup: privateOrHost,
  user: privateOrHost,
  /** Seconds that its clocks are ahead; null has the host's clocks. */
  time: nullable(object({ monotonic: optional(integer), boottime: optional(integer) })),
});
export type IpcNamespace = Decoded<typeof namespaces>["ipc"];

const port = integerWithin(1, 65_535);

/** `hostAddress` absent: every address. `hostPort` 0: whichever is free; with `hostPortEnd` the first free one of a range. */
const publishedPort = object({
  containerPort: port,
  protocol: oneOf("tcp", "udp", "sctp"),
  hostPort: integerWithin(0, 65_535),
  hostAddress: optional(text),
  hostPortEnd: optional(integerWithin(0, 65_535)),
  /** By the firewall, or by the engine that listens; absent: the engine's choice. */
  mode: optional(oneOf("nat", "socket")),
});
export interface WantedPort extends Decoded<typeof publishedPort> {}

const exposedPort = object({ port, protocol: oneOf("tcp", "udp", "sctp") });
export interface ExposedPort extends Decoded<typeof exposedPort> {}

const link = object({ container: text, alias: text });
export interface ContainerLink extends Decoded<typeof link> {}

/** `address` and `mac` empty: any. */
/** `network`: its name, or what a client called it by where there was none. Empty and absent: whatever there is. */
const endpoint = object({
  network: text,
  address: text,
  /** An IPv6 address. */
  address6: optional(text),
  mac: text,
  /** Further names of the container in that network. */
  aliases: optional(list(text)),
  /** Other containers, by id or name, and what this one alone calls them there. */
  links: optional(list(link)),
  linkLocalAddresses: optional(list(text)),
  driverOptions: optional(mapOf(text)),
  /** The endpoint with the highest gives the default route and has the published ports. */
  gatewayPriority: optional(integer),
});
export interface WantedEndpoint extends Decoded<typeof endpoint> {}

const network = variants("kind", {
  host: alone("host"),
  /** A namespace with nothing but loopback. */
  none: alone("none"),
  container: another,
  networks: object({
    kind: oneOf("networks"),
    endpoints: list(endpoint),
    ports: list(publishedPort),
  }),
});

/** Empty: what the host has. */
const resolver = object({ servers: list(text), search: list(text), options: list(text) });
/** A line of /etc/hosts; `host-gateway` is the network's way to the host. */
const hostLine = object({ name: text, address: text });
export interface HostLine extends Decoded<typeof hostLine> {}

export const propagations = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;
export type Propagation = (typeof propagations)[number];

const bindMount = object({
  kind: oneOf("bind"),
  source: text,
  target: text,
  readOnly: flag,
  propagation: oneOf(...propagations),
  /** A missing source becomes a directory; otherwise it is an error. */
  createSource: flag,
  recursive: flag,
  /** What is mounted below a read-only source may be written to all the same. */
  writableBelow: optional(flag),
  /** Owners are shown through the mapping of the container's own user namespace. */
  idMapped: optional(flag),
});
const volumeMount = object({
  kind: oneOf("volume"),
  /** Empty until creation has chosen a name for an anonymous one. */
  volume: text,
  target: text,
  readOnly: flag,
  /** Fill a new volume with what the image has at the target. */
  copy: flag,
  /** What of the volume is mounted; without, all. */
  subpath: optional(text),
  /** For a volume that is made: its driver, the driver's options, labels. */
  driver: optional(text),
  driverOptions: optional(mapOf(text)),
  labels: optional(mapOf(text)),
});
/** The files of an image, which cannot be written. */
const imageMount = object({
  kind: oneOf("image"),
  image: text,
  target: text,
  subpath: optional(text),
  /** Creation finds them: the image's id, and its layers. */
  id: optional(text),
  chain: optional(list(text)),
});
const tmpfsMount = object({
  kind: oneOf("tmpfs"),
  target: text,
  /** mount(8) options. */
  options: list(text),
});
export const mountSpecification = variants("kind", {
  bind: bindMount,
  volume: volumeMount,
  tmpfs: tmpfsMount,
  image: imageMount,
});
export type MountSpec = Decoded<typeof mountSpecification>;
export interface TmpfsMount extends Decoded<typeof tmpfsMount> {}

const weightOfDevice = object({ path: text, weight: integer });
/** Per second: bytes, or operations. */
const rateOfDevice = object({ path: text, rate: integer64 });

/** Absent is no limit. */
const resources = object({
  /** Where the container's group is made, a path from the top; empty is the engine's own. */
  cgroupParent: text,
  memoryBytes: optional(integer64),
  memoryReservationBytes: optional(integer64),
  /** Memory and swap together; -1 is no limit. */
  memoryAndSwapBytes: optional(integer64),
  /** Percent. */
  swappiness: optional(integer),
  oomKillDisabled: flag,
  cpuShares: optional(integer),
  /** Thousand-millionths of a CPU; instead of quota and period. */
  nanoCpus: optional(integer),
  cpuPeriodUs: optional(integer),
  /** Negative is no limit. */
  cpuQuotaUs: optional(integer),
  cpuRealtimePeriodUs: optional(integer),
  cpuRealtimeRuntimeUs: optional(integer),
  /** Lists as the kernel has them: `0-3,7`. */
  cpus: optional(text),
  memoryNodes: optional(text),
  pids: optional(integer),
  blockWeight: optional(integer),
  blockWeights: list(weightOfDevice),
  blockReadBytes: list(rateOfDevice),
  blockWriteBytes: list(rateOfDevice),
  blockReadOperations: list(rateOfDevice),
  blockWriteOperations: list(rateOfDevice),
});
export interface ResourceLimits extends Decoded<typeof resources> {}

/** A device node of the host, or all below a directory. */
const device = object({ hostPath: text, path: text, access: text });
export interface WantedDevice extends Decoded<typeof device> {}

const deviceNumber = integerWithin(0, 0xffff_ffff);

/** One more rule of the devices group; without numbers it is for all. */
const deviceRule = object({
  allow: flag,
  /** `a` is both kinds. */
  type: oneOf("a", "b", "c"),
  major: optional(deviceNumber),
  minor: optional(deviceNumber),
  access: text,
});
export interface DeviceRule extends Decoded<typeof deviceRule> {}

const seccomp = variants("kind", {
  default: alone("default"),
  unconfined: alone("unconfined"),
  /** The text of a profile in the OCI's or Docker's JSON, or the path of a file on the host that holds it. */
  profile: object({ kind: oneOf("profile"), profile: text }),
});
export type SeccompSetting = Decoded<typeof seccomp>;

const security = object({
  /** All devices, no masks, no filter unless one is asked for. */
  privileged: flag,
  /** Of those the engine gives what it has itself. */
  capabilities: list(text),
  noNewPrivileges: flag,
  seccomp,
  maskedPaths: list(text),
  readonlyPaths: list(text),
  sysctls: mapOf(text),
  rootReadOnly: flag,
  /** The tree of groups is mounted writable; absent: only for privileged ones. */
  writableCgroups: optional(flag),
});

/** What `logs --details` puts before each line. */
const logDetails = object({
  labels: list(text),
  labelsPattern: optional(text),
  environment: list(text),
  environmentPattern: optional(text),
  /** With fields such as `{{.Name}}`; empty is none. */
  tag: text,
});
export interface LogDetails extends Decoded<typeof logDetails> {}

const log = variants("kind", {
  none: alone("none"),
  files: object({
    kind: oneOf("files"),
    fileBytes: integer,
    files: integer,
    details: logDetails,
    /** Where it is sent as well; the files are what it is sent from. `readable`: clients may read them. */
    delivery: optional(
      object({
        driver: oneOf("syslog", "gelf", "fluentd", "journald"),
        options: mapOf(text),
        readable: flag,
      }),
    ),
  }),
});
export type LogSpecification = Decoded<typeof log>;

const restart = object({
  /** `on-unhealthy` is `on-failure`, and ends a run whose checks of health fail. */
  policy: oneOf("no", "always", "unless-stopped", "on-failure", "on-unhealthy"),
  /** Of those on something; 0 is none. */
  limit: integer,
});
export interface RestartSpecification extends Decoded<typeof restart> {}

/** 0 is the default. */
const health = object({
  test: variants("kind", {
    command: object({ kind: oneOf("command"), arguments: list(text) }),
    /** By `/bin/sh -c`. */
    shell: object({ kind: oneOf("shell"), text }),
    /** By the engine, from inside the network namespace, at an IPv4 address. */
    tcp: object({ kind: oneOf("tcp"), address: text, port: integerWithin(1, 65_535) }),
    http: object({ kind: oneOf("http"), address: text, port: integerWithin(1, 65_535), path: text }),
    /** An empty service is the whole server. */
    grpc: object({ kind: oneOf("grpc"), address: text, port: integerWithin(1, 65_535), service: text }),
  }),
  intervalNs: integer,
  timeoutNs: integer,
  startPeriodNs: integer,
  startIntervalNs: integer,
  retries: integer,
});
export interface HealthSpecification extends Decoded<typeof health> {}

export const containerSpecification = object({
  process: processSpecification,
  /** Empty: creation takes one from the id, or the host's with the host's names. */
  hostname: text,
  domainname: text,
  labels: mapOf(text),
  annotations: mapOf(text),
  namespaces,
  network,
  /** Ports that the program listens on, published or not. */
  exposed: list(exposedPort),
  resolver,
  hosts: list(hostLine),
  mounts: list(mountSpecification),
  sharedMemoryBytes: integer64,
  /** The OCI runtime that makes it; absent: the engine itself. */
  runtime: optional(text),
  /** How much it may write to its root; absent: as much as there is room. */
  storageBytes: optional(integer64),
  resources,
  devices: list(device),
  /** By the Container Device Interface, `VENDOR/CLASS=NAME`; looked up at each start. */
  cdiDevices: optional(list(text)),
  deviceRules: list(deviceRule),
  security,
  log,
  restart,
  /**
   * `graceSeconds`: until SIGKILL; negative waits for ever. `chosen`: the signal is the container's own, so that a client
   * that sends another does not mean its end.
   */
  stop: object({ signal: integerWithin(1, 64), graceSeconds: integer, chosen: optional(flag) }),
  removeWhenEnded: flag,
  /** Null: its health is not asked for. */
  health: nullable(health),
});
export interface ContainerSpecification extends Decoded<typeof containerSpecification> {}
