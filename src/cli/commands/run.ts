/** `tiffin run`. The hot path of the whole command line: one request, one loop, few modules. */

import { beginRun } from "../../client/session.ts";
import type { RunBody } from "../../docker/types/run.ts";
import { shownText } from "../../lib/shown-name.ts";
import type { AttachedEnd } from "../attached/attached-loop.ts";
import { CidFile } from "../cid-file.ts";
import { defineCommand, type Invocation } from "../command.ts";
import { containerFlags } from "../container-config/container-flags.ts";
import { attachedStreams, createBody } from "../container-config/create-body.ts";
import { errorOfFrame, exitCodeOfSignal, reportGoneOutput, requireTerminal } from "../exit-reports.ts";
import { text, toggle } from "../flags/flag.ts";
import { languageOfLocale } from "../language.ts";
import { type WantedImage, withImage } from "../missing-image.ts";
import { platformFor } from "../registry/default-platform.ts";
import { terminalSize } from "../terminal-size.ts";

/** What `explain run` takes too. */
export const runFlags = {
  ...containerFlags,
  detach: toggle("d", "Run in the background and print the container's ID"),
  "detach-keys": text("", "Keys that leave the container running (default ctrl-p,ctrl-q)"),
  "sig-proxy": toggle("", "Pass signals on to the process", true),
  timings: toggle("", "Also say on standard error where the time of the start went"),
};

const slowestShown = 10;

type StartedEnd = Exclude<AttachedEnd, { readonly kind: "failed" }>;

type RunInvocation = Invocation<typeof runFlags>;

function wantedImage({ values, positionals, context }: RunInvocation): WantedImage {
  const { pull: policy, quiet } = values;
  const platform = platformFor(values.platform, context.io);
  return { image: positionals[0] ?? "", platform, policy, quiet };
}

async function tellTimings({ context }: RunInvocation, trace: unknown): Promise<void> {
  const language = languageOfLocale(context.io.env);
  const [{ notMeasured, traceText }, { traceResponse }] = await Promise.all([
    import("../trace-text.ts"),
    import("../../docker/types/explain.ts"),
  ]);
  context.err(
    trace === undefined
      ? `${notMeasured[language]}\n`
      : traceText(traceResponse(trace, ""), slowestShown, language),
  );
}

async function runInForeground(invocation: RunInvocation, body: RunBody, cid: CidFile): Promise<StartedEnd> {
  const { values, context } = invocation;
  let trace: unknown;
  return withImage(context, wantedImage(invocation), async () => {
    const pending = await beginRun(context.transport(), body);
    const { holdSession } = await import("../attached/hold-session.ts");
    const end = await holdSession(pending, {
      io: context.io,
      tty: values.tty,
      input: body.create.AttachStdin === true,
      signalProxy: values["sig-proxy"],
      onStarted(started) {
        cid.write(started.Id);
        trace = started.trace;
        for (const warning of started.Warnings) context.err(`WARNING: ${shownText(warning)}\n`);
      },
    });
    if (end.kind === "failed") throw errorOfFrame(end.failed);
    if (values.timings) await tellTimings(invocation, trace);
    return end;
  });
}

async function runInBackground(invocation: RunInvocation, body: RunBody, cid: CidFile): Promise<number> {
  const { context } = invocation;
  const api = await context.api();
  const created = await withImage(context, wantedImage(invocation), () =>
    api.document("containerCreate", {
      query: { name: body.name, platform: body.platform },
      body: body.create,
    }),
  );
  cid.write(created.Id);
  for (const warning of created.Warnings) context.err(`WARNING: ${shownText(warning)}\n`);
  await api.perform("containerStart", { params: { name: created.Id } });
  context.out(`${created.Id}\n`);
  if (invocation.values.timings) {
    const query = { lang: languageOfLocale(context.io.env) };
    await tellTimings(invocation, await api.document("trace", { params: { name: created.Id }, query }));
  }
  return 0;
}

export const command = defineCommand({
  names: ["container run", "run"],
  usage: "[OPTIONS] IMAGE [COMMAND] [ARG...]",
  summary: "Create and run a new container from an image",
  flags: runFlags,
  least: 1,
  interspersed: false,
  standsForProcess: true,
  errorsLikeRun: true,
  async run(invocation) {
    const { values, given, positionals, context } = invocation;
    const { io } = context;
    const [image = "", ...words] = positionals;
    if (values.detach && values.attach.length > 0) {
      throw new Error("conflicting options: cannot specify both --attach and --detach");
    }
    const streams = attachedStreams(values, values.detach);
    if (values.tty && streams.stdin) requireTerminal(io);
    const size = values.tty && !values.detach ? terminalSize(io) : undefined;
    const create = createBody(
      {
        given,
        values,
        image,
        command: words,
        detached: values.detach,
        consoleSize: size === undefined ? undefined : [size.rows, size.columns],
      },
      io,
    );
    const platform = platformFor(values.platform, io);
    const body: RunBody = {
      create,
      ...(values.name === "" ? {} : { name: values.name }),
      ...(platform === "" ? {} : { platform }),
      ...(values["detach-keys"] === "" ? {} : { detachKeys: values["detach-keys"] }),
      ...(values.rm ? { remove: true } : {}),
      ...(values.timings ? { timings: true, language: languageOfLocale(io.env) } : {}),
    };
    using cid = new CidFile(io, values.cidfile);
    if (values.detach) return await runInBackground(invocation, body, cid);
    const end = await runInForeground(invocation, body, cid);
    switch (end.kind) {
      case "exited":
        if (end.exited.Error !== undefined) context.err(`tiffin: ${end.exited.Error}\n`);
        return end.exited.StatusCode;
      case "outputGone":
        return reportGoneOutput(io, end.fd);
      case "interrupted":
        return exitCodeOfSignal(end.signal);
      case "detached":
      case "closed":
        return 0;
    }
  },
});
