/** Files that are copied, made or removed: a layer over a tree, put together without a root to write to. */
import { parseIgnore } from "../../../docker/dockerfile/ignore.ts";
import { openDirectory, openFile, openFlags } from "../../../kernel/files.ts";
import { readSome } from "../../../kernel/io.ts";
import { PlainEntry } from "../../../kernel/plain-entry.ts";
import { resolveUser } from "../../../linux/passwd.ts";
import { compressionOf, decompress, type TreeNode, unpack } from "../../tree/mod.ts";
import type { ChangeFiles, FileAction, FileOperand, FileOwner } from "../graph/mod.ts";
import type { StepInput } from "../step-cache.ts";
import { contentFacts } from "./content-facts.ts";
import { type DraftOwner, LayerDraft } from "./layer-draft.ts";
import { memoryFor } from "./memory-for.ts";
import { shownNode } from "./shown-node.ts";
import {
  below,
  findSources,
  hasWildcard,
  type LeavesOut,
  leavesNothingOut,
  pathParts,
  type Source,
} from "./sources.ts";
import type { StepContext } from "./step-context.ts";
import { emptyTree, type OpenTree, openTree, type Tree } from "./tree.ts";

type CopyAction = Extract<FileAction, { kind: "copy" }>;

/** The trees that the step takes, by index. */
export type StepInputs = readonly Tree[];

export function treeOf(inputs: StepInputs, operand: FileOperand): Tree {
  if (operand.kind === "action") throw new Error("a copy from what the same step has made is not done yet");
  return operand.index === -1 ? emptyTree : (inputs[operand.index] ?? emptyTree);
}

/** What the first action works on: the others go on from there. */
export function rootOf({ actions }: ChangeFiles, inputs: StepInputs): Tree {
  const [first] = actions;
  return first === undefined ? emptyTree : treeOf(inputs, first.on);
}

/** What each copy takes, so that nothing else of its source matters. */
export async function selectionFacts(
  step: StepContext,
  operation: ChangeFiles,
  inputs: StepInputs,
): Promise<StepInput[]> {
  const facts: StepInput[] = [];
  for (const action of operation.actions) {
    if (action.kind !== "copy") continue;
    const from = treeOf(inputs, action.from);
    using tree = openTree(step.services.layers, from);
    using found = new FoundSources(tree, action);
    facts.push(...(await contentFacts(found.sources, memoryFor(step, from), found.leavesOut)));
  }
  return facts;
}

/** The id of the layer. */
export async function filesLayer(
  step: StepContext,
  operation: ChangeFiles,
  inputs: StepInputs,
): Promise<string> {
  using base = openTree(step.services.layers, rootOf(operation, inputs));
  const draft = new LayerDraft(base, step.timeNs);
  const work = new FilesWork(step, base, draft, inputs);
  const id = await step.snapshots.addLayer(work.all(operation.actions), step.hold);
  return draft.isEmpty ? await step.snapshots.addEmptyLayer(step.hold) : id;
}

class FoundSources implements Disposable {
  readonly sources: readonly Source[];
  readonly leavesOut: LeavesOut;
  readonly #held = new DisposableStack();

  constructor(tree: OpenTree, { source, options }: CopyAction) {
    const { view } = tree;
    const found = view === undefined ? [] : findSources(view, source.replace("/./", "/"));
    for (const { node } of found) this.#held.use(node);
    const isPattern = options.wildcard && hasWildcard(source);
    if (found.length === 0 && !(isPattern && options.allowEmptyWildcard)) {
      this.#held.dispose();
      throw new Error(
        `${JSON.stringify(source)}: not found in what is copied from (nothing of that name is there, or it is left out by .dockerignore)`,
      );
    }
    const { exclude, include } = options;
    const excluded = exclude.length === 0 ? undefined : parseIgnore(exclude.join("\n"));
    const included = include.length === 0 ? undefined : parseIgnore(include.join("\n"));
    this.leavesOut =
      excluded === undefined && included === undefined
        ? leavesNothingOut
        : (path) => excluded?.excludes(path) === true || included?.excludes(path) === false;
    this.sources = found.filter(
      ({ path, node }) => node.status.type === "directory" || !this.leavesOut(path.split("/").at(-1) ?? path),
    );
  }

  [Symbol.dispose](): void {
    this.#held.dispose();
  }
}

class FilesWork {
  readonly #step: StepContext;
  readonly #base: OpenTree;
  readonly #draft: LayerDraft;
  readonly #inputs: StepInputs;

  constructor(step: StepContext, base: OpenTree, draft: LayerDraft, inputs: StepInputs) {
    this.#step = step;
    this.#base = base;
    this.#draft = draft;
    this.#inputs = inputs;
  }

  async *all(actions: readonly FileAction[]): AsyncGenerator<Uint8Array> {
    yield* this.#draft.directory("");
    for (const action of actions) {
      this.#step.signal.throwIfAborted();
      if (action.kind === "copy") yield* this.#copy(action);
      else yield* this.#other(action);
    }
    yield* this.#draft.end();
  }

  *#other(action: Exclude<FileAction, CopyAction>): Generator<Uint8Array> {
    const draft = this.#draft;
    if (action.kind === "remove") {
      yield* this.#remove(action);
      return;
    }
    const path = this.#base.resolved(action.path);
    const owner = this.#ownerOf(action.owner) ?? { uid: 0, gid: 0 };
    if (action.kind === "makeFile") yield* draft.file(path, action.content, owner, action.mode);
    else if (action.kind === "symlink") yield* draft.symlink(path, action.target, owner);
    else {
      const parent = path.split("/").slice(0, -1).join("/");
      if (!action.parents && !draft.isDirectory(parent)) throw new Error(`there is no directory /${parent}`);
      yield* draft.directory(path, owner, action.mode);
    }
  }

  *#remove(action: Extract<FileAction, { kind: "remove" }>): Generator<Uint8Array> {
    const { view } = this.#base;
    const parts = pathParts(action.path);
    const name = parts.pop();
    if (name === undefined) throw new Error("the top of a tree cannot be removed");
    const parent = this.#base.resolved(parts.join("/"));
    const found =
      view === undefined
        ? []
        : findSources(view, action.wildcard ? below(parent, name) : below(parent, name));
    try {
      if (found.length === 0 && !action.allowMissing)
        throw new Error(`${action.path}: no such file or directory`);
      for (const { path } of found) yield* this.#draft.remove(path);
    } finally {
      for (const { node } of found) node[Symbol.dispose]();
    }
  }

  async *#copy(action: CopyAction): AsyncGenerator<Uint8Array> {
    const { destination, options, source } = action;
    using tree = openTree(this.#step.services.layers, treeOf(this.#inputs, action.from));
    using found = new FoundSources(tree, action);
    const intoDirectory = /(?:^|\/)\.?$/.test(destination) || found.sources.length > 1 || options.parents;
    const top = this.#base.resolved(destination);
    const owner = this.#ownerOf(options.owner);
    const place = { top, intoDirectory, owner, leavesOut: found.leavesOut };
    for (const each of found.sources) {
      const shown = shownNode(each.node, {
        ...(owner !== undefined && { owner }),
        ...(options.mode !== undefined && { mode: options.mode }),
      });
      if (options.parents) yield* this.#withParents(tree, source, { ...each, node: shown }, place);
      else if (options.unpack && isArchive(each.node)) yield* this.#unpacked(each.node, action, place);
      else yield* this.#one({ ...each, node: shown }, action, place);
    }
  }

  *#one({ path, node }: Source, { options }: CopyAction, place: CopyPlace): Generator<Uint8Array> {
    const { top, intoDirectory, owner, leavesOut } = place;
    const draft = this.#draft;
    if (node.status.type === "directory" && options.directoryContents) {
      // The directory itself is like any that is made.
      if (top !== "") yield* draft.directory(top, owner);
      yield* draft.entry(node, top, leavesOut);
      return;
    }
    const name = path.split("/").at(-1) ?? path;
    const at = intoDirectory || draft.isDirectory(top) ? this.#base.resolved(below(top, name)) : top;
    if (at === "") throw new Error("a file cannot take the place of the top directory");
    yield* draft.directory(parentOf(at), owner);
    yield* draft.entry(node, at, leavesOut);
  }

  /** With the directories that lead to it, from where the pattern says `/./`, or from the beginning. */
  *#withParents(
    tree: OpenTree,
    pattern: string,
    { path, node }: Source,
    place: CopyPlace,
  ): Generator<Uint8Array> {
    const { top, owner, leavesOut } = place;
    const pivot = pattern.indexOf("/./");
    const left = pivot === -1 ? 0 : pathParts(pattern.slice(0, pivot)).length;
    const parts = path.split("/").filter((part) => part !== "");
    const kept = parts.slice(left);
    yield* this.#draft.directory(top, owner);
    let at = top;
    for (const [index, name] of kept.slice(0, -1).entries()) {
      at = below(at, name);
      using directory = tree.find(parts.slice(0, left + index + 1).join("/"));
      if (directory === undefined) continue;
      yield* this.#draft.entry(shownNode(directory, owner === undefined ? {} : { owner }), at, () => true);
    }
    const last = kept.at(-1);
    yield* this.#draft.entry(node, last === undefined ? top : below(at, last), leavesOut);
  }

  async *#unpacked(node: TreeNode, { options }: CopyAction, place: CopyPlace): AsyncGenerator<Uint8Array> {
    const directory = this.#step.place.directory();
    {
      using into = openDirectory(directory);
      await unpack(decompress(contentOf(node), this.#step.services.limitBytes), {
        root: into,
        directory: "/",
        keepTypes: false,
        owner: undefined,
        firstHostId: 0,
        whiteouts: false,
        limitHoleBytes: this.#step.services.limitBytes,
      });
    }
    const { top, owner, leavesOut } = place;
    using tree = new DisposableStack();
    const content = tree.use(PlainEntry.ofLayer(directory));
    yield* this.#draft.directory(top, owner);
    yield* this.#draft.entry(
      shownNode(content, {
        ...(owner !== undefined && { owner }),
        ...(options.mode !== undefined && { mode: options.mode }),
      }),
      top,
      leavesOut,
    );
  }

  #ownerOf(owner: FileOwner | undefined): DraftOwner | undefined {
    if (owner === undefined) return undefined;
    const { user, group } = owner;
    if (typeof user === "number" && typeof group === "number") return { uid: user, gid: group };
    const { passwd, groups } = this.#base.accounts();
    const { uid, gid } = resolveUser(
      group === undefined ? String(user) : `${user}:${group}`,
      [],
      passwd,
      groups,
    );
    return { uid, gid };
  }
}

interface CopyPlace {
  /** Without links, and without a slash before it. */
  readonly top: string;
  readonly intoDirectory: boolean;
  readonly owner: DraftOwner | undefined;
  readonly leavesOut: LeavesOut;
}

function parentOf(path: string): string {
  return path.split("/").slice(0, -1).join("/");
}

const tarMagicAt = 257;
const looksBytes = 512;

/** A tar, compressed or not, as far as its beginning tells. */
function isArchive(node: TreeNode): boolean {
  if (node.status.type !== "file") return false;
  using file = openContent(node);
  const start = beginningOf(file, looksBytes);
  if (compressionOf(start) !== undefined) return true;
  return new TextDecoder().decode(start.subarray(tarMagicAt, tarMagicAt + 5)) === "ustar";
}

function openContent(node: TreeNode): ReturnType<typeof openFile> {
  return openFile(undefined, `/proc/self/fd/${node.fd.raw}`, openFlags.readOnly);
}

function beginningOf(file: ReturnType<typeof openFile>, bytes: number): Uint8Array {
  const buffer = new Uint8Array(bytes);
  let filled = 0;
  while (filled < bytes) {
    const got = readSome(file, buffer.subarray(filled));
    if (got === 0) break;
    filled += got;
  }
  return buffer.subarray(0, filled);
}

const pieceBytes = 256 * 1024;

async function* contentOf(node: TreeNode): AsyncGenerator<Uint8Array> {
  using file = openContent(node);
  const piece = new Uint8Array(pieceBytes);
  for (let got = readSome(file, piece); got > 0; got = readSome(file, piece)) yield piece.subarray(0, got);
}
