/**
 * A build as a graph, whoever made it: a Dockerfile, or a definition from elsewhere. A vertex is an operation on what others come to;
 * what it comes to is a file tree. Its digest covers the operation and, through theirs, everything it is made of. Pure.
 */
import { createHash } from "node:crypto";

/** What one vertex takes of another. `output` counts from 0; only a program with several writable mounts has more than one. */
export interface VertexOutput {
  readonly vertex: Vertex;
  readonly output: number;
}

export interface Vertex {
  /** `sha256:` and 64 digits, of the operation and the digests of its inputs. */
  readonly digest: string;
  /** As it is shown: `[stage 2/5] RUN make`. */
  readonly name: string;
  readonly operation: Operation;
  readonly inputs: readonly VertexOutput[];
  /** It is done again, whatever is remembered. */
  readonly ignoreCache: boolean;
  /** Where it stands in the Dockerfile, counted from 1. */
  readonly lines?: { readonly first: number; readonly last: number };
  /** `linux/arm64/v8`; absent is this machine's. */
  readonly platform?: string;
}

/** An index into a vertex' inputs; -1 is an empty tree. */
export type InputIndex = number;

export type Operation =
  | ImageSource
  | LocalSource
  | HttpSource
  | GitSource
  | RunProgram
  | ChangeFiles
  | { readonly kind: "merge" }
  /** What the second has over the first; -1 is nothing at all. */
  | { readonly kind: "diff"; readonly lower: InputIndex; readonly upper: InputIndex };

export interface ImageSource {
  readonly kind: "image";
  /** As a user writes it, or with a digest. */
  readonly reference: string;
  /** `pull` asks the registry even when it is here. */
  readonly resolve: "default" | "pull" | "local";
}

/** A directory of the client's, by the name that it has in `BuildInputs`. */
export interface LocalSource {
  readonly kind: "local";
  readonly name: string;
  /** Patterns as in `.dockerignore`; absent is everything. */
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  /** Only these and what their links lead to. */
  readonly follow?: readonly string[];
}

export interface HttpSource {
  readonly kind: "http";
  readonly url: string;
  /** `sha256:...` that it must have. */
  readonly checksum?: string;
  /** Of the file; absent: by the address. */
  readonly fileName?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface GitSource {
  readonly kind: "git";
  /** Without `#...`. */
  readonly remote: string;
  /** A branch, a tag or a commit; empty is the remote's own. */
  readonly ref: string;
  readonly subdirectory: string;
  readonly keepGitDirectory: boolean;
  /** Left out: they come too. */
  readonly submodules?: boolean;
  /** The commit that it must be, or begin with. */
  readonly checksum?: string;
}

export type NetworkMode = "default" | "none" | "host";

export interface RunProgram {
  readonly kind: "run";
  readonly arguments: readonly string[];
  readonly environment: readonly string[];
  readonly directory: string;
  readonly user: string;
  readonly hostname?: string;
  readonly network: NetworkMode;
  readonly security: "sandbox" | "insecure";
  readonly hosts: readonly { readonly name: string; readonly address: string }[];
  /** Values that no key, log or record may have; the proxies of a client, whose names are no secret. */
  readonly proxy: readonly string[];
  /** The first is that of `/`. */
  readonly mounts: readonly RunMount[];
  readonly secretEnvironment: readonly SecretVariable[];
  /** Exit codes that are good; absent: 0. */
  readonly goodCodes?: readonly number[];
}

export interface SecretVariable {
  readonly name: string;
  readonly id: string;
  readonly required: boolean;
}

export type RunMount = { readonly target: string } & (
  | {
      readonly kind: "tree";
      readonly input: InputIndex;
      /** In the input; empty is all of it. */
      readonly source: string;
      readonly readOnly: boolean;
      /** What becomes of what is written: the output of that number, or -1 for nothing. */
      readonly output: number;
    }
  | {
      readonly kind: "cache";
      readonly id: string;
      readonly sharing: "shared" | "private" | "locked";
      readonly readOnly: boolean;
      /** What a new one begins with. */
      readonly input: InputIndex;
      readonly source: string;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | { readonly kind: "tmpfs"; readonly sizeBytes: number }
  | {
      readonly kind: "secret";
      readonly id: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
  | {
      readonly kind: "ssh";
      readonly id: string;
      readonly required: boolean;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    }
);

/** Actions in their order, each on what those before have made; the last one's is the result. */
export interface ChangeFiles {
  readonly kind: "files";
  readonly actions: readonly FileAction[];
}

/** What an action works on: an input, or what the action of that index has made. */
export type FileOperand =
  | { readonly kind: "input"; readonly index: InputIndex }
  | { readonly kind: "action"; readonly index: number };

/** Names are looked up in the files of `on`; without a group it is that of the user's entry. */
export interface FileOwner {
  readonly user: string | number;
  readonly group?: string | number;
}

export type FileAction = { readonly on: FileOperand } & (
  | {
      readonly kind: "copy";
      readonly from: FileOperand;
      readonly source: string;
      readonly destination: string;
      readonly options: CopyOptions;
    }
  | {
      readonly kind: "makeFile";
      readonly path: string;
      readonly mode: number;
      readonly content: Uint8Array;
      readonly owner?: FileOwner;
    }
  | {
      readonly kind: "makeDirectory";
      readonly path: string;
      readonly mode: number;
      readonly parents: boolean;
      readonly owner?: FileOwner;
    }
  | {
      readonly kind: "remove";
      readonly path: string;
      readonly allowMissing: boolean;
      readonly wildcard: boolean;
    }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string; readonly owner?: FileOwner }
);

export interface CopyOptions {
  readonly owner?: FileOwner;
  /** Octal, or symbolic as chmod(1) has it. */
  readonly mode?: string;
  readonly followLinks: boolean;
  /** Of a directory, what is in it. */
  readonly directoryContents: boolean;
  /** A tar is unpacked. */
  readonly unpack: boolean;
  readonly makeDestination: boolean;
  readonly wildcard: boolean;
  readonly allowEmptyWildcard: boolean;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  /** The directories on the way to the source are made at the destination too. */
  readonly parents: boolean;
}

export type VertexWishes = Omit<Vertex, "digest" | "ignoreCache"> & { readonly ignoreCache?: boolean };

/** The vertex with its digest. */
export function vertexOf(wishes: VertexWishes): Vertex {
  const { operation, inputs, platform = "" } = wishes;
  const from = inputs.map(({ vertex, output }) => [vertex.digest, output]);
  const text = JSON.stringify([withoutSecrets(operation), from, platform], plain);
  const digest = `sha256:${createHash("sha256").update(text).digest("hex")}`;
  return { ...wishes, digest, ignoreCache: wishes.ignoreCache ?? false };
}

/** As keys and digests have it: proxies make no difference to what a program does. */
export function withoutSecrets(operation: Operation): Operation {
  return operation.kind === "run" ? { ...operation, proxy: [] } : operation;
}

function plain(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? createHash("sha256").update(value).digest("hex") : value;
}

/** All that the vertices need, each once, and behind what it needs. */
export function inOrder(roots: readonly Vertex[]): Vertex[] {
  const seen = new Map<string, Vertex>();
  const pending: { readonly vertex: Vertex; readonly entered: boolean }[] = roots
    .map((vertex) => ({ vertex, entered: false }))
    .reverse();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { vertex, entered } = next;
    if (seen.has(vertex.digest)) continue;
    if (entered) {
      seen.set(vertex.digest, vertex);
      continue;
    }
    pending.push({ vertex, entered: true });
    for (const input of vertex.inputs.toReversed()) pending.push({ vertex: input.vertex, entered: false });
  }
  return [...seen.values()];
}
