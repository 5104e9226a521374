/** `tiffin cp`. */
import { lstatSync, realpathSync, type Stats, statSync } from "node:fs";
import { EngineError } from "../../client/api-error.ts";
import { packHost } from "../../client/pack-host.ts";
import { headerPathStatus, type PathStatus } from "../../docker/types/archive.ts";
import { defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import {
  type CopySide,
  copySide,
  type DestinationInfo,
  landingOf,
  lastName,
  meansContent,
  meansDirectory,
} from "../copy/copy-paths.ts";
import { HostUnpacking } from "../copy/unpack-host.ts";
import { toggle } from "../flags/flag.ts";
import { humanSize } from "../format/human.ts";
import { standardInput } from "../input-stream.ts";

const goDirectory = 2 ** 31;
const goSymlink = 2 ** 27;

interface CopyOptions {
  readonly ownedByUser: boolean;
  readonly follow: boolean;
  /** Hears of each piece of content. */
  readonly onBytes: (bytes: number) => void;
}

const has = (mode: number, bit: number): boolean => Math.floor(mode / bit) % 2 === 1;

function fromHere(context: CliContext, path: string): string {
  return path.startsWith("/") ? path : `${context.io.cwd}/${path}`;
}

function hostKind(path: string): DestinationInfo["kind"] {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? "missing" : found.isDirectory() ? "directory" : "other";
}

async function statOf(context: CliContext, container: string, path: string): Promise<PathStatus | undefined> {
  const api = await context.separateApi();
  try {
    const fields = await api.fields("containerArchiveHead", { params: { name: container }, query: { path } });
    return fields["x-docker-container-path-stat"];
  } catch (thrown) {
    // The head of an answer cannot say whether it is the container that is missing; what comes next does.
    if (thrown instanceof EngineError && thrown.kind === "notFound") return undefined;
    throw thrown;
  }
}

/** The container's path with its last link followed, as often as there is one. */
async function followed(
  context: CliContext,
  container: string,
  path: string,
): Promise<{ readonly path: string; readonly status: PathStatus | undefined }> {
  let at = path;
  for (let step = 0; step < 40; step += 1) {
    const status = await statOf(context, container, at);
    if (status === undefined || !has(status.mode, goSymlink)) return { path: at, status };
    const end = meansContent(at) ? "/." : at.endsWith("/") ? "/" : "";
    at = `${status.linkTarget}${end}`;
  }
  throw new Error(`too many symbolic links at ${path} of ${container}`);
}

async function copyOut(
  context: CliContext,
  source: CopySide,
  to: string,
  { follow, onBytes }: CopyOptions,
): Promise<void> {
  const { container = "" } = source;
  const path = follow ? (await followed(context, container, source.path)).path : source.path;
  const api = await context.api();
  const answer = await api.stream("containerArchiveGet", { params: { name: container }, query: { path } });
  if (to === "-") {
    if (context.io.isTerminal(1)) throw new Error("cowardly refusing to copy to a terminal. Redirect");
    for await (const chunk of answer.chunks) context.io.write(1, chunk);
    return;
  }
  const field = "x-docker-container-path-stat";
  const status = headerPathStatus.decode(answer.headers.get(field) ?? "", field);
  const isDirectory = has(status.mode, goDirectory);
  const destination = fromHere(context, to);
  const landing = landingOf(
    { path: source.path, isDirectory },
    { path: destination, kind: hostKind(destination) },
  );
  const directory = realpathOf(landing.directory);
  const content = isDirectory && meansContent(source.path);
  const rename = {
    from: lastName(status.name),
    to: content && hostKind(destination) === "directory" ? undefined : landing.name,
  };
  const unpacking = new HostUnpacking({ directory, rename, onBytes });
  for await (const chunk of answer.chunks) unpacking.push(chunk);
  unpacking.finish();
}

function realpathOf(directory: string): string {
  try {
    return realpathSync(directory);
  } catch {
    throw new Error(`invalid output path: directory ${JSON.stringify(directory)} does not exist`);
  }
}

async function copyIn(
  context: CliContext,
  from: string,
  destination: CopySide,
  { ownedByUser, follow, onBytes }: CopyOptions,
): Promise<void> {
  const { container = "" } = destination;
  const query = { noOverwriteDirNonDir: true, copyUIDGID: ownedByUser || undefined };
  const put = async (path: string, body: AsyncIterable<Uint8Array>): Promise<void> => {
    const request = { params: { name: container }, query: { ...query, path }, body };
    // What comes in from elsewhere is waited for beside the answer; files are there.
    if (from === "-") await (await context.parallelApi()).perform("containerArchivePut", request);
    else await (await context.separateApi()).perform("containerArchivePut", request);
  };
  const { path, status } = await followed(context, container, destination.path);
  if (from === "-") {
    if (status !== undefined && !has(status.mode, goDirectory)) {
      throw new Error(`destination "${container}:${path}" must be a directory`);
    }
    await put(path, standardInput(context.io));
    return;
  }
  const source = fromHere(context, from).replace(/\/+\.?$/, "") || "/";
  const isLink = lstatOf(source).isSymbolicLink();
  const real = isLink && (follow || meansDirectory(from)) ? realpathSync(source) : source;
  const isDirectory = lstatOf(real).isDirectory();
  if (!isDirectory && meansDirectory(from)) throw new Error("not a directory");
  const kind = status === undefined ? "missing" : has(status.mode, goDirectory) ? "directory" : "other";
  const landing = landingOf({ path: from, isDirectory }, { path, kind });
  await put(landing.directory, packHost(real, landing.name, onBytes));
}

function lstatOf(path: string): Stats {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new Error(`lstat ${path}: no such file or directory`);
  return found;
}

export const command = defineCommand({
  names: ["container cp", "cp"],
  usage: "[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH",
  summary: "Copy files/folders between a container and the local filesystem",
  flags: {
    archive: toggle("a", "Give what is copied to the container's user"),
    "follow-link": toggle("L", "Always follow symbol link in SRC_PATH"),
    quiet: toggle(
      "q",
      "Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached",
    ),
  },
  least: 2,
  most: 2,
  async run({ values, given, positionals, context }) {
    const [from = "", to = ""] = positionals;
    if (from === "") throw new Error("source can not be empty");
    if (to === "") throw new Error("destination can not be empty");
    const [source, destination] = [copySide(from), copySide(to)];
    if (source.container !== undefined && destination.container !== undefined) {
      throw new Error("copying between containers is not supported");
    }
    let bytes = 0;
    const options: CopyOptions = {
      ownedByUser: values.archive,
      follow: values["follow-link"],
      onBytes: (more) => {
        bytes += more;
      },
    };
    if (source.container !== undefined) await copyOut(context, source, to, options);
    else if (destination.container !== undefined) await copyIn(context, from, destination, options);
    else throw new Error("must specify at least one container source");
    const isQuiet = given.has("quiet") ? values.quiet : !context.io.isTerminal(1);
    if (!isQuiet && from !== "-" && to !== "-") {
      context.err(`Successfully copied ${humanSize(bytes)} to ${to}\n`);
    }
    return 0;
  },
});
