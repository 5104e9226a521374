/** Ports that are published, or no more, while a container runs: decided here, the network does them in one transaction. */
import { TiffinError } from "../../../lib/errors.ts";
import type { UndoStack } from "../../../lib/undo-stack.ts";
import type { PortChange, Reconnected } from "../../network/mod.ts";
import type { Container } from "../record/mod.ts";
import type { ContainerSpecification, ExposedPort, WantedPort } from "../specification/mod.ts";
import { portRequest } from "../start/mod.ts";
import type { UpdateContext } from "./context.ts";

export interface WantedPortChange {
  readonly add: readonly WantedPort[];
  readonly remove: readonly ExposedPort[];
}

type OfContainer = Pick<WantedPort, "containerPort" | "protocol">;

function leadsTo({ port, protocol }: ExposedPort, { containerPort, protocol: own }: OfContainer): boolean {
  return containerPort === port && own === protocol;
}

/** Where the container is in networks, with the ports it has afterwards. Errors: `invalid` for one that it does not publish. */
export function networkWithPorts(
  network: ContainerSpecification["network"],
  { add, remove }: WantedPortChange,
): ContainerSpecification["network"] {
  if (network.kind !== "networks") {
    throw new TiffinError(
      "invalid",
      "container.no-ports",
      `ports of a container whose network is ${network.kind === "container" ? "another container's" : network.kind} cannot be published`,
      { remedy: "run it in a network of its own" },
    );
  }
  for (const gone of remove) {
    if (network.ports.some((port) => leadsTo(gone, port))) continue;
    const there = [
      ...new Set(network.ports.map(({ containerPort, protocol }) => `${containerPort}/${protocol}`)),
    ];
    throw new TiffinError(
      "invalid",
      "container.no-port",
      `port ${gone.port}/${gone.protocol} is not published`,
      {
        remedy: there.length === 0 ? "the container publishes none" : `it publishes ${there.join(", ")}`,
      },
    );
  }
  const kept = network.ports.filter((port) => !remove.some((gone) => leadsTo(gone, port)));
  return { ...network, ports: [...kept, ...add] };
}

/** What is exposed already, and what is published from now on. */
export function exposedWith(
  exposed: readonly ExposedPort[],
  add: readonly WantedPort[],
): readonly ExposedPort[] {
  const all = [...exposed];
  for (const port of add) {
    if (!all.some((each) => leadsTo(each, port)))
      all.push({ port: port.containerPort, protocol: port.protocol });
  }
  return all;
}

/** The running container publishes them; the caller keeps the change, or unwinds `undo`. Errors: those of ports at a start. */
export function changeLivePorts(
  { networks, fail }: UpdateContext,
  { id }: Pick<Container, "id">,
  hold: Reconnected,
  { add, remove }: WantedPortChange,
  undo: UndoStack,
): PortChange {
  const now = { containerId: id, ...hold };
  const change = networks.changePorts(
    id,
    {
      add: add.map(portRequest),
      remove: now.ports.filter((port) => remove.some((gone) => leadsTo(gone, port))),
    },
    now,
  );
  undo.push("published ports", () => change.revert());
  fail("update.ports");
  return change;
}
