/** `tiffin start`, with `-a` and `-i` in the foreground. */
import { attachContainer } from "../attached/attach-container.ts";
import { defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { cleanName, eachContainer } from "../each-container.ts";
import { exitCodeOfSignal, reportGoneOutput, requireTerminal } from "../exit-reports.ts";
import { text, toggle } from "../flags/flag.ts";
import { languageOfLocale } from "../language.ts";

/** Operations that are told with --timings. */
const slowestShown = 10;

interface ForegroundStart {
  readonly interactive: boolean;
  readonly signalProxy: boolean;
  readonly detachKeys: string;
}

async function startInForeground(
  context: CliContext,
  name: string,
  options: ForegroundStart,
): Promise<number> {
  const api = await context.api();
  const found = await api.document("containerInspect", { params: { name: cleanName(name) } });
  const tty = found.Config.Tty === true;
  const input = options.interactive && found.Config.OpenStdin === true;
  if (tty && input) requireTerminal(context.io);
  const end = await attachContainer(context, {
    name: found.Id,
    tty,
    input,
    signalProxy: options.signalProxy,
    detachKeys: options.detachKeys,
    waitCondition: found.HostConfig.AutoRemove === true ? "removed" : "next-exit",
    async ready(client) {
      await client.perform("containerStart", { params: { name: found.Id } });
    },
  });
  switch (end.kind) {
    case "exited":
      return end.code;
    case "outputGone":
      return reportGoneOutput(context.io, end.fd);
    case "interrupted":
      return exitCodeOfSignal(end.signal);
    case "detached":
      return 0;
  }
}

export const command = defineCommand({
  names: ["container start", "start"],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Start one or more stopped containers",
  flags: {
    attach: toggle("a", "Attach output and pass signals on"),
    "detach-keys": text("", "Keys that leave the container running (default ctrl-p,ctrl-q)"),
    interactive: toggle("i", "Attach the container's STDIN"),
    timings: toggle("", "Also say on standard error where the time of the start went"),
    "sig-proxy": toggle("", "Pass signals on to the process", true, { hidden: true }),
  },
  least: 1,
  async run({ values, positionals, context }) {
    if (values.attach || values.interactive) {
      if (values.timings) throw new Error("--timings goes without -a and -i: see tiffin trace");
      const [name = "", ...others] = positionals;
      if (others.length > 0) throw new Error("you cannot start and attach multiple containers at once");
      return startInForeground(context, name, {
        interactive: values.interactive,
        signalProxy: values["sig-proxy"],
        detachKeys: values["detach-keys"],
      });
    }
    const failed = await eachContainer(context, positionals, async (api, name) => {
      if (values.timings) {
        const language = languageOfLocale(context.io.env);
        const [{ traceText }, trace] = await Promise.all([
          import("../trace-text.ts"),
          api.document("startTimed", { params: { name }, query: { lang: language } }),
        ]);
        context.err(`${traceText(trace, slowestShown, language)}\n`);
        return undefined;
      }
      await api.perform("containerStart", { params: { name } });
      return undefined;
    });
    if (failed.length === 0) return 0;
    throw new Error(`Error: failed to start containers: ${failed.join(", ")}`);
  },
});
