/** `tiffin version`. */
import { newestVersion } from "../../docker/api-version.ts";
import type { VersionResponse } from "../../docker/types/system.ts";
import { defineCommand } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { text } from "../flags/flag.ts";
import { documentFormat, printDocument } from "../format/document-format.ts";
import { machineName } from "../machine-name.ts";

function lines(rows: readonly (readonly [string, string])[], indent: string): string {
  return rows.map(([name, value]) => `${indent}${`${name}:`.padEnd(18)} ${value}\n`).join("");
}

interface ClientVersion {
  readonly Version: string;
  readonly ApiVersion: string;
  readonly DefaultAPIVersion: string;
  readonly Os: string;
  readonly Arch: string;
  readonly Context: string;
  readonly Bun: string;
}

function clientPart(client: ClientVersion): string {
  return `Client:\n${lines(
    [
      ["Version", client.Version],
      ["API version", client.ApiVersion],
      ["Bun version", client.Bun],
      ["OS/Arch", `${client.Os}/${client.Arch}`],
    ],
    " ",
  )}`;
}

function serverPart(server: VersionResponse): string {
  const itself = server.Components?.find((component) => component.Name === "Engine");
  const engine = lines(
    [
      ["Version", itself?.Version ?? server.Version],
      ["API version", `${server.ApiVersion} (minimum version ${server.MinAPIVersion ?? server.ApiVersion})`],
      ["Git commit", server.GitCommit],
      ["Kernel version", server.KernelVersion ?? ""],
      ["OS/Arch", `${server.Os}/${server.Arch}`],
    ],
    "  ",
  );
  const others = (server.Components ?? []).filter((component) => component.Name !== "Engine");
  const parts = others.map(
    (component) => ` ${component.Name}:\n${lines([["Version", component.Version]], "  ")}`,
  );
  const platform = server.Platform?.Name ?? "";
  return `Server:${platform === "" ? "" : ` ${platform}`}\n Engine:\n${engine}${parts.join("")}`;
}

export const command = defineCommand({
  names: ["version"],
  usage: "[OPTIONS]",
  summary: "Show the versions of the client and the engine",
  flags: { format: text("f", "How to print: 'json' or a Go template") },
  least: 0,
  most: 0,
  async run({ values, context }) {
    const show =
      values.format === "" ? undefined : await documentFormat(values.format, { templateName: "version" });
    const client: ClientVersion = {
      Version: context.io.version,
      ApiVersion: newestVersion,
      DefaultAPIVersion: newestVersion,
      Os: "linux",
      Arch: machineName(),
      Context: "default",
      Bun: Bun.version,
    };
    let server: VersionResponse | undefined;
    let failure: string | undefined;
    try {
      server = await (await context.api()).document("version", {});
    } catch (thrown) {
      failure = describeError(thrown);
    }
    if (show === undefined) {
      context.out(clientPart(client) + (server === undefined ? "" : `\n${serverPart(server)}`));
    } else
      printDocument(context, () => show({ Client: client, Server: server ?? null }, "system.versionInfo"));
    if (failure === undefined) return 0;
    context.err(`${failure}\n`);
    return 1;
  },
});
