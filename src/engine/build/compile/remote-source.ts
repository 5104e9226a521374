/** Addresses that are fetched: git repositories as Docker writes them, and files. Pure. */
import { TiffinError } from "../../../lib/errors.ts";
import type { GitSource } from "../graph/mod.ts";

/** A file of the web, or a part of a git repository. */
export type RemoteAddress =
  | { readonly kind: "http"; readonly url: string }
  | ({ readonly kind: "git" } & Pick<
      GitSource,
      "remote" | "ref" | "subdirectory" | "checksum" | "submodules"
    > &
      Partial<Pick<GitSource, "keepGitDirectory">>);

/** What the text means; undefined for what is no address. Errors: `build.git`. */
export function remoteAddress(text: string): RemoteAddress | undefined {
  if (/^https?:\/\/\S+?\.git(?:[?#]|$)/.test(text) || /^(?:git|ssh):\/\//.test(text)) return gitAddress(text);
  if (/^[A-Za-z0-9_.-]+@[A-Za-z0-9_.-]+:[^\s:]/.test(text)) return gitAddress(text);
  if (/^github\.com\//.test(text)) return gitAddress(`https://${text}`);
  if (/^https?:\/\//.test(text)) return { kind: "http", url: text };
  return undefined;
}

function gitAddress(text: string): RemoteAddress {
  const [withoutFragment = "", ...fragments] = text.split("#");
  const [remote = "", ...queries] = withoutFragment.split("?");
  const [ref = "", ...parts] = fragments.join("#").split(":");
  const fragment = { ref, subdirectory: parts.join(":") };
  const query = queryOf(queries.join("?"), text);
  const address = { kind: "git" as const, remote, ...joined(fragment, query, text) };
  checkRemote(remote);
  checkRef(address.ref);
  checkSubdirectory(address.subdirectory);
  return address;
}

type GitWishes = Omit<RemoteAddress & { kind: "git" }, "kind" | "remote">;

const queryNames = ["ref", "branch", "tag", "checksum", "commit", "subdir", "keep-git-dir", "submodules"];

/** What stands behind `?`, as Docker has it since its Dockerfile 1.18. */
function queryOf(query: string, text: string): GitWishes {
  const invalid = (why: string): TiffinError => invalidAddress(`git address ${JSON.stringify(text)}: ${why}`);
  const values = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(query)) {
    if (!queryNames.includes(name)) {
      throw invalid(`unknown query ${name} (there are: ${queryNames.join(", ")})`);
    }
    const key = name === "commit" ? "checksum" : name;
    if (values.has(key)) throw invalid(`${key} is said twice`);
    values.set(key, value);
  }
  const refs = [
    ["ref", ""],
    ["branch", "refs/heads/"],
    ["tag", "refs/tags/"],
  ].flatMap(([name = "", prefix = ""]) => {
    const value = values.get(name) ?? "";
    return value === "" ? [] : [value.startsWith("refs/") ? value : `${prefix}${value}`];
  });
  if (refs.length > 1) throw invalid("only one of ref, branch and tag can be said");
  const flag = (name: string): boolean | undefined => {
    const value = values.get(name);
    if (value === undefined) return undefined;
    if (["", "true", "1"].includes(value)) return true;
    if (["false", "0"].includes(value)) return false;
    throw invalid(`${name} is neither true nor false`);
  };
  const checksum = values.get("checksum") ?? "";
  if (checksum !== "" && !/^[0-9a-f]{7,64}$/.test(checksum))
    throw invalid("a checksum is digits of a commit");
  const keepGitDirectory = flag("keep-git-dir");
  const submodules = flag("submodules");
  return {
    ref: refs[0] ?? "",
    subdirectory: values.get("subdir") ?? "",
    ...(checksum !== "" && { checksum }),
    ...(keepGitDirectory !== undefined && { keepGitDirectory }),
    ...(submodules !== undefined && { submodules }),
  };
}

function joined(
  fragment: { readonly ref: string; readonly subdirectory: string },
  query: GitWishes,
  text: string,
): GitWishes {
  for (const part of ["ref", "subdirectory"] as const) {
    if (fragment[part] === "" || query[part] === "") continue;
    throw invalidAddress(
      `git address ${JSON.stringify(text)}: what stands behind # contradicts what stands behind ?`,
    );
  }
  return {
    ...query,
    ref: fragment.ref || query.ref,
    subdirectory: fragment.subdirectory || query.subdirectory,
  };
}

/** What git would take for something else than an address. */
export function checkRemote(remote: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/^-|[\x00-\x20\x7f]|::/.test(remote))
    throw invalidAddress(`invalid git address ${JSON.stringify(remote)}`);
  const host =
    /^[a-z+]+:\/\/(?:[^/@]*@)?([^/]*)/.exec(remote)?.[1] ?? /^(?:[^/@]*@)?([^:/]*)/.exec(remote)?.[1];
  if (host?.startsWith("-") === true || /@-/.test(remote)) {
    throw invalidAddress(`invalid git address ${JSON.stringify(remote)}: its host would be an option`);
  }
}

export function checkRef(ref: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/^-|[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{/.test(ref))
    throw invalidAddress(`invalid git reference ${JSON.stringify(ref)}`);
}

export function checkSubdirectory(path: string): void {
  if (path.split("/").includes("..") || path.includes("\0")) {
    throw invalidAddress(`invalid directory of a git repository ${JSON.stringify(path)}: it leads out of it`);
  }
}

function invalidAddress(text: string): TiffinError {
  return new TiffinError("invalid", "build.git", text);
}
