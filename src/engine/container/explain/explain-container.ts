/** What a start of a container performs: decided as a start decides it, with the times of the last start beside it. */
import type { ExplainResponse, ExplainWishes, TraceResponse } from "../../../docker/types/explain.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { shownJson } from "../../../lib/shown-name.ts";
import {
  differenceJson,
  type ExplainedPlan,
  explainOps,
  type HiddenWords,
  hiddenWords,
  isSecretMount,
  type Language,
  languages,
  maskLine,
  maskPlan,
  maskWords,
  type NetworkSource,
  type OriginOf,
  originText,
  type Plan,
  renderAs,
  renderDifference,
  renderDifferenceMarkdown,
  renderScript,
  type Secrets,
  secretsOf,
  secretsOfPlan,
  targetText,
} from "../../../plan/mod.ts";
import { type Container, isAlive, type NetworkHold } from "../record/mod.ts";
import { compilePlan, hashOfPlan, inspectStart, type StartContext } from "../start/mod.ts";
import { expectedHold, scriptSurroundings } from "./by-hand.ts";
import { originsOf } from "./origins.ts";
import { decideRemoval, explainRemoval, type RemovalOptions, removalScript } from "./removal.ts";

interface Decided {
  /** Masked, unless secrets were asked for. */
  readonly plan: Plan;
  readonly hold: NetworkHold;
  /** What is masked in it. */
  readonly secrets: Secrets;
  readonly hidden: HiddenWords;
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
  if (against !== undefined)
    return await explainDifferenceOf(context, { container }, { container: against }, wishes);
  const options = { vocabulary: languages[language], details };
  const decided = await decide(context, container, language, showSecrets);
  const { plan, explained } = decided;
  const script = (): string => {
    const { hold, secrets } = decided;
    const { runtime } = container.document.specification;
    if (runtime !== undefined) throw notByHand(runtime);
    const surroundings = scriptSurroundings(
      context,
      container,
      plan,
      hold,
      language,
      secrets.variables,
      decided.hidden,
    );
    return renderScript(plan, surroundings);
  };
  return { Id: container.id, Text: renderAs(wishes.format, { plan, explained, script }, options) };
}

function notByHand(runtime: string): TiffinError {
  return new TiffinError(
    "notImplemented",
    "explain.foreign-runtime",
    `a container of the runtime ${runtime} cannot be made by a script: that runtime makes it out of what the engine prepares`,
    { remedy: "leave out --runtime, or choose another format: text, json, plan" },
  );
}

/** A start and what it is called, if not as the container is. */
export interface TitledStart {
  readonly container: Container;
  readonly title?: string | undefined;
}

export async function explainDifferenceOf(
  context: StartContext,
  first: TitledStart,
  second: TitledStart,
  { format, language, showSecrets }: ExplainWishes,
): Promise<ExplainResponse> {
  if (format !== "text" && format !== "markdown" && format !== "json") {
    const message = `a difference can be shown as text, markdown or json, not as ${format}`;
    throw new TiffinError("invalid", "explain.difference", message);
  }
  const named = async ({ container, title }: TitledStart) => {
    const { explained, secrets } = await decide(context, container, language, showSecrets);
    const { id, name } = container;
    return { name: title === undefined ? name : maskLine(title, secrets), id, plan: explained };
  };
  const [one, other] = [await named(first), await named(second)];
  const renderers = {
    text: () => renderDifference(one, other, languages[language]),
    markdown: () => renderDifferenceMarkdown(one, other, languages[language]),
    json: () => `${shownJson(differenceJson(one, other, languages[language]))}\n`,
  };
  return { Id: first.container.id, Text: renderers[format]() };
}

/** What a removal would do now. Nothing is removed. */
export async function explainRemovalOf(
  context: StartContext,
  container: Container,
  options: RemovalOptions,
  wishes: ExplainWishes,
): Promise<ExplainResponse> {
  // Of a start that cannot be decided any more, as the image's user is gone, the groups are not known.
  const { plan } = isAlive(container.state)
    ? await decide(context, container, wishes.language, wishes.showSecrets)
    : { plan: { hostOps: [] } };
  const ops = decideRemoval(context, container, plan, options);
  const explained = explainRemoval(ops, container, options, wishes.language);
  const rendering = { vocabulary: languages[wishes.language], details: wishes.details };
  const script = (): string => removalScript(ops, container, languages[wishes.language]);
  return { Id: container.id, Text: renderAs(wishes.format, { explained, script }, rendering) };
}

/** Where the time of the last start went. Errors: `conflict` when it was not measured by this engine. */
export async function traceContainer(
  context: StartContext,
  container: Container,
  language: Language,
): Promise<TraceResponse> {
  const trace = (await traceOfNextStart(context, container, language))();
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
  language: Language,
): Promise<() => TraceResponse | undefined> {
  const looked = await look(context, container);
  const vocabulary = languages[language];
  return () => {
    const { phases } = container;
    const { explained } = explainedPlan(looked, container, language, false);
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
        Target: targetText(op, vocabulary),
        Cause: `${originText(op.origin, vocabulary)} (${vocabulary.phrase(op.setting)})`,
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
  try {
    return explainedPlan(await look(context, container), container, language, showSecrets);
  } catch (thrown) {
    throw showSecrets ? thrown : withoutSecrets(thrown, container);
  }
}

/** Why it cannot be explained, which may name what is masked otherwise. */
function withoutSecrets(thrown: unknown, { document: { specification } }: Container): unknown {
  if (!(thrown instanceof TiffinError)) return thrown;
  const sources = specification.mounts.flatMap((mount) =>
    mount.kind === "bind" && isSecretMount(mount.source, mount.target) ? [mount.source] : [],
  );
  const secrets = secretsOf(specification.process.environment, sources);
  const { kind, code, message, remedy, exitCode } = thrown;
  return new TiffinError(kind, code, maskWords(message, secrets), {
    ...(remedy !== undefined && { remedy: maskWords(remedy, secrets) }),
    ...(exitCode !== undefined && { exitCode }),
  });
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
  return { plan, originOf, hold, secrets: secretsOfPlan(plan) };
}

const noSecrets = secretsOf([], []);

/** With the times of the last start, if it was this plan's. */
function explainedPlan(
  looked: Looked,
  { startTimes, failedStart, phases, state }: Container,
  language: Language,
  showSecrets: boolean,
): Decided {
  const hash = hashOfPlan(looked.plan);
  const isSame = startTimes?.signature() === hash;
  const failed = failedStart?.signature === hash ? failedStart : undefined;
  const secrets = showSecrets ? noSecrets : looked.secrets;
  const plan = maskPlan(looked.plan, secrets);
  const originOf: OriginOf = (setting) => {
    const origin = looked.originOf(setting);
    return origin.kind === "default" ? origin : { ...origin, text: maskWords(origin.text, secrets) };
  };
  const { words } = languages[language];
  const notes: string[] = [];
  if (failed !== undefined) notes.push(words.failedStart(failed.index));
  else if (startTimes === undefined)
    notes.push(state.status === "created" ? words.notStarted : words.notMeasured);
  else if (!isSame) notes.push(words.changed);
  const measured = startTimes !== undefined && isSame;
  return {
    plan,
    secrets,
    hidden: hiddenWords(looked.plan, plan),
    hold: looked.hold,
    explained: {
      ops: explainOps(
        plan,
        originOf,
        measured ? startTimes : failed === undefined ? {} : { failed },
        languages[language].say,
      ),
      warnings: plan.warnings,
      totalMs: measured ? phases?.["totalMs"] : undefined,
      notes,
    },
  };
}

/** Where the network comes from, as a start will find it. */
function networkSource(container: Container): NetworkSource {
  const { firstHostId, specification } = container.document;
  const { kind } = specification.network;
  if (kind === "host") return { kind };
  return firstHostId === null || kind === "container" ? { kind: "slot" } : { kind: "new" };
}
