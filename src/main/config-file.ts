/** The engine's configuration file, decoded strictly: what is not understood stops the engine instead of being passed over. */
import { readConfiguration } from "../lib/configuration.ts";
import { TiffinError } from "../lib/errors.ts";
import { FileFault } from "../lib/file-fault.ts";
import { suggestion } from "../lib/suggestion.ts";
import { type GivenSettings, type Settings, settingNames, settings, shown } from "./daemon-options.ts";

export const defaultConfigFile = "/etc/tiffin/tiffin.json";
const schemaKey = "$schema";

const form = {
  code: "daemon.config",
  remedy: "check it with: tiffin daemon --validate",
  exitCode: 125,
};

function entriesOf(document: unknown): [string, unknown][] {
  if (typeof document === "object" && document !== null && !Array.isArray(document))
    return Object.entries(document);
  throw new FileFault(`found ${shown(document)}, wanted one JSON object`);
}

function noFile(file: string): TiffinError {
  const { code, ...details } = form;
  return new TiffinError("invalid", code, `${file}: there is no such file`, details);
}

function take<K extends keyof Settings>(into: GivenSettings, name: K, value: unknown): void {
  into[name] = settings[name].decode(settings[name].key, value);
}

/** Throws `FileFault`. */
function decodeSettings(document: unknown): GivenSettings {
  const found: GivenSettings = {};
  for (const [key, value] of entriesOf(document)) {
    if (key === schemaKey) continue;
    const name = settingNames.find((one) => settings[one].key === key);
    if (name === undefined) {
      const keys = settingNames.map((one) => settings[one].key);
      const hint = suggestion(key, keys);
      throw new FileFault(
        `unknown key ${JSON.stringify(key)}${hint === "" ? `; known are ${keys.join(", ")}` : hint}`,
      );
    }
    take(found, name, value);
  }
  return found;
}

/** The settings in `file`, or in the usual one if that is there. */
export function readConfigFile(file: string | undefined): GivenSettings {
  const place = file ?? defaultConfigFile;
  // Runtimes in it are programs that root runs.
  const found = readConfiguration(place, { ...form, trusted: true, decode: decodeSettings });
  if (found === undefined && file !== undefined) throw noFile(place);
  return found ?? {};
}

/** Keys of Docker's daemon.json that have the same meaning here. `metrics-addr` is none: one port has one engine. */
const dockerShares = [
  "insecure-registries",
  "registry-mirrors",
  "icc",
  "default-address-pools",
  "runtimes",
  "default-runtime",
  "log-level",
  "log-format",
  "tlsverify",
  "tlscacert",
  "tlscert",
  "tlskey",
];

/** Its other keys by the reason for which they are left out: two engines on one machine must not meet. */
const dockerLeaves: Readonly<Record<string, readonly string[]>> = {
  "its state stays its own": ["data-root", "exec-root"],
  "there is none": ["pidfile"],
  "its sockets stay its own; see host and tcp-hosts": ["hosts", "tls"],
  "its port stays its own; see metrics-addr": ["metrics-addr"],
  "it is always tiffin": ["group"],
  "containers always outlive the engine": ["live-restore", "shutdown-timeout"],
  "rules are in tables of Tiffin's own": [
    "iptables",
    "ip6tables",
    "ip-forward",
    "ip-forward-no-drop",
    "ip-masq",
    "firewall-backend",
    "allow-direct-routing",
    "bridge-accept-fwmark",
  ],
  "layers are stored in one way": ["storage-driver", "storage-opts"],
  "the control group driver is found out": ["exec-opts"],
  "its containers have a group of Tiffin's own": ["cgroup-parent"],
  "say it with each container: --log-driver": ["log-driver"],
  "say it with each container: --log-opt": ["log-opts"],
  "say it with each container (tiffin run --help)": [
    "cpu-rt-period",
    "cpu-rt-runtime",
    "default-cgroupns-mode",
    "default-ipc-mode",
    "default-shm-size",
    "default-ulimits",
    "dns",
    "dns-opts",
    "dns-search",
    "init",
    "init-path",
    "no-new-privileges",
    "seccomp-profile",
    "selinux-enabled",
  ],
  "say it with each network (tiffin network create --help)": ["default-network-opts", "mtu"],
  "give the default network a pool: default-address-pools": ["bip", "bip6", "fixed-cidr", "fixed-cidr-v6"],
  "the bridge of the default network stays its own": [
    "bridge",
    "default-gateway",
    "default-gateway-v6",
    "ip",
    "ipv6",
  ],
  "ports need no helper program": ["userland-proxy", "userland-proxy-path"],
  "proxies are those of the environment: HTTP_PROXY, HTTPS_PROXY, NO_PROXY": [
    "proxies",
    "http-proxy",
    "https-proxy",
    "no-proxy",
  ],
  "see log-level": ["debug", "raw-logs"],
  "there is no containerd": ["containerd", "containerd-namespace", "containerd-plugins-namespace"],
  "there is no swarm": ["node-generic-resources", "swarm-default-advertise-addr"],
  "Tiffin has no such setting": [
    "allow-nondistributable-artifacts",
    "api-cors-header",
    "authorization-plugins",
    "builder",
    "cluster-advertise",
    "cluster-store",
    "cluster-store-opts",
    "experimental",
    "features",
    "host-gateway-ip",
    "host-gateway-ips",
    "labels",
    "max-concurrent-downloads",
    "max-concurrent-uploads",
    "max-download-attempts",
    "oom-score-adjust",
    "rootless",
    "userns-remap",
    "validate",
  ],
};

/** The runtime that Docker has unless it is told of another. */
const dockerRuntime = "runc";

function reasonToLeave(key: string, value: unknown): string | undefined {
  if (key === "default-runtime" && value === dockerRuntime) return "Tiffin is the runtime itself";
  if (key === "log-level" && value === "fatal") return "there is no such level; the least is error";
  if (dockerShares.includes(key)) return undefined;
  const leaves = Object.entries(dockerLeaves);
  const reason = leaves.find(([, keys]) => keys.includes(key))?.[0];
  if (reason !== undefined) return reason;
  const near = suggestion(key, [...dockerShares, ...leaves.flatMap(([, keys]) => keys)]);
  return `Docker has no such key that is known here${near}`;
}

/** What a daemon.json comes to here: the document to write, and a sentence for each key that is not in it. */
interface Converted {
  readonly document: Readonly<Record<string, unknown>>;
  readonly left: readonly string[];
}

function decodeDocker(value: unknown): Converted {
  const entries = entriesOf(value);
  const document = Object.fromEntries(
    entries.filter(([key, each]) => reasonToLeave(key, each) === undefined),
  );
  decodeSettings(document);
  const left = entries.flatMap(([key, each]) => {
    const reason = reasonToLeave(key, each);
    return reason === undefined ? [] : [`${JSON.stringify(key)} is left out: ${reason}`];
  });
  return { document, left };
}

export function fromDockerConfig(file: string): Converted {
  const found = readConfiguration(file, { ...form, decode: decodeDocker });
  if (found === undefined) throw noFile(file);
  return found;
}

/** The published JSON schema of the file. */
export function configSchema(): Readonly<Record<string, unknown>> {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "tiffin.json",
    description: `The configuration of tiffin daemon, ${defaultConfigFile}`,
    type: "object",
    properties: {
      [schemaKey]: { type: "string" },
      ...Object.fromEntries(
        settingNames.map((name) => {
          const { key, schema, shownDefault } = settings[name];
          return [key, shownDefault === undefined ? schema : { ...schema, default: defaultOf(shownDefault) }];
        }),
      ),
    },
    additionalProperties: false,
  };
}

/** A default as help shows it is JSON, or a bare word. */
function defaultOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
