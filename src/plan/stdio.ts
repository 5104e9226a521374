/** stdin, stdout and stderr: pipes to the supervisor, a pseudo terminal, or descriptors of the caller. */
import { slotNone } from "../abi/schema.ts";
import type { OpenFlags } from "../linux/open-flags.ts";
import type { PlanBuilder } from "./builder.ts";
import type { Stdio } from "./options.ts";

/** Which end of each stream the supervisor keeps; slotNone where there is none. */
export interface SupervisorEnds {
  readonly stdin: number;
  readonly stdout: number;
  readonly stderr: number;
}

interface StdioContext {
  readonly builder: PlanBuilder;
  readonly stdio: Stdio;
  /** Owner of the streams as the host counts, so that the program may reopen /dev/stdout. */
  readonly owner: { readonly uid: number; readonly gid: number };
  readonly open: OpenFlags;
  /** A directory slot that holds the container's own `null`; undefined: an empty pipe stands in for it. */
  readonly dev: number | undefined;
}

export const noEnds: SupervisorEnds = { stdin: slotNone, stdout: slotNone, stderr: slotNone };

/** The three received descriptors of `slots`. */
export function stdioSlotNames(stdio: Stdio): string[] {
  return stdio.kind === "slots" ? ["stdin", "stdout", "stderr"] : [];
}

/** Connects the three streams. A terminal is opened elsewhere, because it needs the container's devpts. */
export function connectStdio(context: StdioContext): SupervisorEnds {
  const { builder, stdio } = context;
  if (stdio.kind === "terminal") return noEnds;
  if (stdio.kind === "slots") {
    for (const [fd, name] of ["stdin", "stdout", "stderr"].entries()) {
      place(builder, builder.received(name), fd, "stdio");
    }
    return noEnds;
  }
  const stdin = stdio.stdin ? inputPipe(context) : emptyInput(context);
  const stdout = outputPipe(context, 1);
  const stderr = outputPipe(context, 2);
  return { stdin, stdout, stderr };
}

function inputPipe(context: StdioContext): number {
  const { read, write } = makePipe(context, "stdin");
  place(context.builder, read, 0, "stdin");
  return write;
}

/** stdin of a program that gets none: the null device, or a pipe that nobody writes to. */
function emptyInput(context: StdioContext): number {
  const { builder, dev, open } = context;
  if (dev === undefined) {
    const { read } = makePipe(context, "no stdin");
    place(builder, read, 0, "no stdin");
    return slotNone;
  }
  const out = builder.slot();
  const flags = open.readWrite | open.closeOnExec | open.noControllingTerminal;
  const fields = { out, dir: dev, path: "null", flags, mode: 0, resolve: 0 };
  builder.child({ op: "open", fields }, "no stdin", "/dev/null");
  place(builder, out, 0, "no stdin");
  return slotNone;
}

function outputPipe(context: StdioContext, fd: 1 | 2): number {
  const cause = fd === 1 ? "stdout" : "stderr";
  const { read, write } = makePipe(context, cause);
  place(context.builder, write, fd, cause);
  return read;
}

function makePipe({ builder, owner }: StdioContext, cause: string): { read: number; write: number } {
  const [read, write] = [builder.slot(), builder.slot()];
  builder.prepare({ op: "pipe", fields: { read, write, uid: owner.uid, gid: owner.gid } }, cause);
  return { read, write };
}

function place(builder: PlanBuilder, slot: number, fd: number, cause: string): void {
  builder.child({ op: "dup2", fields: { slot, fd } }, cause);
}
