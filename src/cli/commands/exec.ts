/** `tiffin exec`. Like `run`, one request and one loop. */

import { beginExec } from "../../client/session.ts";
import type { ExecCreateBody } from "../../docker/types/exec.ts";
import { defineCommand, type Invocation } from "../command.ts";
import { checkEnvOption, environmentEntries } from "../container-config/environment.ts";
import { errorOfFrame, exitCodeOfSignal, reportGoneOutput, requireTerminal } from "../exit-reports.ts";
import { list, text, toggle } from "../flags/flag.ts";
import { terminalSize } from "../terminal-size.ts";

export const execFlags = {
  detach: toggle("d", "Run the command in the background"),
  "detach-keys": text("", "Keys that leave the command running (default ctrl-p,ctrl-q)"),
  env: list("e", "Set environment variables", checkEnvOption),
  "env-file": list("", "Set environment variables from a file"),
  interactive: toggle("i", "Keep STDIN open even if not attached"),
  privileged: toggle("", "Give the command the powers of the host's root"),
  tty: toggle("t", "Allocate a terminal"),
  user: text("u", "User and group (<name|uid>[:<group|gid>])"),
  workdir: text("w", "Working directory inside the container"),
};

type ExecInvocation = Pick<Invocation<typeof execFlags>, "values" | "positionals" | "context">;

/** Of `CONTAINER COMMAND ARG...`. */
export function execBody({ values, positionals, context }: ExecInvocation): ExecCreateBody {
  const { io } = context;
  const attached = !values.detach;
  const size = values.tty && attached ? terminalSize(io) : undefined;
  const env = environmentEntries(values["env-file"], values.env, io.env, (path) => io.readFile(path));
  const keys = values["detach-keys"];
  return {
    Cmd: positionals.slice(1),
    ...(attached && values.interactive ? { AttachStdin: true } : {}),
    ...(attached ? { AttachStdout: true, AttachStderr: true } : {}),
    ...(values.tty ? { Tty: true } : {}),
    ...(size === undefined ? {} : { ConsoleSize: [size.rows, size.columns] }),
    ...(values.user === "" ? {} : { User: values.user }),
    ...(values.workdir === "" ? {} : { WorkingDir: values.workdir }),
    ...(values.privileged ? { Privileged: true } : {}),
    ...(env.length === 0 ? {} : { Env: env }),
    ...(keys === "" ? {} : { DetachKeys: keys }),
  };
}

export const command = defineCommand({
  names: ["container exec", "exec"],
  usage: "[OPTIONS] CONTAINER COMMAND [ARG...]",
  summary: "Execute a command in a running container",
  flags: execFlags,
  least: 2,
  interspersed: false,
  standsForProcess: true,
  async run(invocation) {
    const { values, positionals, context } = invocation;
    const { io } = context;
    const name = positionals[0] ?? "";
    if (values.tty && values.interactive && !values.detach) requireTerminal(io);
    const create = execBody(invocation);
    if (values.detach) {
      const api = await context.api();
      const { Id } = await api.document("execCreate", { params: { name }, body: create });
      await api.performUnattached("execStart", {
        params: { id: Id },
        body: { Detach: true, Tty: values.tty },
      });
      return 0;
    }
    const pending = await beginExec(context.transport(), name, { create });
    const { holdSession } = await import("../attached/hold-session.ts");
    const end = await holdSession(pending, {
      io,
      tty: values.tty,
      input: values.interactive,
      // Docker's exec passes no signals on: Ctrl-C ends the client and leaves the command.
      signalProxy: false,
    });
    switch (end.kind) {
      case "exited":
        if (end.exited.Error !== undefined) context.err(`${end.exited.Error}\n`);
        return end.exited.StatusCode;
      case "failed":
        throw errorOfFrame(end.failed);
      case "outputGone":
        return reportGoneOutput(io, end.fd);
      case "interrupted":
        return exitCodeOfSignal(end.signal);
      case "detached":
        context.err("read escape sequence\n");
        return 1;
      case "closed":
        return 0;
    }
  },
});
