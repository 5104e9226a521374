/** `tiffin inspect`, and that of containers, images, volumes and networks. */

import type { ApiClient } from "../../client/api-client.ts";
import { EngineError } from "../../client/api-error.ts";
import type { SyncSocket } from "../../client/sync-socket.ts";
import { formatExactJson } from "../../lib/exact-json.ts";
import { own } from "../../lib/own.ts";
import { defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { describeError } from "../describe-error.ts";
import { cleanName } from "../each-container.ts";
import { text, toggle } from "../flags/flag.ts";
import { documentFormat } from "../format/document-format.ts";

type Api = ApiClient<SyncSocket>;
interface Found {
  readonly document: unknown;
  /** What Docker's client decodes it into. */
  readonly type: string;
}
interface Asked {
  readonly size: boolean;
  /** Of images; empty is any. */
  readonly platform: string;
}
type Lookup = (api: Api, name: string, asked: Asked) => Promise<Found>;

const lookups: Readonly<Record<string, Lookup>> = {
  container: async (api, name, { size }) => ({
    document: await api.undecoded("containerInspect", {
      params: { name: cleanName(name) },
      query: size ? { size } : {},
    }),
    type: "container.InspectResponse",
  }),
  image: async (api, name, { platform }) => ({
    document: await api.undecoded("imageInspect", {
      params: { name },
      query: platform === "" ? {} : { platform },
    }),
    type: "image.InspectResponse",
  }),
  volume: async (api, name) => ({
    document: await api.undecoded("volumeInspect", { params: { name } }),
    type: "volume.Volume",
  }),
  network: async (api, name) => ({
    document: await api.undecoded("networkInspect", { params: { id: name } }),
    type: "network.Inspect",
  }),
};

function isMissing(thrown: unknown): boolean {
  return thrown instanceof EngineError && thrown.kind === "notFound";
}

/** The first kind that knows the name. */
async function anyKind(api: Api, name: string, asked: Asked): Promise<Found> {
  for (const lookup of Object.values(lookups)) {
    try {
      return await lookup(api, name, asked);
    } catch (thrown) {
      if (!isMissing(thrown)) throw thrown;
    }
  }
  throw new Error(`Error: No such object: ${name}`);
}

async function show(
  context: CliContext,
  lookup: Lookup,
  names: readonly string[],
  options: { readonly format: string; readonly fallsBack?: boolean } & Partial<Asked>,
): Promise<number> {
  const isDocument = options.format === "" || options.format === "json";
  const format = isDocument
    ? undefined
    : await documentFormat(options.format, {
        failurePrefix: "template parsing error: ",
        fallsBack: options.fallsBack ?? true,
      });
  const api = await context.api();
  const documents: unknown[] = [];
  const lines: string[] = [];
  const failures: string[] = [];
  for (const name of names) {
    try {
      const { document, type } = await lookup(api, name, { size: false, platform: "", ...options });
      if (format === undefined) documents.push(document);
      else lines.push(`${format(document, type)}\n`);
    } catch (thrown) {
      failures.push(describeError(thrown));
    }
  }
  const indent = options.format === "" ? 4 : undefined;
  // Docker's scripts rely on a line being there even when nothing was found or shown.
  context.out(format === undefined ? `${formatExactJson(documents, indent)}\n` : lines.join("") || "\n");
  if (failures.length === 0) return 0;
  context.err(failures.map((failure) => `${failure}\n`).join(""));
  return 1;
}

const format = text("f", "How to print: 'json' or a Go template");

export const command = defineCommand({
  names: ["inspect"],
  usage: "[OPTIONS] NAME|ID [NAME|ID...]",
  summary: "Show everything about containers, images, volumes and networks",
  flags: {
    format,
    size: toggle("s", "Show file sizes of containers"),
    type: text("", "Look only among these objects (container|image|volume|network)"),
  },
  least: 1,
  async run({ values, positionals, context }) {
    const lookup = values.type === "" ? anyKind : own(lookups, values.type);
    if (lookup === undefined)
      throw new Error(`${JSON.stringify(values.type)} is not a valid value for --type`);
    return show(context, lookup, positionals, values);
  },
});

export const containerCommand = defineCommand({
  names: ["container inspect"],
  usage: "[OPTIONS] CONTAINER [CONTAINER...]",
  summary: "Show everything about containers",
  flags: { format, size: toggle("s", "Show file sizes") },
  least: 1,
  run: ({ values, positionals, context }) =>
    show(context, lookups["container"] ?? anyKind, positionals, values),
});

export const volumeCommand = defineCommand({
  names: ["volume inspect"],
  usage: "[OPTIONS] VOLUME [VOLUME...]",
  summary: "Show everything about volumes",
  flags: { format },
  least: 1,
  // Docker's command for volumes knows no more than the fields of its own type.
  run: ({ values, positionals, context }) =>
    show(context, lookups["volume"] ?? anyKind, positionals, { format: values.format, fallsBack: false }),
});

export const imageCommand = defineCommand({
  names: ["image inspect"],
  usage: "[OPTIONS] IMAGE [IMAGE...]",
  summary: "Show everything about images",
  flags: {
    format,
    platform: text("", "Fail for an image that is not for this platform (os[/arch[/variant]])"),
  },
  least: 1,
  run: ({ values, positionals, context }) => show(context, lookups["image"] ?? anyKind, positionals, values),
});

export const networkCommand = defineCommand({
  names: ["network inspect"],
  usage: "[OPTIONS] NETWORK [NETWORK...]",
  summary: "Show everything about networks",
  flags: { format, verbose: toggle("v", "Verbose output for diagnostics") },
  least: 1,
  run: ({ values, positionals, context }) =>
    show(context, lookups["network"] ?? anyKind, positionals, { format: values.format }),
});
