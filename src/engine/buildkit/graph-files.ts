/** LLB's changes of files as our builder's. */
import type { FileAction as Message, OwnerMessage } from "../../buildkit/mod.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { FileAction, FileOperand, FileOwner, Operation } from "../build/mod.ts";

function bad(what: string): TiffinError {
  return new TiffinError("invalid", "buildkit.graph", `invalid graph: ${what}`);
}

/** Numbers from the inputs' count on mean what earlier actions have made. */
function operandOf(index: number, inputCount: number, made: number): FileOperand {
  if (index < -1 || index >= inputCount + made) throw bad(`a change of files works on ${index}`);
  return index < inputCount ? { kind: "input", index } : { kind: "action", index: index - inputCount };
}

function idOf(user: OwnerMessage["user"]): string | number {
  return user?.byName?.name ?? user?.byId ?? 0;
}

function ownerOf(owner: OwnerMessage | undefined): { readonly owner?: FileOwner } {
  if (owner === undefined) return {};
  return { owner: { user: idOf(owner.user), group: idOf(owner.group) } };
}

function actionOf(message: Message, on: FileOperand, from: FileOperand): FileAction {
  const { copy, makeFile, makeDirectory, remove, symlink } = message;
  if (copy !== undefined) {
    const mode = copy.modeText !== "" ? copy.modeText : copy.mode >= 0 ? copy.mode.toString(8) : undefined;
    return {
      kind: "copy",
      on,
      from,
      source: copy.source,
      destination: copy.destination,
      options: {
        ...ownerOf(copy.owner),
        ...(mode !== undefined && { mode }),
        followLinks: copy.followSymlink,
        directoryContents: copy.contentsOnly,
        unpack: copy.unpack,
        makeDestination: copy.createPath,
        wildcard: copy.wildcard,
        allowEmptyWildcard: copy.emptyWildcard,
        include: copy.include,
        exclude: copy.exclude,
        parents: false,
      },
    };
  }
  if (makeFile !== undefined) {
    const { path, mode, data: content, owner } = makeFile;
    return { kind: "makeFile", on, path, mode, content, ...ownerOf(owner) };
  }
  if (makeDirectory !== undefined) {
    const { path, mode, parents, owner } = makeDirectory;
    return { kind: "makeDirectory", on, path, mode, parents, ...ownerOf(owner) };
  }
  if (remove !== undefined) {
    return {
      kind: "remove",
      on,
      path: remove.path,
      allowMissing: remove.allowNotFound,
      wildcard: remove.wildcard,
    };
  }
  if (symlink !== undefined) {
    return { kind: "symlink", on, path: symlink.path, target: symlink.target, ...ownerOf(symlink.owner) };
  }
  throw bad("a change of files that changes nothing");
}

/** Errors: `buildkit.graph`. */
export function fileOperation(messages: readonly Message[], inputCount: number): Operation {
  if (messages.length === 0) throw bad("no change of files");
  const actions = messages.map((message, made) =>
    actionOf(
      message,
      operandOf(message.input, inputCount, made),
      message.copy === undefined
        ? { kind: "input", index: -1 }
        : operandOf(message.secondary, inputCount, made),
    ),
  );
  const outputs = messages.flatMap(({ output }, index) => (output >= 0 ? [index] : []));
  if (outputs.length !== 1 || outputs[0] !== messages.length - 1) {
    throw new TiffinError(
      "notImplemented",
      "buildkit.graph",
      "changes of files with several results are not run here",
    );
  }
  return { kind: "files", actions };
}
