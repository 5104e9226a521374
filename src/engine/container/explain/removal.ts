/** A removal in words: what it undoes of a container's start, in the order in which it does. */
import { oneLine, quote } from "../../../lib/shell-words.ts";
import {
  chapterOfRemoval,
  type ExplainedOp,
  type ExplainedPlan,
  type Language,
  languages,
  type Origin,
  type Plan,
  type RemovalOpName,
  type Say,
  type Vocabulary,
} from "../../../plan/mod.ts";
import { type Container, countsAsRunning, holdOf, isAlive } from "../record/mod.ts";
import type { StartContext } from "../start/mod.ts";

export interface RemovalOptions {
  readonly force: boolean;
  readonly volumes: boolean;
}

export interface RemovalOp {
  readonly op: RemovalOpName;
  readonly target: string;
  readonly cause: string;
  readonly origin: Origin;
  readonly inverse: string;
}

const start = "the next start";
const none = "none: what is gone is gone";
export const removalInverses = [start, none] as const;
export const removalCauses = [
  "it runs",
  "its last process ends",
  "its process ends",
  "its last process has left",
  "the container is removed",
  "it is anonymous",
] as const;

/** The shell form of each; total, like the words. */
const byHand: Readonly<Record<RemovalOpName, (target: string, say: Say) => readonly string[]>> = {
  processKill: (pid) => [
    `kill -KILL ${quote(pid)}`,
    `while kill -0 ${quote(pid)} 2> /dev/null; do sleep 0.05; done`,
  ],
  namespaceEnd: (_target, say) => [`# ${say("Nothing to do: the kernel does it with the last process.")}`],
  portRelease: (port, say) => [
    `# ${say("{0}: an element of the engine's table: nft list map inet tiffin published_any", oneLine(port))}`,
  ],
  endpointRelease: (_target, say) => [
    `# ${say("Nothing to do: the pair of links went with the namespace that one of them was in.")}`,
  ],
  cgroupRemove: (path) => [`rmdir ${quote(path)}`],
  directoryRemove: (path) => [`rm -rf --one-file-system ${quote(path)}`],
  volumeRemove: (path) => [`rm -rf --one-file-system ${quote(path)}`],
  rowRemove: () => [],
};

export function removalLines(op: RemovalOpName, target: string, say: Say): readonly string[] {
  return byHand[op](target, say);
}

/** Decides as `removeContainer` and `takeAway` do. */
export function decideRemoval(
  context: StartContext,
  container: Container,
  plan: Pick<Plan, "hostOps">,
  { force, volumes }: RemovalOptions,
): RemovalOp[] {
  const { state, document } = container;
  const byForce: Origin = force ? { kind: "flag", text: "-f" } : { kind: "default" };
  const op = (
    name: RemovalOpName,
    target: string,
    cause: (typeof removalCauses)[number],
    inverse: (typeof removalInverses)[number],
    origin: Origin = byForce,
  ): RemovalOp => ({
    op: name,
    target,
    cause,
    origin,
    inverse,
  });
  const ops: RemovalOp[] = [];
  if (isAlive(state)) {
    const { endpoints, ports } = holdOf(state);
    ops.push(
      op("processKill", String(state.pid), "it runs", start),
      op("namespaceEnd", "those that it does not share", "its last process ends", start),
      ...ports.map(({ hostAddress, hostPort, containerPort, protocol }) =>
        op(
          "portRelease",
          `${hostAddress}:${hostPort} to ${containerPort}/${protocol}`,
          "its process ends",
          start,
        ),
      ),
      ...endpoints.map(({ link, address, network }) => {
        const where = context.networks.byId(network)?.name ?? network;
        return op("endpointRelease", `${link} ${address} in ${where}`, "its process ends", start);
      }),
      ...plan.hostOps
        .filter(({ op: kind }) => kind === "cgroupCreate")
        .map(({ target }) => op("cgroupRemove", target, "its last process has left", start))
        .reverse(),
    );
  }
  const always: Origin = { kind: "default" };
  const { directory } = context.layers.containerDirectory(container.id);
  ops.push(op("directoryRemove", directory, "the container is removed", none, always));
  const goes = volumes || document.specification.removeWhenEnded;
  for (const mount of goes ? document.specification.mounts : []) {
    if (mount.kind !== "volume") continue;
    const volume = context.volumes.find(mount.volume);
    if (volume?.anonymous !== true) continue;
    const place = context.volumes.placeOf(mount.volume);
    const asked: Origin = volumes ? { kind: "flag", text: "-v" } : { kind: "flag", text: "--rm" };
    ops.push(op("volumeRemove", place, "it is anonymous", none, asked));
  }
  ops.push(op("rowRemove", container.name, "the container is removed", none, always));
  return ops;
}

export function explainRemoval(
  ops: readonly RemovalOp[],
  container: Container,
  { force }: RemovalOptions,
  language: Language,
): ExplainedPlan {
  const { words } = languages[language];
  return {
    ops: ops.map(
      ({ op, target, cause, origin, inverse }, index): ExplainedOp => ({
        index: `r${index}`,
        chapter: chapterOfRemoval[op],
        stage: "host",
        op,
        target,
        detail: "",
        setting: cause,
        origin,
        inverse,
        milliseconds: undefined,
        result: undefined,
      }),
    ),
    warnings: [],
    totalMs: undefined,
    notes: countsAsRunning(container.state) && !force ? [words.needsForce] : [],
  };
}

export function removalScript(
  ops: readonly RemovalOp[],
  container: Container,
  { say, phrase }: Vocabulary,
): string {
  return [
    "#!/bin/sh",
    `# ${say("What tiffin rm does to container {0}, by hand. Run as root.", oneLine(container.name))}`,
    "set -eu",
    `echo ${quote(say("note: {0}", say("the engine's own record of the container stays: only the engine can forget it")))} >&2`,
    ...ops.flatMap(({ op, target, cause }) => {
      // Empty where only the engine can.
      const lines = removalLines(op, target, say);
      return lines.length === 0 ? [] : [`# ${op}: ${oneLine(phrase(cause))}`, ...lines];
    }),
    "",
  ].join("\n");
}
