/**
 * What a list says of a container, but for what changes with time. Made anew only when its name, document, state or the ids of its networks are
 * others than before: a list of many containers is asked for again and again, and nearly all of them are as they were.
 */
import type { ContainerSummary } from "../../../docker/types/container.ts";
import { networkMode } from "../docker/mod.ts";
import type { Container } from "../record/mod.ts";
import { commandText } from "./command-text.ts";
import type { ViewContext } from "./context.ts";
import { mountPoints, networksOf, portSummaries, statusWord, wantedBy } from "./describe.ts";

type Lasting = Omit<ContainerSummary, "Status" | "SizeRw" | "SizeRootFs">;

interface Made extends Pick<Container, "name" | "document" | "state"> {
  readonly networkIds: string;
  readonly summary: Lasting;
}

const made = new WeakMap<Container, Made>();

export function lastingSummary(context: ViewContext, container: Container): Lasting {
  const { name, document, state } = container;
  const networkIds = wantedBy(container)
    .map(({ network }) => context.networks.find(network)?.id ?? "")
    .join();
  const known = made.get(container);
  if (
    known !== undefined &&
    known.name === name &&
    known.document === document &&
    known.state === state &&
    known.networkIds === networkIds
  ) {
    return known.summary;
  }
  const summary = summaryOf(context, container);
  made.set(container, { name, document, state, networkIds, summary });
  return summary;
}

function summaryOf(context: ViewContext, container: Container): Lasting {
  const { document, state } = container;
  const { annotations, labels, network, process } = document.specification;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: document.image.reference,
    ImageID: document.image.id,
    Command: commandText(process.arguments),
    Created: Math.floor(container.createdMs / 1000),
    Ports: portSummaries(container),
    Labels: labels,
    State: statusWord(state),
    HostConfig: {
      NetworkMode: networkMode(network),
      ...(Object.keys(annotations).length > 0 && { Annotations: annotations }),
    },
    NetworkSettings: { Networks: networksOf(container, context.networks) },
    Mounts: mountPoints(document, context.paths.volumes),
  };
}
