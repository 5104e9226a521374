/** `tiffin build`. */

import { errnoOf } from "../../client/api-error.ts";
import { checkDockerfile } from "../../docker/dockerfile/check-dockerfile.ts";
import type { Lookup } from "../../docker/dockerfile/expand.ts";
import { outlineAnswer, targetsAnswer } from "../../docker/dockerfile/outline-answers.ts";
import { parseDockerfile } from "../../docker/dockerfile/parse-dockerfile.ts";
import { buildGraph } from "../../docker/dockerfile/stages.ts";
import { normaliseReference, parseReference } from "../../docker/reference.ts";
import { own } from "../../lib/own.ts";
import { buildExtrasOf, directoriesIn } from "../build/build-extras.ts";
import { type BuildInput, openBuildInput } from "../build/build-input.ts";
import { buildLines } from "../build/build-lines.ts";
import { checkText, warningsText } from "../build/check-text.ts";
import { graphText } from "../build/graph-text.ts";
import { type BuildMetadata, metadataIn, metadataText } from "../build/metadata-file.ts";
import { ReceivedOutputs } from "../build/received-outputs.ts";
import { isRemotePlace, remoteInput } from "../build/remote-input.ts";
import { stepFlags, stepQuery } from "../build/step-flags.ts";
import { warningsAfter } from "../build/told-warnings.ts";
import { defineCommand } from "../command.ts";
import { list, text, toggle } from "../flags/flag.ts";
import type { BegunFile, CliIo } from "../io.ts";
import { showProgress } from "../progress-display.ts";
import { allCredentials } from "../registry/credentials.ts";
import { platformFor } from "../registry/default-platform.ts";

/** What builds take from the environment unasked. */
const usualArguments = ["SOURCE_DATE_EPOCH"];

/** `NAME=value`; a name alone is what the environment says, and nothing without. */
function argumentsFrom(
  words: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string> {
  const pairs = words.flatMap((word): [string, string][] => {
    const equals = word.indexOf("=");
    if (equals !== -1) return [[word.slice(0, equals), word.slice(equals + 1)]];
    const value = own(environment, word);
    return value === undefined ? [] : [[word, value]];
  });
  return Object.fromEntries(pairs);
}

function labelsFrom(words: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    words.map((word) => {
      const equals = word.indexOf("=");
      return equals === -1 ? [word, ""] : [word.slice(0, equals), word.slice(equals + 1)];
    }),
  );
}

interface Question {
  readonly question: "check" | "graph" | "outline" | "targets";
  readonly asJson: boolean;
}

/** Undefined: a build is wanted. Throws `Error` for a question that there is none. */
function questionOf(values: {
  readonly call: string;
  readonly check: boolean;
  readonly graph: boolean;
}): Question | undefined {
  const [word = "", ...options] = values.call.split(",");
  const asJson = options.includes("format=json");
  const unknown = options.find((option) => option !== "format=json");
  if (unknown !== undefined)
    throw new Error(`--call ${values.call}: unknown option ${unknown} (there is: format=json)`);
  const question = word === "lint" ? "check" : word;
  if (question === "check" || question === "outline" || question === "targets") {
    if (question === "check" && asJson) throw new Error("--call check has no format=json here");
    return { question, asJson };
  }
  if (question !== "" && question !== "build")
    throw new Error(`unknown question ${JSON.stringify(word)} (there are: build, check, outline, targets)`);
  if (values.check) return { question: "check", asJson };
  return values.graph ? { question: "graph", asJson } : undefined;
}

function idIn(aux: unknown): string | undefined {
  if (typeof aux !== "object" || aux === null || !("ID" in aux)) return undefined;
  return typeof aux.ID === "string" ? aux.ID : undefined;
}

/** What is said of the Dockerfile instead of a build. */
function lookedAt(
  input: BuildInput,
  lookup: Lookup,
  { question, asJson }: Question,
  target: string,
): { readonly text: string; readonly code: number } {
  if (input.dockerfileText === undefined) {
    throw new Error("--graph, --check and --call look into no archive and fetch nothing: name a directory");
  }
  const file = parseDockerfile(input.dockerfileText);
  if (question === "outline" || question === "targets") {
    const answer = (question === "outline" ? outlineAnswer : targetsAnswer)(file, {
      target,
      arguments: lookup,
    });
    return { text: asJson ? `${JSON.stringify(answer.document)}\n` : answer.text, code: 0 };
  }
  if (question === "check") {
    const { warnings } = checkDockerfile(file, { arguments: lookup, ignores: input.ignores });
    const code = warnings.length === 0 ? 0 : 1;
    return { text: checkText(warnings, { name: input.dockerfile, lines: file.lines }), code };
  }
  const predefined: Lookup = () => undefined;
  return { text: graphText(buildGraph(file, { target, arguments: lookup, predefined })), code: 0 };
}

/** Scripts turn them off, which is what is here anyway. */
function checkAttestations(values: { readonly provenance: string; readonly sbom: string }): void {
  for (const name of ["provenance", "sbom"] as const) {
    if (["", "false", "0"].includes(values[name])) continue;
    throw new Error(
      `--${name}=${values[name]}: attestations are not made by this builder (there is: --${name}=false)`,
    );
  }
}

/** Before there is anything to write, so that no build is done in vain; nothing without a path. */
function beginFile(io: CliIo, path: string): BegunFile | undefined {
  if (path === "") return undefined;
  try {
    return io.beginFile(path.startsWith("/") ? path : `${io.cwd}/${path}`);
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === undefined) throw thrown;
    throw new Error(`cannot write ${path}: ${errno === "ENOENT" ? "no such file or directory" : errno}`);
  }
}

function finishFile(file: BegunFile | undefined, content: string): void {
  file?.write(new TextEncoder().encode(content));
  file?.finish();
}

export const command = defineCommand({
  names: ["image build", "build"],
  usage: "[OPTIONS] PATH | URL | -",
  summary: "Build an image from a Dockerfile",
  details:
    "PATH is a directory, all of which the Dockerfile may use but for what its .dockerignore leaves out. With - the context is a tar " +
    "archive, or a Dockerfile alone, from standard input. A URL is a git repository (URL#REF:DIRECTORY or " +
    "URL?branch=...&subdir=...), an archive, or a Dockerfile alone; the engine fetches it.",
  flags: {
    ...stepFlags,
    "add-host": list("", "Add a line to /etc/hosts of steps (NAME:ADDRESS)"),
    allow: list("", "Allow steps more (network.host, security.insecure)"),
    "build-context": list(
      "",
      "Give another context a name (NAME=docker-image://IMAGE, NAME=ADDRESS, NAME=DIRECTORY)",
    ),
    "build-arg": list("", "Set a variable of the Dockerfile (NAME=VALUE)"),
    "cache-from": list(
      "",
      "Take steps from a cache elsewhere (type=registry,ref=... or type=local,src=..., mounts=true)",
    ),
    "cache-to": list(
      "",
      "Put steps into a cache elsewhere (type=inline, type=registry,ref=..., type=local,dest=..., mode=max, mounts=true)",
    ),
    call: text("", "Answer a question about the Dockerfile (check, outline, targets), and build nothing"),
    check: toggle("", "Tell what is doubtful in the Dockerfile, and build nothing"),
    debug: text("", "Keep the files of a step that fails as an image of this name"),
    file: text("f", "Name of the Dockerfile (default: PATH/Dockerfile; - is standard input)"),
    graph: toggle("", "Show the stages and steps that would be built, and build nothing"),
    iidfile: text("", "Write the id of the image to a file"),
    label: list("", "Set a label of the image"),
    load: toggle("", "Make it an image of the engine, too (as --output type=image)"),
    "metadata-file": text("", "Write what the outputs came to to a file, as JSON"),
    network: text("", "Network of steps that run a program"),
    "no-cache": toggle("", "Do every step again"),
    "no-cache-filter": list("", "Do the steps of these stages again"),
    output: list("o", "Where the result goes (type=image|local|tar|oci|docker|registry|cacheonly, dest=...)"),
    platform: text("", "Platform of the image (os/arch[/variant]), several with commas"),
    provenance: text("", "Attest how it was built (false; others are not done)"),
    push: toggle("", "Push the image by its names (as --output type=registry)"),
    pull: toggle("", "Ask registries for newer base images"),
    quiet: toggle("q", "Show only the id of the image"),
    sbom: text("", "Attest what is in it (false; others are not done)"),
    secret: list("", "Give steps a secret (id=ID[,src=FILE|,env=NAME])"),
    ssh: list("", "Give steps an ssh agent (default or ID=SOCKET)"),
    tag: list("t", "Name of the image (name[:tag])"),
    target: text("", "Build this stage instead of the last"),
    why: toggle("", "Tell of each step that is done again what is other than it was"),
  },
  least: 1,
  most: 1,
  standsForProcess: true,
  async run({ values, positionals, context }) {
    const [place = ""] = positionals;
    // A name that is none costs nothing.
    for (const tag of values.tag) normaliseReference(parseReference(tag));
    const given = argumentsFrom([...usualArguments, ...values["build-arg"]], context.io.env);
    const lookup: Lookup = (name) => own(given, name);
    const isRemote = isRemotePlace(place);
    const input = isRemote ? remoteInput(values.file) : await openBuildInput(context.io, place, values.file);
    checkAttestations(values);
    const question = questionOf(values);
    if (question !== undefined) {
      const { text, code } = lookedAt(input, lookup, question, values.target);
      context.out(text);
      return code;
    }
    const api = await context.parallelApi();
    const query = {
      dockerfile: input.dockerfile || undefined,
      remote: isRemote ? place : undefined,
      t: values.tag.length > 0 ? values.tag : undefined,
      buildargs: Object.keys(given).length > 0 ? given : undefined,
      labels: values.label.length > 0 ? labelsFrom(values.label) : undefined,
      networkmode: values.network || undefined,
      nocache: values["no-cache"] || undefined,
      platform: values.platform.includes(",")
        ? undefined
        : platformFor(values.platform, context.io) || undefined,
      extrahosts: values["add-host"].length > 0 ? values["add-host"] : undefined,
      pull: values.pull || undefined,
      target: values.target || undefined,
      ...stepQuery(values),
    };
    const output = [
      ...values.output,
      ...(values.push ? ["type=registry"] : []),
      ...(values.load ? ["type=image"] : []),
    ];
    const extras = buildExtrasOf(context.io, { ...values, output });
    const received = new ReceivedOutputs(context.io, output);
    using idFile = beginFile(context.io, values.iidfile);
    using metadataFile = beginFile(context.io, values["metadata-file"]);
    let id = "";
    let metadata: BuildMetadata = {};
    await showProgress(
      context,
      buildLines(context, api, input, {
        further: directoriesIn(context.io, values["build-context"]),
        query,
        headers: { "x-tiffin-build": extras, "x-registry-config": allCredentials(context.io) },
      }),
      {
        quiet: values.quiet,
        onAux: (aux) => {
          if (received.take(aux)) return;
          id = idIn(aux) ?? id;
          metadata = metadataIn(aux) ?? metadata;
        },
      },
    );
    received.finish();
    finishFile(idFile, id);
    finishFile(metadataFile, metadataText(metadata));
    if (values.quiet) context.out(`${id}\n`);
    else if (input.dockerfileText !== undefined) {
      const file = parseDockerfile(input.dockerfileText);
      const options = { arguments: lookup, ignores: input.ignores, platform: values.platform };
      context.out(warningsText(await warningsAfter(api, file, options)));
    }
    return 0;
  },
});
