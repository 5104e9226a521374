/** `tiffin system migrate docker|podman`: what another engine of this machine has, here too. */

import { unreachableCode } from "../../client/api-error.ts";
import { parseEndpoint } from "../../client/endpoint.ts";
import { TiffinError } from "../../lib/errors.ts";
import { pause } from "../../lib/timer.ts";
import { defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { describeError } from "../describe-error.ts";
import { text, toggle } from "../flags/flag.ts";
import { humanSize } from "../format/human.ts";
import { inventoryOf, perform } from "../migrate/migrate.ts";
import { type Inventory, planMigration, type Step } from "../migrate/plan.ts";

const usualSockets = {
  docker: "unix:///var/run/docker.sock",
  podman: "unix:///run/podman/podman.sock",
} as const;
type Source = keyof typeof usualSockets;

function isSource(word: string): word is Source {
  return word in usualSockets;
}

async function clientOf(host: string) {
  const [{ ApiClient }, { AsyncTransport }, { openWithBun }] = await Promise.all([
    import("../../client/api-client.ts"),
    import("../../client/async-transport.ts"),
    import("../../client/open-bun.ts"),
  ]);
  return new ApiClient(new AsyncTransport({ endpoint: parseEndpoint(host), open: openWithBun }));
}

const serviceLimitMs = 20_000;
const servicePauseMs = 50;

/** Podman need not listen; then it is asked to, for as long as it is spoken to. */
async function addressOf(source: Source, given: string, { io }: CliContext): Promise<string> {
  const usual = usualSockets[source];
  if (given !== "") return given;
  const path = usual.slice("unix://".length);
  if (source === "docker" || io.isThere(path)) return usual;
  const own = `/run/tiffin-migrate-${io.processId}.sock`;
  const service = `podman system service --time 30 unix://${own} </dev/null >/dev/null 2>&1 &`;
  io.runProgram(["sh", "-c", service], "");
  for (let waitedMs = 0; !io.isThere(own); waitedMs += servicePauseMs) {
    if (waitedMs > serviceLimitMs) {
      throw new TiffinError(
        "unavailable",
        "cli.migrate",
        `podman does not listen: podman system service unix://${own}`,
      );
    }
    await pause(servicePauseMs);
  }
  return `unix://${own}`;
}

/** What is there; the error of one who does not answer names the right engine. */
async function lookAt(source: Source, host: string): Promise<Inventory> {
  try {
    return await inventoryOf(await clientOf(host));
  } catch (thrown) {
    if (!(thrown instanceof TiffinError) || thrown.code !== unreachableCode) throw thrown;
    throw new TiffinError("unavailable", "cli.migrate", `cannot reach ${source} at ${host}`, {
      remedy: "start it, or give the address of its socket with --from",
      cause: thrown,
    });
  }
}

function line(step: Step): string {
  const size = step.kind === "image" ? ` (${humanSize(step.bytes)})` : "";
  return `${step.kind.padEnd(10)}${step.name}${size}`;
}

/** A container without the content of its volumes would look whole, and be empty. */
function checkVolumes(step: Step, missing: ReadonlySet<string>): void {
  if (step.kind !== "container") return;
  const lost = step.container.Mounts.find(({ Type, Name = "" }) => Type === "volume" && missing.has(Name));
  if (lost !== undefined) throw new Error(`its volume ${lost.Name} was not taken`);
}

async function take(steps: readonly Step[], host: string, context: CliContext): Promise<number> {
  const ways = {
    there: await clientOf(host),
    here: await context.parallelApi(),
    details: await context.io.fileDetails?.(),
  };
  const missing = new Set<string>();
  let failed = 0;
  for (const step of steps) {
    if (step.left !== undefined) continue;
    try {
      checkVolumes(step, missing);
      await perform(step, ways);
      context.out(`${line(step)}: taken\n`);
    } catch (thrown) {
      failed += 1;
      if (step.kind === "volume") missing.add(step.name);
      context.err(`${line(step)}: ${describeError(thrown)}\n`);
    }
  }
  if (failed === 0) return 0;
  context.err(
    `${failed} could not be taken; what was taken stays, and the same command goes on from there\n`,
  );
  return 1;
}

export const command = defineCommand({
  names: ["system migrate"],
  usage: "[OPTIONS] docker|podman",
  summary: "Take over images, volumes, networks and stopped containers of another engine",
  details:
    "The other engine is asked and read, and never changed. Containers come without what they have written outside of volumes: commit\nthem there first if that is wanted. Networks get subnets of their own. What is here already is passed over.",
  flags: {
    "dry-run": toggle("n", "Show the plan alone"),
    from: text("", "The other engine's socket, where it is not the usual one"),
  },
  least: 1,
  most: 1,
  async run({ values, positionals: [source = ""], context }) {
    if (!isSource(source))
      throw new Error(`cannot migrate from ${JSON.stringify(source)}: wanted docker or podman`);
    const host = await addressOf(source, values.from, context);
    const there = await lookAt(source, host);
    const steps = planMigration(there, await inventoryOf(await context.parallelApi()));
    for (const step of steps.filter(({ left }) => left !== undefined)) {
      context.out(`${line(step)}: left, ${step.left}\n`);
    }
    if (!values["dry-run"]) return await take(steps, host, context);
    for (const step of steps.filter(({ left }) => left === undefined))
      context.out(`${line(step)}: to be taken\n`);
    return 0;
  },
});
