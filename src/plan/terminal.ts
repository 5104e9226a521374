/** The pseudo terminal of a process: from the container's own devpts, so that its path is valid inside. */
import type { OciMount, OciUser } from "../oci/mod.ts";
import type { PlanBuilder } from "./builder.ts";
import { cleanPath } from "./container-path.ts";
import type { Stdio } from "./options.ts";

/** The group `tty`, which owns terminals on every distribution. */
export const ttyGroup = 5;

interface TerminalContext {
  readonly builder: PlanBuilder;
  readonly stdio: Extract<Stdio, { readonly kind: "terminal" }>;
  readonly user: OciUser;
  /** Slot of the root in which the terminal is looked for. */
  readonly root: number;
  readonly hasPts: boolean;
  readonly mounts: readonly OciMount[];
  /** Also show it at /dev/console: what the system console is to a machine. */
  readonly console: boolean;
}

export function compileTerminal(context: TerminalContext): void {
  const { builder, stdio, user, root, hasPts, mounts } = context;
  builder.child(
    {
      op: "pty",
      fields: {
        root,
        path: hasPts ? "/dev/pts/ptmx" : "/dev/ptmx",
        rows: stdio.rows,
        columns: stdio.columns,
        uid: user.uid,
        gid: terminalGroup(mounts) ?? user.gid,
        console: context.console ? 1 : 0,
      },
    },
    "process.terminal",
  );
}

/** The group that the container's devpts gives to its terminals, from the mount's `gid` option. */
export function terminalGroup(mounts: readonly OciMount[]): number | undefined {
  const pts = mounts.find(
    ({ type, destination }) => type === "devpts" && cleanPath(destination) === "/dev/pts",
  );
  const text = pts?.options?.find((option) => /^gid=\d+$/.test(option));
  return text === undefined ? undefined : Number(text.slice("gid=".length));
}
