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
  isSecretMount,
  type Language,
  languages,
  maskPlan,
  maskWords,
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
  renderScript,
  type Secrets,
  secretsOf,
} from "../../../plan/mod.ts";
import type { Container, NetworkHold } from "../record/mod.ts";
import { compilePlan, hashOfPlan, inspectStart, type StartContext } from "../start/mod.ts";
import { expectedHold, scriptSurroundings } from "./by-hand.ts";
import { originsOf } from "./origins.ts";

interface Decided {
  /** Masked, unless secrets were asked for. */
  readonly plan: Plan;
  readonly hold: NetworkHold;
  /** What is masked in it. */
  readonly secrets: Secrets;
  readonly explained: ExplainedPlan;
}

/** Errors are those that a start would end with while deciding, such as an unknown user. */
export async function explainContainer(
  context: StartContext,
  container: Container,
  wishes: ExplainWishes,
  against: Container | undefined,
): Promise<ExplainResponse> {
  const { language, details, showSecrets } = wishes;
  const options = { vocabulary: languages[language], details };
  const decided = await decide(context, container, language, showSecrets);
  const { plan, explained } = decided;
  if (against !== undefined) {
    if (wishes.format !== "text") {
      throw new TiffinError("invalid", "explain.difference", "a difference can be shown as text only");
    }
    const other = await decide(context, against, language, showSecrets);
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
  const script = (): string => {
    const { hold, secrets } = decided;
    const surroundings = scriptSurroundings(context, container, plan, hold, language, secrets.variables);
    return renderScript(plan, surroundings);
  };
  const renderers: Readonly<Record<ExplainFormat, () => string>> = {
    text: () => renderExplained(explained, options),
    markdown: () => renderMarkdown(explained, options),
    json: () => `${JSON.stringify(withTimes(plan, explained), undefined, 2)}\n`,
    plain: () => renderPlan(plan),
    table: () => renderPlanTable(plan),
    sh: script,
    shell: script,
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
    const { explained } = explainedPlan(looked, container, "en", false);
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

async function decide(
  context: StartContext,
  container: Container,
  language: Language,
  showSecrets: boolean,
): Promise<Decided> {
  return explainedPlan(await look(context, container), container, language, showSecrets);
}

interface Looked {
  readonly plan: Plan;
  readonly hold: NetworkHold;
  readonly secrets: Secrets;
  readonly originOf: OriginOf;
}

async function look(context: StartContext, container: Container): Promise<Looked> {
  const { document } = container;
  const hold = expectedHold(context, container);
  const place = {
    source: networkSource(container),
    netns: undefined,
    hold,
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
  return { plan, originOf, hold, secrets: secretsIn(plan, found) };
}

type Found = Awaited<ReturnType<typeof inspectStart>>;

function secretsIn({ ops }: Plan, { mounts }: Found): Secrets {
  const exec = ops.find((op) => op.op === "exec");
  const paths = mounts.flatMap((mount) =>
    (mount.kind === "bind" || mount.kind === "volume") && isSecretMount(mount.source, mount.target)
      ? [mount.source]
      : [],
  );
  return secretsOf(exec?.op === "exec" ? exec.fields.environment : [], paths);
}

const noSecrets = secretsOf([], []);

/** With the times of the last start, if it was this plan's. */
function explainedPlan(
  looked: Looked,
  { startTimes, phases }: Container,
  language: Language,
  showSecrets: boolean,
): Decided {
  const isSame = startTimes?.signature === hashOfPlan(looked.plan);
  const secrets = showSecrets ? noSecrets : looked.secrets;
  const plan = maskPlan(looked.plan, secrets);
  const originOf: OriginOf = (setting) => {
    const origin = looked.originOf(setting);
    return origin.kind === "default" ? origin : { ...origin, text: maskWords(origin.text, secrets) };
  };
  const { words } = languages[language];
  const notes: string[] = [];
  if (startTimes === undefined) notes.push(words.notMeasured);
  else if (!isSame) notes.push(words.changed);
  const measured = startTimes !== undefined && isSame;
  return {
    plan,
    secrets,
    hold: looked.hold,
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
