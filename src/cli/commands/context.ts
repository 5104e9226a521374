/** `tiffin context ls|use|show|create|inspect|rm`: named engines, shared with Docker's command line. */
import { certificatesIn, configDirectory } from "../../client/chosen-endpoint.ts";
import { type Context, ContextStore, defaultContext } from "../../client/contexts.ts";
import { defaultEndpointText, namedEndpoint } from "../../client/endpoint.ts";
import { type Command, defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { describeError } from "../describe-error.ts";
import { list, text, toggle } from "../flags/flag.ts";
import { formatList, type Row } from "../format/list-format.ts";

function storeOf({ io }: CliContext): ContextStore {
  return new ContextStore(configDirectory(io.env));
}

const builtIn: Context = {
  name: defaultContext,
  description: "The engine of this machine",
  host: defaultEndpointText,
  skipTlsVerify: false,
  tls: {},
};

/** An address in the environment wins over every context. */
function currentOf(context: CliContext, store: ContextStore): string {
  const { env } = context.io;
  if (namedEndpoint(undefined, env) !== undefined) return defaultContext;
  return env["TIFFIN_CONTEXT"] || env["DOCKER_CONTEXT"] || store.current();
}

function contextNamed(store: ContextStore, name: string): Context {
  return name === defaultContext ? builtIn : store.get(name);
}

const shape = {
  columns: ["Name", "Description", "DockerEndpoint", "Error"],
  headings: {
    Name: "NAME",
    Description: "DESCRIPTION",
    DockerEndpoint: "DOCKER ENDPOINT",
    Error: "ERROR",
    Current: "CURRENT",
  },
  rowType: "*formatter.clientContextContext",
};

const ls = defineCommand({
  names: ["context ls", "context list"],
  usage: "[OPTIONS]",
  summary: "List contexts",
  flags: {
    format: text("", "How to print: 'table', 'table TEMPLATE', 'json', or a Go template"),
    quiet: toggle("q", "Only show context names"),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    const store = storeOf(context);
    const current = currentOf(context, store);
    const all = [builtIn, ...store.list()];
    if (values.quiet && values.format === "") {
      context.out(all.map(({ name }) => `${name}\n`).join(""));
      return 0;
    }
    const rows = all.map(
      ({ name, description, host }): Row => ({
        // A template may ask for the bare name.
        Name: values.format === "" && name === current ? `${name} *` : name,
        Description: description,
        DockerEndpoint: host,
        Error: "",
        Current: String(name === current),
      }),
    );
    context.out(await formatList(rows, shape, values.format));
    return 0;
  },
});

const use = defineCommand({
  names: ["context use"],
  usage: "CONTEXT",
  summary: "Choose the context that is used where nothing is said",
  flags: {},
  least: 1,
  most: 1,
  async run({ positionals: [name = ""], context }) {
    storeOf(context).use(name);
    context.out(`${name}\n`);
    const named = namedEndpoint(undefined, context.io.env);
    if (named === undefined) context.err(`Current context is now ${JSON.stringify(name)}\n`);
    else context.err(`Warning: the address ${named} in the environment wins over every context\n`);
    return 0;
  },
});

const show = defineCommand({
  names: ["context show"],
  usage: "",
  summary: "Print the name of the current context",
  flags: {},
  least: 0,
  most: 0,
  async run({ context }) {
    context.out(`${currentOf(context, storeOf(context))}\n`);
    return 0;
  },
});

const endpointKeys = ["host", "ca", "cert", "key", "skip-tls-verify"];

/** `host=tcp://kitchen:2376,ca=FILE,cert=FILE,key=FILE,skip-tls-verify=true` */
function parseDocker(words: readonly string[], context: CliContext): Omit<Context, "name" | "description"> {
  const found = new Map<string, string>();
  for (const word of words.flatMap((each) => each.split(","))) {
    const [key = "", ...value] = word.split("=");
    if (!endpointKeys.includes(key)) {
      throw new Error(`unrecognized config key ${JSON.stringify(key)}: wanted ${endpointKeys.join(", ")}`);
    }
    found.set(key, value.join("="));
  }
  const read = (key: string): string | undefined => {
    const path = found.get(key);
    return path === undefined ? undefined : new TextDecoder().decode(context.io.readFile(path));
  };
  const skip = found.get("skip-tls-verify") ?? "false";
  if (skip !== "true" && skip !== "false")
    throw new Error(`skip-tls-verify needs true or false, found ${skip}`);
  return {
    host: found.get("host") || defaultEndpointText,
    skipTlsVerify: skip === "true",
    tls: { ca: read("ca"), cert: read("cert"), key: read("key") },
  };
}

/** What the environment says now. */
function fromEnvironment({ io: { env } }: CliContext): Omit<Context, "name" | "description"> {
  const verify = Boolean(env["DOCKER_TLS_VERIFY"]);
  const tls = verify ? certificatesIn(env["DOCKER_CERT_PATH"] || configDirectory(env)) : {};
  return { host: namedEndpoint(undefined, env) ?? defaultEndpointText, skipTlsVerify: false, tls };
}

const create = defineCommand({
  names: ["context create"],
  usage: "[OPTIONS] CONTEXT",
  summary: "Create a context",
  details: 'Example: tiffin context create kitchen --docker "host=ssh://cook@kitchen"',
  flags: {
    description: text("", "What it is"),
    docker: list("", `Where it leads: ${endpointKeys.join(", ")}`),
    from: text("", "Another context that it is like"),
  },
  least: 1,
  most: 1,
  async run({ values, positionals: [name = ""], context }) {
    const { description, docker, from } = values;
    const store = storeOf(context);
    const like =
      docker.length > 0
        ? parseDocker(docker, context)
        : from === ""
          ? fromEnvironment(context)
          : contextNamed(store, from);
    store.create({ ...like, name, description });
    context.out(`${name}\n`);
    context.err(`Successfully created context ${JSON.stringify(name)}\n`);
    return 0;
  },
});

const inspect = defineCommand({
  names: ["context inspect"],
  usage: "[CONTEXT...]",
  summary: "Show contexts",
  flags: {},
  least: 0,
  async run({ positionals, context }) {
    const store = storeOf(context);
    const names = positionals.length > 0 ? positionals : [currentOf(context, store)];
    const documents = names.map((each) => {
      const { name, description, host, skipTlsVerify, tls } = contextNamed(store, each);
      const files = Object.entries(tls).flatMap(([part, content]) =>
        content === undefined ? [] : [`${part}.pem`],
      );
      return {
        Name: name,
        Metadata: { Description: description },
        Endpoints: { docker: { Host: host, SkipTLSVerify: skipTlsVerify } },
        TLSMaterial: files.length > 0 ? { docker: files } : {},
      };
    });
    context.out(`${JSON.stringify(documents, undefined, 4)}\n`);
    return 0;
  },
});

const rm = defineCommand({
  names: ["context rm", "context remove"],
  usage: "[OPTIONS] CONTEXT [CONTEXT...]",
  summary: "Remove one or more contexts",
  flags: { force: toggle("f", "Also the one that is in use") },
  least: 1,
  async run({ values, positionals, context }) {
    let failed = false;
    for (const name of positionals) {
      try {
        storeOf(context).remove(name, values.force);
        context.out(`${name}\n`);
      } catch (thrown) {
        failed = true;
        context.err(`${describeError(thrown)}\n`);
      }
    }
    return failed ? 1 : 0;
  },
});

export const commands: Readonly<Record<"ls" | "use" | "show" | "create" | "inspect" | "rm", Command>> = {
  ls,
  use,
  show,
  create,
  inspect,
  rm,
};
