/**
 * Who is called what in networks, for their name servers. The index says who may be meant, the containers' states whether
 * they are there now: so it has to be made anew only when somebody appears or is renamed.
 */
import { readFileSync } from "node:fs";
import { type Asker, isBuiltIn, type Network, type Networks } from "../../network/mod.ts";
import { type Container, type ContainerRegistry, holdOf } from "../record/mod.ts";
import { namesIn, wantedBy } from "../view/mod.ts";

interface Index {
  /** By network id, then by name in lower case. */
  readonly named: ReadonlyMap<string, ReadonlyMap<string, readonly Container[]>>;
  /** By network id and address. */
  readonly placed: ReadonlyMap<string, Container>;
}

export class ContainerNames {
  readonly #registry: ContainerRegistry;
  readonly #networks: Networks;
  #index: Index | undefined;
  #generation = 0;

  constructor(registry: ContainerRegistry, networks: Networks) {
    this.#registry = registry;
    this.#networks = networks;
  }

  /** A container is other than before. */
  changed(): void {
    this.#index = undefined;
    this.#generation += 1;
  }

  /** How often that was. */
  get generation(): number {
    return this.#generation;
  }

  askerOf(network: Network, address: string): Asker | undefined {
    const container = this.#at(network, address);
    return container === undefined ? undefined : this.#asker(container);
  }

  /** The same for one that asks within its own namespace. */
  askerIn(containerId: string): Asker | undefined {
    const container = this.#registry.byId(containerId);
    return container === undefined ? undefined : this.#asker(container);
  }

  #asker(container: Container): Asker {
    // One that is being started asks already, before its start has been told.
    const own = holdOf(container.state).endpoints.flatMap(
      (endpoint) => this.#networks.byId(endpoint.network) ?? [],
    );
    const named = own.filter(({ id }) => !isBuiltIn(id));
    return {
      addressesOf: (name) => this.#linkedAs(name, container, named) ?? this.#addressesOf(name, named),
      nameOf: (asked) => this.#nameOf(asked, named),
      isClosed: own.every(({ internal }) => internal),
      get servers() {
        const { servers } = container.document.specification.resolver;
        return servers.length > 0 ? servers : hostServers();
      },
    };
  }

  /** What this container alone calls another one. */
  #linkedAs(name: string, container: Container, networks: readonly Network[]): readonly string[] | undefined {
    const addresses = networks.flatMap((network) => {
      const links = wantedBy(container).find((wanted) => wanted.network === network.name)?.links ?? [];
      const full = `.${network.name}`.toLowerCase();
      return links.flatMap(({ alias, container: reference }) => {
        const own = alias.toLowerCase();
        if (name !== own && name !== own + full) return [];
        const linked = this.#registry.byId(this.#registry.idOf(reference) ?? "");
        return linked === undefined ? [] : addressesIn(linked, network);
      });
    });
    return addresses.length === 0 ? undefined : addresses;
  }

  #addressesOf(name: string, networks: readonly Network[]): readonly string[] | undefined {
    const { named } = this.#made();
    const addresses = networks.flatMap((network) => {
      const suffix = `.${network.name.toLowerCase()}`;
      const names = named.get(network.id);
      const containers =
        names?.get(name) ??
        (name.endsWith(suffix) ? names?.get(name.slice(0, -suffix.length)) : undefined) ??
        [];
      return containers.flatMap((container) => addressesIn(container, network));
    });
    return addresses.length === 0 ? undefined : addresses;
  }

  #nameOf(address: string, networks: readonly Network[]): string | undefined {
    for (const network of networks) {
      const container = this.#at(network, address);
      if (container !== undefined) return `${container.name}.${network.name}`;
    }
    return undefined;
  }

  #at(network: Network, address: string): Container | undefined {
    const container = this.#made().placed.get(`${network.id} ${address}`);
    return container !== undefined && addressesIn(container, network).includes(address)
      ? container
      : undefined;
  }

  #made(): Index {
    this.#index ??= this.#make();
    return this.#index;
  }

  #make(): Index {
    const named = new Map<string, Map<string, Container[]>>();
    const placed = new Map<string, Container>();
    for (const container of this.#registry.all()) {
      for (const wanted of wantedBy(container)) {
        const network = this.#networks.find(wanted.network);
        if (network === undefined) continue;
        const addresses = addressesIn(container, network);
        if (addresses.length === 0) continue;
        for (const address of addresses) placed.set(`${network.id} ${address}`, container);
        const names = named.get(network.id) ?? new Map<string, Container[]>();
        named.set(network.id, names);
        for (const name of namesIn(container, wanted)) {
          const key = name.toLowerCase();
          names.set(key, [...(names.get(key) ?? []), container]);
        }
      }
    }
    return { named, placed };
  }
}

/** Of both families; none while it does not run. */
function addressesIn(container: Container, network: Network): readonly string[] {
  const endpoint = holdOf(container.state).endpoints.find((each) => each.network === network.id);
  if (endpoint === undefined) return [];
  return endpoint.ipv6 === undefined ? [endpoint.address] : [endpoint.address, endpoint.ipv6.address];
}

/** Those that the host asks, which may change at any time. */
function hostServers(): string[] {
  try {
    return readFileSync("/etc/resolv.conf", "utf8")
      .split("\n")
      .map((line) => line.trim().split(/\s+/))
      .flatMap(([word, server]) => (word === "nameserver" && server !== undefined ? [server] : []));
  } catch {
    return [];
  }
}
