/** How the supervisor ends its part of the plan: it stays with the process, or leaves it to the caller. */
import { slotNone } from "../abi/schema.ts";
import type { PlanBuilder } from "./builder.ts";
import { childMarks, supervisorMarks } from "./marks.ts";
import { type ProcessOptions, type Supervision, syncIds } from "./options.ts";
import type { SupervisorEnds } from "./stdio.ts";

/** Slots that the supervision receives. */
export function supervisionSlotNames(supervise: Supervision): string[] {
  if (supervise.kind === "leave") return [];
  return [
    ...(supervise.logs === undefined ? [] : ["logs"]),
    ...(supervise.record === true ? ["record"] : []),
    ...(supervise.oom === true ? ["oom"] : []),
    ...supervise.attachClients.map((_, index) => `attach:${index}`),
  ];
}

/** Holds the child before its exec until the caller says GO, when the options ask for it. */
export function holdParent(builder: PlanBuilder, options: ProcessOptions): void {
  if (options.seccompAgent !== undefined) passListener(builder, options.seccompAgent);
  if (options.awaitStart === true) {
    builder.parent({ op: "awaitPeer", fields: { mark: childMarks.ready } }, "awaitStart");
    return;
  }
  if (options.holdBeforeExec !== true) return;
  const cause = "holdBeforeExec";
  builder.parent({ op: "awaitPeer", fields: { mark: childMarks.ready } }, cause);
  builder.parent({ op: "sync", fields: { id: syncIds.start } }, cause);
  builder.parent({ op: "signalPeer", fields: { mark: supervisorMarks.start } }, cause);
}

function passListener(builder: PlanBuilder, agent: NonNullable<ProcessOptions["seccompAgent"]>): void {
  const offsets = new DataView(new ArrayBuffer(agent.pidOffsets.length * 4));
  for (const [index, offset] of agent.pidOffsets.entries()) offsets.setUint32(index * 4, offset, true);
  const pidOffsets = new Uint8Array(offsets.buffer);
  const fields = { socket: builder.received("seccomp-agent"), message: agent.message, pidOffsets };
  const cause = "linux.seccomp.listenerPath";
  builder.parent({ op: "awaitPeer", fields: { mark: childMarks.filtering } }, cause);
  builder.parent({ op: "passListener", fields }, cause, "the agent");
}

/** The child's side of `holdParent`. */
export function holdChild(
  builder: PlanBuilder,
  options: ProcessOptions,
  candidates: readonly string[],
): void {
  if (options.awaitStart === true) {
    if (options.withoutProgram !== true) {
      builder.child({ op: "findProgram", fields: { candidates } }, "process.args");
    }
    builder.hold();
    builder.child({ op: "signalPeer", fields: { mark: childMarks.ready } }, "awaitStart");
    const fields = { listener: builder.received("start") };
    builder.child({ op: "awaitStart", fields }, "awaitStart", "start");
    return;
  }
  if (options.holdBeforeExec !== true) return;
  const cause = "holdBeforeExec";
  builder.hold();
  builder.child({ op: "signalPeer", fields: { mark: childMarks.ready } }, cause);
  builder.child({ op: "awaitPeer", fields: { mark: supervisorMarks.start } }, cause);
}

/** The last parent op. */
export function finishParent(builder: PlanBuilder, options: ProcessOptions, ends: SupervisorEnds): void {
  const { supervise, stdio } = options;
  if (supervise.kind === "leave") {
    builder.parent({ op: "leave", fields: { waitExec: supervise.waitExec ? 1 : 0 } }, "supervise");
    return;
  }
  const { logs, record, oom, attachClients, stdinOnce } = supervise;
  const clients = new DataView(new ArrayBuffer(attachClients.length * 8));
  for (const [index, { flags }] of attachClients.entries()) {
    clients.setUint32(index * 8, builder.received(`attach:${index}`), true);
    clients.setUint32(index * 8 + 4, flags, true);
  }
  builder.parent(
    {
      op: "supervise",
      fields: {
        ...ends,
        terminal: stdio.kind === "terminal" ? 1 : 0,
        stdinOnce: stdinOnce ? 1 : 0,
        logDirectory: logs === undefined ? slotNone : builder.received("logs"),
        logFileBytes: logs?.fileBytes ?? 0,
        logFiles: logs?.files ?? 0,
        record: record === true ? builder.received("record") : slotNone,
        oomFile: oom === true ? builder.received("oom") : slotNone,
        clients: new Uint8Array(clients.buffer),
      },
    },
    "supervise",
  );
}

/** Slots that a held process receives. */
export function holdSlotNames(options: ProcessOptions): string[] {
  return [
    ...(options.awaitStart === true ? ["start"] : []),
    ...(options.seccompAgent === undefined ? [] : ["seccomp-agent"]),
  ];
}
