/**
 * Before state and host are compared: containers that the database does not know, or knows an older state of, because
 * it was lost, damaged or put back from a copy. Their directories say who they are, the supervisors which of them run.
 * What cannot be told apart stays as it is, running or not, and is reported: a missing row is no order to delete.
 */

import { messageOf } from "../../../lib/errors.ts";
import { readRecord, type SupervisedProcess } from "../../../runtime/mod.ts";
import { type Container, holdOf, holdsNothing, isAlive, readRowFile, tokenOf } from "../record/mod.ts";
import type { LifeContext } from "./context.ts";

/** Takes over what is found. True: a network endpoint may be in use of which nobody knows whose it is. */
export async function adoptUnknown(context: LifeContext): Promise<boolean> {
  const { layers, registry } = context;
  const unknown = layers.containerDirectories().filter((id) => registry.byId(id) === undefined);
  for (const id of unknown) adoptDirectory(context, id);
  const unclear = await matchSupervisors(context);
  return unclear || unknown.some((id) => registry.byId(id) === undefined);
}

function adoptDirectory(context: LifeContext, id: string): void {
  const row = readRowFile(context.paths.container(id).directory);
  if (row?.id !== id) return;
  try {
    const { name } = context.registry.adopt(row);
    context.report(
      new Error(`container ${name} (${id}) was not in the database; it is taken over from its directory`),
    );
  } catch (thrown) {
    context.report(new Error(`container ${id} is not in the database: ${messageOf(thrown)}`));
  }
}

/** Supervisors that no row names belong to an exec, or to a container whose row is older than its last start. */
async function matchSupervisors(context: LifeContext): Promise<boolean> {
  const { registry, runtime } = context;
  const named = new Set<string>();
  for (const { state } of registry.all()) named.add(tokenOf(state) ?? "");
  const byProcess = new Map<string, Container>();
  let unclear = false;
  const unnamed = runtime.tokens().filter((token) => !named.has(token));
  // All at once, so that silent ones cost no more than one does.
  const answers = await Promise.all(
    unnamed.map(async (token) => ({ token, found: await runtime.reconnect(token, { stays: true }) })),
  );
  for (const { token, found } of answers) {
    if (found.kind === "gone") runtime.forget(token);
    // What does not answer is left as it is: nobody knows whose it is.
    if (found.kind !== "found") continue;
    const { process } = found;
    process.disconnect();
    if (byProcess.size === 0) readRecords(context, byProcess);
    const container = byProcess.get(identityOf(process));
    if (container !== undefined) unclear = takeOver(context, container, process) || unclear;
  }
  return unclear;
}

function identityOf({ pid, startedAtNs }: { readonly pid: number; readonly startedAtNs: bigint }): string {
  return `${pid} ${startedAtNs}`;
}

/** Which process each container ran last, as its supervisor wrote it down. */
function readRecords(context: LifeContext, found: Map<string, Container>): void {
  for (const container of context.registry.all()) {
    try {
      const record = readRecord(context.paths.container(container.id).record);
      if (record.state === "running") found.set(identityOf(record), container);
    } catch {
      // No record, no process.
    }
  }
}

/** The container runs, whatever its row says. True when its place in the network is not known. */
function takeOver(context: LifeContext, container: Container, process: SupervisedProcess): boolean {
  const { token, pid, startedAtNs } = process;
  const noted = readRowFile(context.paths.container(container.id).directory)?.state;
  const same = noted !== undefined && tokenOf(noted) === token ? noted : undefined;
  const hold = same === undefined ? holdsNothing : holdOf(same);
  const stopping = same !== undefined && isAlive(same) && same.stopping === true;
  const startedAtMs = Number(startedAtNs / 1_000_000n);
  const was = container.state.status;
  context.registry.correct(container, { status: "running", token, pid, startedAtMs, ...hold, stopping });
  context.report(
    new Error(
      `container ${container.name} (${container.id}) runs as process ${pid}, not ${was} as its row said`,
    ),
  );
  return same === undefined;
}

/** Reports directories that nobody knows and that do not say who they are. Running or not, they stay. */
export function reportStrangers(context: LifeContext, containers: readonly string[]): void {
  for (const name of containers) {
    const { directory } = context.paths.container(name);
    context.report(
      new Error(
        `${directory} belongs to no container of the database and does not say what it is; it is left as it is: ` +
          "take out of it what you need, then delete it",
      ),
    );
  }
}
