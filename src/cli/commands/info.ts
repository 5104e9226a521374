/** `tiffin info`. */
import { newestVersion } from "../../docker/api-version.ts";
import type { InfoResponse } from "../../docker/types/system.ts";
import { defineCommand } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { text } from "../flags/flag.ts";
import { documentFormat, printDocument } from "../format/document-format.ts";
import { binarySize } from "../format/human.ts";
import { machineName } from "../machine-name.ts";

/** The engine's part of the page. */
export function serverPart(info: InfoResponse): string {
  const security = info.SecurityOptions.map((option) => {
    const fields = new Map(
      option.split(",").map((field) => {
        const equals = field.indexOf("=");
        return [field.slice(0, equals), field.slice(equals + 1)];
      }),
    );
    const profile = fields.get("profile");
    return `  ${fields.get("name") ?? option}\n${profile === undefined ? "" : `   Profile: ${profile}\n`}`;
  });
  const rows: string[] = [
    ` Containers: ${info.Containers}\n`,
    `  Running: ${info.ContainersRunning}\n`,
    `  Paused: ${info.ContainersPaused}\n`,
    `  Stopped: ${info.ContainersStopped}\n`,
    ` Images: ${info.Images}\n`,
    ` Server Version: ${info.ServerVersion}\n`,
    ` Storage Driver: ${info.Driver}\n`,
    ...info.DriverStatus.map(([name = "", value = ""]) => `  ${name}: ${value}\n`),
    ` Logging Driver: ${info.LoggingDriver}\n`,
    ` Cgroup Driver: ${info.CgroupDriver}\n`,
    ` Cgroup Version: ${info.CgroupVersion}\n`,
    ` Plugins:\n`,
    `  Volume: ${info.Plugins.Volume.join(" ")}\n`,
    `  Network: ${info.Plugins.Network.join(" ")}\n`,
    `  Log: ${info.Plugins.Log.join(" ")}\n`,
    ` Swarm: ${info.Swarm.LocalNodeState}\n`,
    ` Runtimes: ${Object.keys(info.Runtimes).join(" ")}\n`,
    ` Default Runtime: ${info.DefaultRuntime}\n`,
    ...(info.FirewallBackend === undefined ? [] : [` Firewall Backend: ${info.FirewallBackend.Driver}\n`]),
    ...(security.length === 0 ? [] : [` Security Options:\n`, ...security]),
    ` Kernel Version: ${info.KernelVersion}\n`,
    ` Operating System: ${info.OperatingSystem}\n`,
    ` OSType: ${info.OSType}\n`,
    ` Architecture: ${info.Architecture}\n`,
    ` CPUs: ${info.NCPU}\n`,
    ` Total Memory: ${binarySize(info.MemTotal)}\n`,
    ` Name: ${info.Name}\n`,
    ` ID: ${info.ID}\n`,
    ` Docker Root Dir: ${info.DockerRootDir}\n`,
    ` Debug Mode: ${info.Debug}\n`,
    ` Experimental: ${info.ExperimentalBuild}\n`,
    ` Live Restore Enabled: ${info.LiveRestoreEnabled}\n`,
  ];
  return rows.join("");
}

function clientInfo(version: string): Readonly<Record<string, unknown>> {
  return {
    Debug: false,
    Version: version,
    DefaultAPIVersion: newestVersion,
    Os: "linux",
    Arch: machineName(),
    Context: "default",
    Plugins: [],
    Warnings: null,
  };
}

function asFields(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}

export const command = defineCommand({
  names: ["system info", "info"],
  usage: "[OPTIONS]",
  summary: "Display system-wide information",
  flags: { format: text("f", "How to print: 'json' or a Go template") },
  least: 0,
  most: 0,
  async run({ values, context }) {
    const client = `Client:\n Version: ${context.io.version}\n Debug Mode: false\n\nServer:\n`;
    try {
      const api = await context.api();
      if (values.format !== "") {
        const show = await documentFormat(values.format);
        const info = asFields(await api.undecoded("info", {}));
        const document = { ...info, ClientInfo: clientInfo(context.io.version) };
        printDocument(context, () => show(document, "system.dockerInfo"));
        return 0;
      }
      const info = await api.document("info", {});
      context.out(client + serverPart(info));
      for (const warning of info.Warnings ?? []) context.err(`${warning}\n`);
      return 0;
    } catch (thrown) {
      if (values.format !== "") throw thrown;
      context.out(client);
      context.err(`ERROR: ${describeError(thrown)}\nerrors pretty printing info\n`);
      return 1;
    }
  },
});
