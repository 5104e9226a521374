/**
 * The options that `run` and `create` share. Only this table and its grammars load on the way to a start, so it stays free of
 * anything that is needed later or rarely.
 */
import { bytes, bytesOrUnlimited } from "../flags/byte-size.ts";
import { custom, integer, list, text, toggle } from "../flags/flag.ts";
import { duration } from "../flags/go-duration.ts";
import { checkEnvOption, checkLabel } from "./environment.ts";
import {
  attachStream,
  capabilityName,
  checkAddress,
  parseCpus,
  parseDeviceRate,
  parseDeviceWeight,
  parseExtraHost,
  parseGpus,
  parseUlimit,
} from "./limit-specs.ts";
import { parseMount } from "./mount-specs.ts";
import { type NetworkOption, parseNetwork } from "./network-specs.ts";

/** A list whose values are parsed at once, so that a mistake is reported beside its option. */
function parsedList<T>(short: string, word: string, help: string, parse: (value: string) => T) {
  return custom<readonly T[]>(short, word, help, [], (before, value) => [...before, parse(value)]);
}

/** The value stays text; parsing it only proves that it can be parsed. */
function checkedBy(parse: (value: string) => unknown): (value: string) => string {
  return (value) => {
    parse(value);
    return value;
  };
}

function checkDeviceRule(value: string): string {
  if (!/^[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}$/.test(value))
    throw new Error(`invalid device cgroup format '${value}'`);
  return value;
}

function checkSysctl(value: string): string {
  if (!/^[^=]+=/.test(value)) throw new Error(`sysctl '${value}' is not allowed`);
  return value;
}

export const containerFlags = {
  "add-host": list("", "Add a line to the container's hosts file (host:ip)", parseExtraHost),
  annotation: list("", "Attach an annotation for the runtime (key=value)"),
  attach: list("a", "Attach to STDIN, STDOUT or STDERR", attachStream),
  "blkio-weight": integer("", "Relative block I/O weight, 10 to 1000, or 0 for none"),
  "blkio-weight-device": parsedList("", "list", "Relative block I/O weight of one device", parseDeviceWeight),
  "cap-add": list("", "Give a Linux capability", capabilityName),
  "cap-drop": list("", "Take a Linux capability away", capabilityName),
  "cgroup-parent": text("", "Parent cgroup of the container"),
  cgroupns: text("", "Cgroup namespace to use (host|private)"),
  cidfile: text("", "Write the container's ID to this file"),
  "cpu-period": integer("", "Length of a CPU accounting period in microseconds"),
  "cpu-quota": integer("", "CPU time per period in microseconds"),
  "cpu-rt-period": integer("", "Length of a real-time CPU period in microseconds"),
  "cpu-rt-runtime": integer("", "Real-time CPU time per period in microseconds"),
  "cpu-shares": integer("c", "Relative weight when CPUs are contended"),
  cpus: custom("", "decimal", "Number of CPUs", 0, (_before, value) => parseCpus(value)),
  "cpuset-cpus": text("", "CPUs to run on (0-3, 0,1)"),
  "cpuset-mems": text("", "Memory nodes to allocate from (0-3, 0,1)"),
  // A device is parsed when the request is built: Docker reports its mistakes without the usage lines.
  device: list("", "Give access to a device of the host"),
  "device-cgroup-rule": list("", "Add a rule to the list of allowed devices", checkDeviceRule),
  "device-read-bps": parsedList("", "list", "Limit reading from a device, in bytes per second", (value) =>
    parseDeviceRate(value, true),
  ),
  "device-read-iops": parsedList(
    "",
    "list",
    "Limit reading from a device, in operations per second",
    (value) => parseDeviceRate(value, false),
  ),
  "device-write-bps": parsedList("", "list", "Limit writing to a device, in bytes per second", (value) =>
    parseDeviceRate(value, true),
  ),
  "device-write-iops": parsedList(
    "",
    "list",
    "Limit writing to a device, in operations per second",
    (value) => parseDeviceRate(value, false),
  ),
  "disable-content-trust": toggle("", "Skip the verification of image signatures", true, { hidden: true }),
  dns: list("", "Set DNS servers", checkAddress),
  "dns-opt": list("", "Set DNS options", undefined, { hidden: true }),
  "dns-option": list("", "Set DNS options"),
  "dns-search": list("", "Set DNS search domains"),
  domainname: text("", "NIS domain name of the container"),
  entrypoint: text("", "Replace the entry point of the image"),
  env: list("e", "Set environment variables", checkEnvOption),
  "env-file": list("", "Set environment variables from a file"),
  expose: list("", "Expose a port or a range of ports"),
  gpus: parsedList("", "gpu-request", "GPUs to give to the container ('all' for every one)", parseGpus),
  "group-add": list("", "Join further groups"),
  "health-cmd": text("", "Command that checks the container's health"),
  "health-grpc": text(
    "",
    "Address and service of gRPC that the engine asks for the health, from inside its network",
  ),
  "health-http": text("", "URL at which the engine asks for the container's health, from inside its network"),
  "health-interval": duration("", "Time between two checks (ms|s|m|h)"),
  "health-retries": integer("", "Failures in a row that mean unhealthy"),
  "health-start-interval": duration("", "Time between two checks while starting (ms|s|m|h)"),
  "health-start-period": duration("", "Time to start up before failures count (ms|s|m|h)"),
  "health-tcp": text(
    "",
    "Address and port at which the engine asks for the container's health, from inside its network",
  ),
  "health-timeout": duration("", "Longest time that one check may take (ms|s|m|h)"),
  hostname: text("h", "Host name inside the container"),
  init: toggle("", "Run an init that forwards signals and reaps processes"),
  interactive: toggle("i", "Keep STDIN open even if not attached"),
  ip: text("", "IPv4 address (for example 172.30.100.104)"),
  ip6: text("", "IPv6 address (for example 2001:db8::33)"),
  ipc: text("", "IPC mode to use"),
  isolation: text("", "Isolation technology", "", { hidden: true }),
  "kernel-memory": bytes("", "Kernel memory limit"),
  label: list("l", "Set a label (key=value)", checkLabel),
  "label-file": list("", "Set labels from a file"),
  link: list("", "Link to another container"),
  "link-local-ip": list("", "Link-local addresses of the container"),
  "log-driver": text("", "Where the container's output is kept"),
  "log-opt": list("", "Set an option of the log driver"),
  "mac-address": text("", "MAC address (for example 92:d0:c6:0a:29:33)"),
  memory: bytes("m", "Memory limit"),
  "memory-reservation": bytes("", "Memory soft limit"),
  "memory-swap": bytesOrUnlimited("", "Memory and swap together; -1 for unlimited swap"),
  "memory-swappiness": integer("", "How readily memory is swapped out (0 to 100)", { shownDefault: "-1" }),
  // The directory matters only for the value itself, not for whether it can be parsed.
  mount: list(
    "",
    "Attach a file system",
    checkedBy((value) => parseMount(value, "/")),
  ),
  name: text("", "Name of the container"),
  net: custom<readonly NetworkOption[]>(
    "",
    "network",
    "Connect to a network",
    [],
    (before, value) => [...before, parseNetwork(value)],
    { hidden: true },
  ),
  "net-alias": list("", "Name of the container in its network", undefined, { hidden: true }),
  network: custom<readonly NetworkOption[]>("", "network", "Connect to a network", [], (before, value) => [
    ...before,
    parseNetwork(value),
  ]),
  "network-alias": list("", "Name of the container in its network"),
  "no-healthcheck": toggle("", "Do not check the container's health, whatever the image says"),
  "oom-kill-disable": toggle("", "Do not kill processes when memory runs out"),
  "oom-score-adj": integer("", "Preference of the host's out-of-memory killer (-1000 to 1000)"),
  pid: text("", "PID namespace to use"),
  "pids-limit": integer("", "Limit on processes and threads (-1 for none)"),
  platform: text("", "Platform of the image (os/arch[/variant])"),
  privileged: toggle("", "Give the container the powers of the host's root"),
  publish: list("p", "Publish a port on the host"),
  "publish-all": toggle("P", "Publish all exposed ports on random ports of the host"),
  pull: text("", 'When to pull the image ("always", "missing", "never")', "missing"),
  quiet: toggle("q", "Do not show the progress of a pull"),
  "read-only": toggle("", "Make the container's root file system read-only"),
  // Sent on as written: the engine knows which policies there are.
  restart: text("", "What to do when the container exits", "no"),
  rm: toggle("", "Remove the container and its anonymous volumes when it exits"),
  runtime: text("", "Runtime to use for this container"),
  "security-opt": list("", "Security options"),
  "shm-size": bytes("", "Size of /dev/shm"),
  "stop-signal": text("", "Signal that asks the container to stop"),
  "stop-timeout": integer("", "Seconds to wait before a stop kills"),
  "storage-opt": list("", "Options of the storage driver"),
  sysctl: list("", "Kernel parameters of the container's namespaces", checkSysctl),
  tmpfs: list("", "Mount a tmpfs directory"),
  tty: toggle("t", "Allocate a terminal"),
  ulimit: list("", "Resource limits (name=soft[:hard])", checkedBy(parseUlimit)),
  user: text("u", "User and group (<name|uid>[:<group|gid>])"),
  userns: text("", "User namespace to use"),
  uts: text("", "UTS namespace to use"),
  volume: list("v", "Mount a directory or a volume"),
  "volume-driver": text("", "Driver of volumes that are made"),
  "volumes-from": list("", "Mount the volumes of another container"),
  workdir: text("w", "Working directory inside the container"),
} as const;
