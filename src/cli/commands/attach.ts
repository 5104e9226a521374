/** `tiffin attach`. */
import { attachContainer } from "../attached/attach-container.ts";
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";
import { exitCodeOfSignal, reportGoneOutput, requireTerminal } from "../exit-reports.ts";
import { text, toggle } from "../flags/flag.ts";

export const command = defineCommand({
  names: ["container attach", "attach"],
  usage: "[OPTIONS] CONTAINER",
  summary: "Attach standard input, output and error to a running container",
  flags: {
    "detach-keys": text("", "Keys that leave the container running (default ctrl-p,ctrl-q)"),
    "no-stdin": toggle("", "Do not attach STDIN"),
    "sig-proxy": toggle("", "Pass signals on to the process", true),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const api = await context.api();
    const found = await api.document("containerInspect", {
      params: { name: cleanName(positionals[0] ?? "") },
    });
    if (!found.State.Running) throw new Error("cannot attach to a stopped container, start it first");
    if (found.State.Paused) throw new Error("cannot attach to a paused container, unpause it first");
    if (found.State.Restarting)
      throw new Error("cannot attach to a restarting container, wait until it is running");
    const tty = found.Config.Tty === true;
    const input = !values["no-stdin"] && found.Config.OpenStdin === true;
    if (tty && input) requireTerminal(context.io);
    const end = await attachContainer(context, {
      name: found.Id,
      tty,
      input,
      signalProxy: values["sig-proxy"] && !tty,
      detachKeys: values["detach-keys"],
      waitCondition: "not-running",
      async ready() {},
    });
    switch (end.kind) {
      case "exited":
        return end.code;
      case "outputGone":
        return reportGoneOutput(context.io, end.fd);
      case "interrupted":
        return exitCodeOfSignal(end.signal);
      case "detached":
        context.err("read escape sequence\n");
        return 1;
    }
  },
});
