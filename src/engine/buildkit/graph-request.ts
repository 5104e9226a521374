/** A graph in LLB, which other frontends make, as a graph of our builder's. Pure; nothing of it is believed. */
import { createHash } from "node:crypto";
import {
  cacheSharings,
  type Definition,
  type ExecMount,
  type ExecOperation,
  type Operation as Message,
  mountTypes,
  networkModes,
  operation,
  type SourceOperation,
} from "../../buildkit/mod.ts";
import { TiffinError } from "../../lib/errors.ts";
import { formatPlatform } from "../../oci/mod.ts";
import type { Operation, RunMount, VertexOutput } from "../build/mod.ts";
import { fileOperation } from "./graph-files.ts";

const limitOperations = 20_000;
const limitNameLength = 200;
const cacheMode = 0o755;

export function badGraph(what: string): TiffinError {
  return new TiffinError("invalid", "buildkit.graph", `invalid graph: ${what}`);
}

/** Its result; undefined: an empty tree. Errors: `buildkit.graph`, `buildkit.message`. */
export function decodeGraph({ operations, notes }: Definition): VertexOutput | undefined {
  if (operations.length === 0) return undefined;
  if (operations.length > limitOperations) throw badGraph(`more than ${limitOperations} operations`);
  const vertices = new Map<string, VertexOutput["vertex"]>();
  const messages = operations.map((bytes) => ({
    digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
    message: operation.decode(bytes),
  }));
  // The last one names the output that is meant.
  const last = messages.pop()?.message;
  // What others need stands before them, or is looked for again; a digest cannot lead back to itself.
  for (let pending = messages; pending.length > 0; ) {
    const left = pending.filter(({ digest, message }) => {
      if (!message.inputs.every((input) => vertices.has(input.digest))) return true;
      const inputs = message.inputs.map((input) => outputOf(vertices, input));
      const work = operationOf(message);
      const note = notes.get(digest);
      vertices.set(digest, {
        digest,
        name: (note?.description.get("llb.customname") ?? nameOf(work)).slice(0, limitNameLength),
        operation: work,
        inputs,
        ignoreCache: note?.ignoreCache ?? false,
        ...(message.platform !== undefined && { platform: formatPlatform(message.platform) }),
      });
      return false;
    });
    if (left.length === pending.length) throw badGraph("an operation needs what is not there");
    pending = left;
  }
  const [root] = last?.inputs ?? [];
  if (root === undefined) throw badGraph("it names no result");
  return outputOf(vertices, root);
}

function outputOf(
  vertices: ReadonlyMap<string, VertexOutput["vertex"]>,
  { digest, index }: { readonly digest: string; readonly index: number },
): VertexOutput {
  const vertex = vertices.get(digest);
  if (vertex === undefined || index < 0) throw badGraph(`there is no ${digest}`);
  return { vertex, output: index };
}

function operationOf(message: Message): Operation {
  const { exec, source, file, merge, diff, inputs } = message;
  if (source !== undefined) return sourceOf(source);
  if (exec !== undefined) return runOf(exec, inputs.length);
  if (file !== undefined) return fileOperation(file.actions, inputs.length);
  if (merge !== undefined) return { kind: "merge" };
  if (diff !== undefined) {
    return {
      kind: "diff",
      lower: inputIndex(diff.lower?.input ?? -1, inputs.length),
      upper: inputIndex(diff.upper?.input ?? -1, inputs.length),
    };
  }
  throw new TiffinError(
    "notImplemented",
    "buildkit.graph",
    "the graph has an operation that is not run here",
  );
}

export function inputIndex(index: number, count: number): number {
  if (index < -1 || index >= count) throw badGraph(`there is no input ${index}`);
  return index;
}

function listOf(text: string | undefined): readonly string[] | undefined {
  if (text === undefined || text === "") return undefined;
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch (cause) {
    throw new TiffinError("invalid", "buildkit.graph", "invalid graph: a list is no JSON", { cause });
  }
  if (!Array.isArray(list) || !list.every((one) => typeof one === "string")) throw badGraph("a list is none");
  return list.length === 0 ? undefined : list;
}

function sourceOf({ identifier, attributes }: SourceOperation): Operation {
  const match = /^([a-z-]+):\/\/(.*)$/s.exec(identifier);
  const [, scheme = "", rest = ""] = match ?? [];
  switch (scheme) {
    case "docker-image": {
      const mode = attributes.get("image.resolvemode");
      const resolve = mode === "pull" || mode === "local" ? mode : "default";
      return { kind: "image", reference: rest, resolve };
    }
    case "local": {
      const include = listOf(attributes.get("local.includepattern"));
      const exclude = listOf(attributes.get("local.excludepatterns"));
      const follow = listOf(attributes.get("local.followpaths"));
      return {
        kind: "local",
        name: rest,
        ...(include !== undefined && { include }),
        ...(exclude !== undefined && { exclude }),
        ...(follow !== undefined && { follow }),
      };
    }
    case "http":
    case "https": {
      const checksum = attributes.get("http.checksum") ?? "";
      const fileName = attributes.get("http.filename") ?? "";
      return {
        kind: "http",
        url: identifier,
        ...(checksum !== "" && { checksum }),
        ...(fileName !== "" && { fileName }),
        ...numberOf("mode", attributes.get("http.perm")),
        ...numberOf("uid", attributes.get("http.uid")),
        ...numberOf("gid", attributes.get("http.gid")),
      };
    }
    case "git": {
      const hash = rest.indexOf("#");
      const [ref = "", subdirectory = ""] = (hash === -1 ? "" : rest.slice(hash + 1)).split(":", 2);
      const full = attributes.get("git.fullurl") ?? "";
      const checksum = attributes.get("git.checksum") ?? "";
      return {
        kind: "git",
        remote: full === "" ? `https://${hash === -1 ? rest : rest.slice(0, hash)}` : full,
        ref,
        subdirectory,
        keepGitDirectory: attributes.get("git.keepgitdir") === "true",
        ...(checksum !== "" && { checksum }),
      };
    }
    default:
      throw new TiffinError(
        "notImplemented",
        "buildkit.graph",
        `a source of kind ${JSON.stringify(scheme)} is not there in this engine`,
      );
  }
}

/** As Go writes numbers: octal with a zero before it. */
function numberOf<K extends string>(key: K, text: string | undefined): { readonly [name in K]?: number } {
  if (text === undefined || text === "") return {};
  if (!/^(?:0[0-7]*|[1-9][0-9]{0,9})$/.test(text)) throw badGraph(`no number: ${JSON.stringify(text)}`);
  const value = Number.parseInt(text, text.startsWith("0") ? 8 : 10);
  // The one property is that of `key`.
  return { [key]: value } as { readonly [name in K]?: number };
}

function runOf(exec: ExecOperation, inputCount: number): Operation {
  const { meta, mounts, network, security, secretEnvironment } = exec;
  if (meta === undefined || meta.args.length === 0) throw badGraph("a program without a name");
  if (exec.devices.length > 0) {
    throw new TiffinError(
      "notImplemented",
      "buildkit.graph",
      "devices of steps are not there in this engine",
    );
  }
  const places = mounts.map((mount) => mountOf(mount, inputCount));
  const root = places.find(({ target }) => target === "/");
  if (root?.kind !== "tree") throw badGraph("a program without a root");
  const proxies = Object.entries(meta.proxy ?? {}).flatMap(([name, value]) =>
    value === "" ? [] : [`${name.toUpperCase()}_PROXY=${value}`, `${name}_proxy=${value}`],
  );
  return {
    kind: "run",
    arguments: meta.args,
    environment: meta.env,
    directory: meta.cwd === "" ? "/" : meta.cwd,
    user: meta.user,
    ...(meta.hostname !== "" && { hostname: meta.hostname }),
    network: network === networkModes.host ? "host" : network === networkModes.none ? "none" : "default",
    security: security === 0 ? "sandbox" : "insecure",
    hosts: meta.extraHosts.map(({ host, ip }) => ({ name: host, address: ip })),
    proxy: proxies,
    mounts: [root, ...places.filter((place) => place !== root)],
    secretEnvironment: secretEnvironment.map(({ id, name, optional }) => ({ id, name, required: !optional })),
    ...(meta.validExitCodes.length > 0 && { goodCodes: meta.validExitCodes }),
  };
}

function mountOf(mount: ExecMount, inputCount: number): RunMount {
  const { destination: target, selector: source, readOnly, output } = mount;
  const input = inputIndex(mount.input, inputCount);
  const secret = mount.type === mountTypes.secret ? mount.secret : mount.ssh;
  switch (mount.type) {
    case mountTypes.bind:
      return { kind: "tree", target, input, source, readOnly, output };
    case mountTypes.cache: {
      const sharing = mount.cache?.sharing ?? cacheSharings.shared;
      const word =
        sharing === cacheSharings.private
          ? "private"
          : sharing === cacheSharings.locked
            ? "locked"
            : "shared";
      const id = mount.cache?.id ?? "";
      return {
        kind: "cache",
        target,
        input,
        source,
        readOnly,
        id,
        sharing: word,
        mode: cacheMode,
        uid: 0,
        gid: 0,
      };
    }
    case mountTypes.tmpfs:
      return { kind: "tmpfs", target, sizeBytes: mount.tmpfs?.size ?? 0 };
    case mountTypes.secret:
    case mountTypes.ssh: {
      const { id = "", mode = 0o400, uid = 0, gid = 0, optional = false } = secret ?? {};
      const kind = mount.type === mountTypes.secret ? "secret" : "ssh";
      return { kind, target, id, mode, uid, gid, required: !optional };
    }
    default:
      throw badGraph(`there is no mount of type ${mount.type}`);
  }
}

function nameOf(work: Operation): string {
  switch (work.kind) {
    case "image":
      return `docker-image://${work.reference}`;
    case "local":
      return `local://${work.name}`;
    case "http":
      return work.url;
    case "git":
      return work.remote;
    case "run":
      return work.arguments.join(" ");
    case "files":
      return work.actions.map(({ kind }) => kind).join(", ");
    default:
      return work.kind;
  }
}
