/** What a start of a container performs: decided as a start decides it, with the times of the last start beside it. */
import type {
  ExplainFormat,
  ExplainResponse,
  ExplainWishes,
  TraceResponse,
} from "../../../docker/types/explain.ts";
import { TiffinError } from "../../../lib/errors.ts";
import {
  type ExplainedPlan,
  explainOps,
  type Language,
  languages,
  type NetworkSource,
  type OriginOf,
  originText,
  type Plan,
  planJson,
  renderDifference,
  renderExplained,
  renderMarkdown,
  renderPlan,
  renderPlanTable,
  renderShell,
} from "../../../plan/mod.ts";
import { type Container, holdOf } from "../record/mod.ts";
import { compilePlan, hashOfPlan, inspectStart, type StartContext } from "../start/mod.ts";
import { originsOf } from "./origins.ts";

interface Decided {
  readonly plan: Plan;
  readonly explained: ExplainedPlan;
}

/** Errors are those that a start would end with while deciding, such as an unknown user. */
export async function explainContainer(
  context: StartContext,
  container: Container,
  wishes: ExplainWishes,
  against: Container | undefined,
): Promise<ExplainResponse> {
  const { language, details } = wishes;
  const options = { vocabulary: languages[language], details };
  const { plan, explained } = await decide(context, container, language);
  if (against !== undefined) {
    if (wishes.format !== "text") {
      throw new TiffinError("invalid", "explain.difference", "a difference can be shown as text only");
    }
    const other = await decide(context, against, language);
    const named = ({ name, id }: Container, plan: ExplainedPlan) => ({ name, id, plan });
    return {
      Id: container.id,
      Text: renderDifference(
        named(container, explained),
        named(against, other.explained),
        languages[language],
      ),
    };
  }
  const renderers: Readonly<Record<ExplainFormat, () => string>> = {
    text: () => renderExplained(explained, options),
    markdown: () => renderMarkdown(explained, options),
    json: () => `${JSON.stringify(withTimes(plan, explained), undefined, 2)}\n`,
    plain: () => renderPlan(plan),
    table: () => renderPlanTable(plan),
    sh: () => renderShell(plan),
    shell: () => renderShell(plan),
  };
  return { Id: container.id, Text: renderers[wishes.format]() };
}

/** Where the time of the last start went. Errors: `conflict` when it was not measured by this engine. */
export async function traceContainer(context: StartContext, container: Container): Promise<TraceResponse> {
  const trace = (await traceOfNextStart(context, container))();
  if (trace !== undefined) return trace;
  throw new TiffinError(
    "conflict",
    "explain.not-measured",
    `the last start of container ${container.name} was not measured by this engine`,
    { remedy: "times are kept while the engine runs: start the container again" },
  );
}

/** Decided ahead, so that it can be told of a container that is gone by the time its start is over. */
export async function traceOfNextStart(
  context: StartContext,
  container: Container,
): Promise<() => TraceResponse | undefined> {
  const looked = await look(context, container);
  return () => {
    const { phases } = container;
    const { explained } = explainedPlan(looked, container, "en");
    if (phases === undefined || explained.totalMs === undefined) return undefined;
    return {
      Id: container.id,
      Phases: Object.fromEntries(
        Object.entries(phases).map(([name, ms]) => [name.replace(/Ms$/, ""), nanoseconds(ms)]),
      ),
      Operations: explained.ops.map((op) => ({
        Index: op.index,
        Chapter: op.chapter,
        Operation: op.op,
        Target: op.target,
        Cause: `${originText(op.origin, languages.en)} (${op.setting})`,
        Nanoseconds: nanoseconds(op.milliseconds ?? 0),
      })),
    };
  };
}

const nsPerMs = 1e6;

function nanoseconds(milliseconds: number): number {
  return Math.round(milliseconds * nsPerMs);
}

async function decide(context: StartContext, container: Container, language: Language): Promise<Decided> {
  return explainedPlan(await look(context, container), container, language);
}

interface Looked {
  readonly plan: Plan;
  readonly originOf: OriginOf;
}

async function look(context: StartContext, container: Container): Promise<Looked> {
  const { state, document } = container;
  const place = {
    source: networkSource(container),
    netns: undefined,
    hold: holdOf(state),
    warnings: [],
    wire: undefined,
  };
  const found = await inspectStart(context, container, { onlyLook: true });
  const { plan, mounts, mountTargets } = compilePlan(context, container, found, place, []);
  for (const [, fd] of mounts.fds) fd[Symbol.dispose]();
  const originOf = originsOf({
    specification: document.specification,
    image: context.images.byId(document.image.id)?.config,
    mountTargets,
  });
  return { plan, originOf };
}

/** With the times of the last start, if it was this plan's. */
function explainedPlan(
  { plan, originOf }: Looked,
  { startTimes, phases }: Container,
  language: Language,
): Decided {
  const isSame = startTimes?.signature === hashOfPlan(plan);
  const { words } = languages[language];
  const notes: string[] = [];
  if (startTimes === undefined) notes.push(words.notMeasured);
  else if (!isSame) notes.push(words.changed);
  const measured = startTimes !== undefined && isSame;
  return {
    plan,
    explained: {
      ops: explainOps(plan, originOf, measured ? { hostMs: startTimes.hostMs, opMs: startTimes.opMs } : {}),
      warnings: plan.warnings,
      totalMs: measured ? phases?.["totalMs"] : undefined,
      notes,
    },
  };
}

function withTimes(plan: Plan, { ops, totalMs }: ExplainedPlan): unknown {
  return {
    ...planJson(plan),
    totalMs: totalMs ?? null,
    operations: ops.map(({ index, chapter, origin, milliseconds }) => ({
      index,
      chapter,
      origin,
      milliseconds: milliseconds ?? null,
    })),
  };
}

/** Where the network comes from, as a start will find it. */
function networkSource(container: Container): NetworkSource {
  const { firstHostId, specification } = container.document;
  const { kind } = specification.network;
  if (kind === "host") return { kind };
  return firstHostId === null || kind === "container" ? { kind: "slot" } : { kind: "new" };
}
