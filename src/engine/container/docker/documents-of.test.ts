import { expect, test } from "bun:test";
import { type ContainerSpecification, plainSpecification } from "../specification/mod.ts";
import { decodeCreateBody } from "./create-body.ts";
import { documentsOf } from "./documents-of.ts";

const around = { id: "c0ffee".padEnd(64, "0"), image: {}, hostname: "host", remove: false };

/** The specification of a client that asks for what inspect shows. */
function throughDocuments(specification: ContainerSpecification): ContainerSpecification {
  const { config, host } = documentsOf(specification);
  const network = specification.network;
  const [endpoint] = network.kind === "networks" ? network.endpoints : [];
  return decodeCreateBody(
    {
      ...config,
      HostConfig: host,
      ...(endpoint !== undefined && {
        NetworkingConfig: {
          EndpointsConfig: {
            [endpoint.network]: { IPAMConfig: { IPv4Address: endpoint.address }, MacAddress: endpoint.mac },
          },
        },
      }),
    },
    around,
  ).specification;
}

const plain: ContainerSpecification = {
  ...plainSpecification,
  hostname: "own",
  process: { ...plainSpecification.process, arguments: ["sh", "-c", "true"] },
};

const rich: ContainerSpecification = {
  process: {
    arguments: ["sleep", "1"],
    environment: ["A=b", "C"],
    directory: "/srv",
    user: "1:2",
    groups: ["daemon"],
    terminal: plainSpecification.process.terminal,
    stdin: "once",
    init: true,
    limits: [{ name: "nofile", soft: 10, hard: -1 }],
    oomScoreAdjust: 5,
  },
  hostname: "h",
  domainname: "example.org",
  labels: { a: "b" },
  annotations: { c: "d" },
  namespaces: {
    pid: { kind: "container", container: "other" },
    ipc: { kind: "shareable" },
    uts: "private",
    cgroup: "host",
    user: "host",
    time: null,
  },
  network: {
    kind: "networks",
    endpoints: [{ network: "bridge", address: "172.30.0.9", mac: "02:42:00:00:00:01" }],
    ports: [
      { containerPort: 80, protocol: "tcp", hostPort: 8080, hostAddress: "127.0.0.1" },
      { containerPort: 80, protocol: "tcp", hostPort: 0 },
      { containerPort: 53, protocol: "udp", hostPort: 5000, hostPortEnd: 5010 },
    ],
  },
  exposed: [{ port: 80, protocol: "tcp" }],
  resolver: { servers: ["1.1.1.1"], search: ["example.org"], options: ["ndots:1"] },
  hosts: [{ name: "db", address: "10.0.0.1" }],
  mounts: [
    {
      kind: "bind",
      source: "/tmp",
      target: "/a",
      readOnly: true,
      propagation: "rslave",
      createSource: true,
      recursive: false,
      writableBelow: true,
    },
    { kind: "volume", volume: "v1", target: "/b", readOnly: true, copy: false },
  ],
  sharedMemoryBytes: 1 << 20,
  resources: {
    cgroupParent: "/jobs",
    memoryBytes: 1n << 60n,
    memoryReservationBytes: 7 << 20,
    memoryAndSwapBytes: -1,
    swappiness: 0,
    oomKillDisabled: true,
    cpuShares: 5,
    cpuPeriodUs: 2000,
    cpuQuotaUs: 3000,
    cpus: "0",
    memoryNodes: "0",
    pids: 9,
    blockWeight: 10,
    blockWeights: [{ path: "/dev/null", weight: 11 }],
    blockReadBytes: [{ path: "/dev/null", rate: 1 }],
    blockWriteBytes: [{ path: "/dev/null", rate: 2 }],
    blockReadOperations: [{ path: "/dev/null", rate: 3 }],
    blockWriteOperations: [{ path: "/dev/null", rate: 4 }],
  },
  devices: [{ hostPath: "/dev/null", path: "/dev/nothing", access: "r" }],
  deviceRules: [{ allow: true, type: "c", major: 42, access: "rw" }],
  security: {
    privileged: false,
    capabilities: ["CAP_CHOWN", "CAP_NET_ADMIN"],
    noNewPrivileges: true,
    seccomp: { kind: "unconfined" },
    maskedPaths: ["/proc/x"],
    readonlyPaths: [],
    sysctls: { "net.core.somaxconn": "5" },
    rootReadOnly: true,
  },
  log: {
    kind: "files",
    fileBytes: 1000,
    files: 3,
    details: { labels: ["a"], labelsPattern: "^x", environment: ["A"], environmentPattern: "Y", tag: "t" },
  },
  restart: { policy: "on-failure", limit: 4 },
  stop: { signal: 12, graceSeconds: 7 },
  removeWhenEnded: false,
  health: null,
};

test.each([
  ["a plain one", plain],
  ["one with everything", rich],
  [
    "one of the host",
    { ...plain, network: { kind: "host" }, namespaces: { ...plain.namespaces, uts: "private" } },
  ],
  ["one without a log and a network", { ...plain, log: { kind: "none" }, network: { kind: "none" } }],
] satisfies [string, ContainerSpecification][])(
  "the documents of a specification say all of it: %s",
  (_what, specification) => {
    expect(throughDocuments(specification)).toEqual(specification);
  },
);
