/**
 * What a list says of a container, but for its sizes. Made anew only when its name, document, state, the ids of its networks or the words
 * for how long are others than before: a list of many containers is asked for again and again, and nearly all of them are as they
 * were. So is its text.
 */
import type { ContainerSummary } from "../../../docker/types/container.ts";
import { lasting, lastingList } from "../../../lib/lasting-json.ts";
import { networkMode } from "../docker/mod.ts";
import type { Container } from "../record/mod.ts";
import { commandText } from "./command-text.ts";
import type { ViewContext } from "./context.ts";
import { mountPoints, networksOf, portSummaries, statusText, statusWord, wantedBy } from "./describe.ts";

type Lasting = Omit<ContainerSummary, "SizeRw" | "SizeRootFs">;
type Timeless = Omit<Lasting, "Status">;

interface Made extends Pick<Container, "name" | "document" | "state"> {
  readonly networkIds: string;
  readonly timeless: Timeless;
  readonly summary: Lasting;
}

const made = new WeakMap<Container, Made>();

/** @param now Milliseconds since the epoch. */
export function lastingSummary(context: ViewContext, container: Container, now: number): Lasting {
  const { name, document, state, health } = container;
  const networkIds = wantedBy(container)
    .map(({ network }) => context.networks.find(network)?.id ?? "")
    .join();
  const known = made.get(container);
  const isAsBefore =
    known !== undefined &&
    known.name === name &&
    known.document === document &&
    known.state === state &&
    known.networkIds === networkIds;
  const status = statusText(state, now, health);
  if (isAsBefore && known.summary.Status === status) return known.summary;
  const timeless = isAsBefore ? known.timeless : timelessOf(context, container);
  const summary = lasting({ ...timeless, Status: status });
  made.set(container, { name, document, state, networkIds, timeless, summary });
  return summary;
}

/** Lists that were answered last, of each engine; weakly, as nobody may ask a second time. */
const last = new WeakMap<object, WeakRef<readonly ContainerSummary[]>>();

/** The list that was given before if it has the very same summaries. */
export function lastingListOf(
  context: ViewContext,
  summaries: readonly ContainerSummary[],
): readonly ContainerSummary[] {
  const before = last.get(context.registry)?.deref();
  if (before?.length === summaries.length && summaries.every((summary, index) => summary === before[index])) {
    return before;
  }
  last.set(context.registry, new WeakRef(lastingList(summaries)));
  return summaries;
}

function timelessOf(context: ViewContext, container: Container): Timeless {
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
