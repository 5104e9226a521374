/**
 * What a compose project has come to in an engine, told so that two engines can be compared: no ids, times, addresses that
 * were not asked for, or words of the program itself.
 */
import { request } from "./engine-harness.ts";

type Document = Readonly<Record<string, unknown>>;

function isDocument(value: unknown): value is Document {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function documentOf(value: unknown): Document {
  return isDocument(value) ? value : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

async function read(socket: string, path: string): Promise<unknown> {
  const answer = await request(socket, "GET", path);
  if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text}`);
  return answer.json();
}

/** Nothing, in any of the ways in which it is written: an older engine says `null` where another says `[]` or nothing. */
function isNothing(value: unknown): boolean {
  return (
    value === null ||
    value === undefined ||
    value === "" ||
    value === 0 ||
    value === false ||
    (Array.isArray(value) && value.length === 0) ||
    (isDocument(value) && Object.keys(value).length === 0)
  );
}

/** The members of `document` with these names that say something. */
function chosen(document: Document, names: readonly string[]): Document {
  return Object.fromEntries(
    names.filter((name) => !isNothing(document[name])).map((name) => [name, document[name]]),
  );
}

const ownLabel = /^com\.docker\.compose\.|^desktop\.docker\.io/;

function labelsOf(value: unknown): Document {
  return Object.fromEntries(
    Object.entries(documentOf(value))
      .filter(([name]) => !ownLabel.test(name))
      .sort(),
  );
}

const configFields = [
  "Cmd",
  "Entrypoint",
  "WorkingDir",
  "User",
  "StopSignal",
  "StopTimeout",
  "Healthcheck",
  "Domainname",
  "Tty",
  "OpenStdin",
];

const hostFields = [
  "RestartPolicy",
  "Init",
  "Ulimits",
  "Tmpfs",
  "CapAdd",
  "CapDrop",
  "Memory",
  "MemoryReservation",
  "NanoCpus",
  "CpuShares",
  "PidsLimit",
  "OomScoreAdj",
  "ShmSize",
  "ReadonlyRootfs",
  "Privileged",
  "SecurityOpt",
  "Sysctls",
  "ExtraHosts",
  "Dns",
  "DnsSearch",
  "DnsOptions",
  "GroupAdd",
  "LogConfig",
];

/** What the engine keeps of a log where nobody says; Docker keeps all of it. */
const defaultLimits = JSON.stringify({ "max-file": "5", "max-size": "20m" });

/** Anonymous volumes and ids have names of 64 digits. */
const madeUp = /[0-9a-f]{64}/g;

class View {
  readonly #socket: string;
  readonly #project: string;
  readonly #directory: string;

  constructor(socket: string, project: string, directory: string) {
    this.#socket = socket;
    this.#project = project;
    this.#directory = directory;
  }

  #plain(text: string): string {
    return text.replaceAll(this.#directory, "PROJECT").replaceAll(madeUp, "ID");
  }

  #plainDocument(value: unknown): unknown {
    return JSON.parse(this.#plain(JSON.stringify(value)));
  }

  get #filters(): string {
    const filters = { label: [`com.docker.compose.project=${this.#project}`] };
    return encodeURIComponent(JSON.stringify(filters));
  }

  async whole(): Promise<Document> {
    const [containers, networks, volumes] = await Promise.all([
      read(this.#socket, `/containers/json?all=1&filters=${this.#filters}`),
      read(this.#socket, `/networks?filters=${this.#filters}`),
      read(this.#socket, `/volumes?filters=${this.#filters}`),
    ]);
    const ids = listOf(containers).map((each) => textOf(documentOf(each)["Id"]));
    const inspected = await Promise.all(ids.map((id) => read(this.#socket, `/containers/${id}/json`)));
    const names = new Map(
      inspected.map((each) => [textOf(documentOf(each)["Id"]), nameOf(documentOf(each))]),
    );
    return {
      containers: Object.fromEntries(
        inspected
          .map((each) => [nameOf(documentOf(each)), this.#container(documentOf(each), names)])
          .sort(byName),
      ),
      networks: Object.fromEntries(
        listOf(networks)
          .map((each) => [textOf(documentOf(each)["Name"]), this.#network(documentOf(each))])
          .sort(byName),
      ),
      volumes: Object.fromEntries(
        listOf(documentOf(volumes)["Volumes"])
          .map((each) => [this.#plain(textOf(documentOf(each)["Name"])), this.#volume(documentOf(each))])
          .sort(byName),
      ),
    };
  }

  #container(document: Document, names: ReadonlyMap<string, string>): Document {
    const state = documentOf(document["State"]);
    const config = documentOf(document["Config"]);
    const host = documentOf(document["HostConfig"]);
    const modes = Object.fromEntries(
      ["NetworkMode", "PidMode", "IpcMode"].map((name) => [name, ofContainer(textOf(host[name]), names)]),
    );
    return {
      state: {
        ...chosen(state, ["Status", "ExitCode", "OOMKilled"]),
        ...chosen(documentOf(state["Health"]), ["Status"]),
      },
      labels: labelsOf(config["Labels"]),
      env: listOf(config["Env"]).map(textOf).sort(),
      exposed: Object.keys(documentOf(config["ExposedPorts"])).sort(),
      config: chosen(config, configFields),
      host: { ...chosen(host, hostFields), ...modes, ...reworded(host) },
      ports: Object.fromEntries(
        Object.entries(documentOf(host["PortBindings"])).map(([port, bindings]) => [
          port,
          listOf(bindings).map((binding) => textOf(documentOf(binding)["HostIp"])),
        ]),
      ),
      mounts: this.#mounts(document),
      networks: this.#endpoints(document),
    };
  }

  #mounts(document: Document): unknown {
    return listOf(document["Mounts"])
      .map(documentOf)
      .map((mount) => {
        const { Type: type, Destination: to, RW: writable, Name: name, Source: source } = mount;
        const from = type === "volume" ? name : type === "tmpfs" ? "" : source;
        return { type, to, writable, from: this.#plain(textOf(from)) };
      })
      .sort((a, b) => (textOf(a.to) < textOf(b.to) ? -1 : 1));
  }

  #endpoints(document: Document): Document {
    const id = textOf(document["Id"]);
    const endpoints = documentOf(documentOf(document["NetworkSettings"])["Networks"]);
    return Object.fromEntries(
      Object.entries(endpoints)
        .map(([name, value]) => {
          const endpoint = documentOf(value);
          const aliases = listOf(endpoint["Aliases"])
            .map(textOf)
            // Older engines count the id and the host's name among them, newer ones do so elsewhere.
            .filter((alias) => !id.startsWith(alias) && alias !== documentOf(document["Config"])["Hostname"]);
          const asked = chosen(documentOf(endpoint["IPAMConfig"]), ["IPv4Address", "IPv6Address"]);
          return [
            name,
            { aliases: [...new Set(aliases)].sort(), ...(isNothing(asked) ? {} : { asked }) },
          ] as const;
        })
        .sort(byName),
    );
  }

  #network(document: Document): Document {
    const pools = listOf(documentOf(document["IPAM"])["Config"]).map(documentOf);
    // Those that were not asked for are each engine's own.
    const asked = pools.filter(({ Subnet: subnet }) => /^(10\.213\.|fd00:213:)/.test(textOf(subnet)));
    return {
      ...chosen(document, ["Driver", "Internal", "EnableIPv6", "Attachable", "Options"]),
      labels: labelsOf(document["Labels"]),
      pools: asked.map(({ Subnet: subnet }) => subnet).sort(),
    };
  }

  #volume(document: Document): Document {
    return {
      ...chosen(document, ["Driver", "Options", "Scope"]),
      labels: labelsOf(document["Labels"]),
    };
  }

  plainDocument(value: Document): unknown {
    return this.#plainDocument(value);
  }
}

/** What is the same in other words: no policy is `no`, and a log of the engine's own choice has what limits it has. */
function reworded(host: Document): Document {
  const { Name: policy } = documentOf(host["RestartPolicy"]);
  const log = documentOf(host["LogConfig"]);
  const limits = JSON.stringify(log["Config"]);
  // Compose keeps limits in no order.
  const limitsOfProcesses = listOf(host["Ulimits"])
    .map(documentOf)
    .map(({ Name, Soft, Hard }) => `${Name}=${Soft}:${Hard}`);
  return {
    ...(limitsOfProcesses.length > 0 && { Ulimits: limitsOfProcesses.sort() }),
    ...(isNothing(policy) || policy === "no" ? { RestartPolicy: "no" } : {}),
    ...(limits === "{}" || limits === defaultLimits ? { LogConfig: log["Type"] } : {}),
  };
}

function nameOf(document: Document): string {
  return textOf(document["Name"]).slice(1);
}

function byName(a: readonly unknown[], b: readonly unknown[]): number {
  return textOf(a[0]) < textOf(b[0]) ? -1 : 1;
}

/** `container:ID` by the other's name. */
function ofContainer(mode: string, names: ReadonlyMap<string, string>): string {
  const id = /^container:(.*)$/.exec(mode)?.[1];
  return id === undefined ? mode : `container:${names.get(id) ?? id}`;
}

/** What there is of `project` in the engine that listens on `socket`; `directory` is the project's own. */
export async function composeView(socket: string, project: string, directory: string): Promise<unknown> {
  const view = new View(socket, project, directory);
  return view.plainDocument(await view.whole());
}
