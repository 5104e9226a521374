/** `GET /containers/json`: which containers, and one summary each. */

import { invalidFilter } from "../../../docker/messages.ts";
import { regularExpression, type TextTest } from "../../../docker/regular-expression.ts";
import type { ContainerSummary } from "../../../docker/types/container.ts";
import { nowMs } from "../../../lib/clock.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { hasLabel } from "../../labels.ts";
import { type Container, countsAsRunning } from "../record/mod.ts";
import type { ViewContext } from "./context.ts";
import { portSummaries, statusWord, wantedBy } from "./describe.ts";
import { booleanOf, portRangeOf, requireInteger, requireWord } from "./filter-values.ts";
import { lastingListOf, lastingSummary } from "./lasting-summary.ts";

export interface ListOptions {
  readonly all: boolean;
  readonly limit?: number | undefined;
  readonly size: boolean;
  readonly filters: Readonly<Record<string, readonly string[]>>;
}

type Test = (container: Container) => boolean;
type FilterMaker = (values: readonly string[], context: ViewContext) => Test;

const statuses = ["created", "running", "paused", "restarting", "removing", "exited", "dead"];
const healths = ["none", "starting", "healthy", "unhealthy"];

function anyOf(values: readonly string[], matches: (container: Container, value: string) => boolean): Test {
  return (container) => values.some((value) => matches(container, value));
}

/** Labels, networks, volumes and the like; one row per filter that Docker has and this engine can answer. */
const filters: Readonly<Record<string, FilterMaker>> = {
  id: (values) => anyOf(values, (container, value) => container.id.startsWith(value)),
  name: (values) => {
    const patterns = values.map((value) => patternOf(value));
    return (container) =>
      patterns.some((pattern) => pattern(container.name) || pattern(`/${container.name}`));
  },
  label: (values) => (container) =>
    values.every((value) => hasLabel(container.document.specification.labels, value)),
  status: (values) => {
    requireWord("status", "state", statuses, values);
    return anyOf(values, (container, value) => statusWord(container.state) === value);
  },
  exited: (values) => {
    requireInteger("exited", values);
    const codes = new Set(values.map(Number));
    return ({ state }) => state.status === "exited" && codes.has(state.ending.exitCode);
  },
  ancestor: (values, context) => {
    const ids = new Set(values.map((value) => imageIdOf(context, value)));
    return (container) => ids.has(container.document.image.id);
  },
  network: (values, context) => {
    const wanted = values.map((value) => context.networks.find(value)?.name ?? value);
    return anyOf(wanted, (container, value) => wantedBy(container).some(({ network }) => network === value));
  },
  volume: (values) =>
    anyOf(values, (container, value) =>
      container.document.specification.mounts.some(
        (mount) =>
          mount.target === value ||
          (mount.kind === "volume" && mount.volume === value) ||
          (mount.kind === "bind" && mount.source === value),
      ),
    ),
  publish: (values) => portTest("publish", values),
  expose: (values) => portTest("expose", values),
  before: (values, context) => orderTest(values, context, (container, than) => container < than),
  since: (values, context) => orderTest(values, context, (container, than) => container > than),
  health: (values) => {
    requireWord("health", "health", healths, values);
    return anyOf(values, ({ health }, value) => (health?.status ?? "none") === value);
  },
  // On Linux there is one isolation, whatever it is called.
  isolation: () => () => true,
  "is-task": (values) => {
    const wanted = values.length > 0 && booleanOf("is-task", values);
    return () => !wanted;
  },
};

function patternOf(value: string): TextTest {
  try {
    return regularExpression(value);
  } catch (thrown) {
    throw new TiffinError(
      "invalid",
      "container.filter",
      `invalid filter 'name=${value}': ${messageOf(thrown)}`,
      {
        cause: thrown,
      },
    );
  }
}

function portTest(filter: "publish" | "expose", values: readonly string[]): Test {
  const ranges = values.map((value) => portRangeOf(filter, value));
  return (container) =>
    portSummaries(container).some(({ PrivatePort, PublicPort, Type }) =>
      ranges.some(
        ({ first, last, protocol }) =>
          Type === protocol &&
          PrivatePort >= first &&
          PrivatePort <= last &&
          (filter === "expose" || PublicPort !== undefined),
      ),
    );
}

function imageIdOf(context: ViewContext, reference: string): string {
  try {
    return context.images.resolve(reference).id;
  } catch {
    // An image that is not there has no containers.
    return "";
  }
}

function orderTest(
  values: readonly string[],
  context: ViewContext,
  compare: (created: number, than: number) => boolean,
): Test {
  const limits = values.map((value) => context.registry.resolve(value).createdMs);
  return (container) => limits.every((limit) => compare(container.createdMs, limit));
}

/** The summaries, newest first. Errors: `container.filter`. */
export async function listContainers(
  context: ViewContext,
  options: ListOptions,
): Promise<readonly ContainerSummary[]> {
  const tests = Object.entries(options.filters).map(([key, values]) => {
    const make = Object.hasOwn(filters, key) ? filters[key] : undefined;
    if (make === undefined) throw new TiffinError("invalid", "container.filter", invalidFilter(key));
    return make(values, context);
  });
  const named = ["status", "exited"].some((key) => Object.hasOwn(options.filters, key));
  const limited = options.limit !== undefined && options.limit > 0;
  const everything = options.all || named || limited;
  const chosen = [...context.registry.all()]
    .reverse()
    .filter((container) => everything || countsAsRunning(container.state))
    .filter((container) => tests.every((test) => test(container)));
  const shown = limited ? chosen.slice(0, options.limit) : chosen;
  const now = nowMs();
  const listed = shown.map((container) => ({ container, summary: lastingSummary(context, container, now) }));
  if (!options.size) {
    return lastingListOf(
      context,
      listed.map(({ summary }) => summary),
    );
  }
  return await Promise.all(
    listed.map(async ({ container, summary }) => {
      const written = await context.layers.containerBytes(container.id);
      const imageBytes = context.images.byId(container.document.image.id)?.size ?? 0;
      return { ...summary, SizeRw: written, SizeRootFs: imageBytes + written };
    }),
  );
}
