/** What a start of a container performs, decided as a start decides it but without taking or changing anything. */
import type { ExplainFormat, ExplainResponse } from "../../../docker/types/explain.ts";
import {
  type NetworkSource,
  type Plan,
  planJson,
  renderPlan,
  renderPlanTable,
  renderShell,
} from "../../../plan/mod.ts";
import { type Container, holdOf } from "../record/mod.ts";
import type { StartContext } from "./context.ts";
import { compilePlan, inspectStart } from "./start-plan.ts";

const renderers: Readonly<Record<ExplainFormat, (plan: Plan) => string>> = {
  text: renderPlan,
  table: renderPlanTable,
  json: (plan) => `${JSON.stringify(planJson(plan), undefined, 2)}\n`,
  shell: renderShell,
};

/** Errors are those that a start would end with while deciding, such as an unknown user. */
export async function explainContainer(
  context: StartContext,
  container: Container,
  format: ExplainFormat,
): Promise<ExplainResponse> {
  const { state } = container;
  const place = {
    source: networkSource(container),
    netns: undefined,
    hold: holdOf(state),
    warnings: [],
    wire: undefined,
  };
  const found = await inspectStart(context, container);
  const { plan, mounts } = compilePlan(context, container, found, place, []);
  for (const [, fd] of mounts.fds) fd[Symbol.dispose]();
  return { Id: container.id, Text: renderers[format](plan) };
}

/** Where the network comes from, as `attachToNetwork` will find it. */
function networkSource(container: Container): NetworkSource {
  const { firstHostId, specification } = container.document;
  const { kind } = specification.network;
  if (kind === "host") return { kind };
  return firstHostId === null || kind === "container" ? { kind: "slot" } : { kind: "new" };
}
