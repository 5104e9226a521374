/** Addresses that are fetched: git repositories as Docker writes them, and files. Pure. */
import type { GitSource } from "../graph/mod.ts";

/** A file of the web, or a part of a git repository. */
export type RemoteAddress =
  | { readonly kind: "http"; readonly url: string }
  | ({ readonly kind: "git" } & Pick<GitSource, "remote" | "ref" | "subdirectory">);

/** What the text means; undefined for what is no address. Throws `Error` for one that must not be. */
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
  const subdirectory = parts.join(":");
  if (queries.length > 0)
    throw new Error(`git address ${JSON.stringify(text)}: what stands behind ? is not known`);
  checkRemote(remote);
  checkRef(ref);
  checkSubdirectory(subdirectory);
  return { kind: "git", remote, ref, subdirectory };
}

/** What git would take for something else than an address. */
export function checkRemote(remote: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/^-|[\x00-\x20\x7f]|::/.test(remote)) throw new Error(`invalid git address ${JSON.stringify(remote)}`);
  const host =
    /^[a-z+]+:\/\/(?:[^/@]*@)?([^/]*)/.exec(remote)?.[1] ?? /^(?:[^/@]*@)?([^:/]*)/.exec(remote)?.[1];
  if (host?.startsWith("-") === true || /@-/.test(remote)) {
    throw new Error(`invalid git address ${JSON.stringify(remote)}: its host would be an option`);
  }
}

export function checkRef(ref: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  if (/^-|[\x00-\x20\x7f~^:?*[\\]|\.\.|@\{/.test(ref))
    throw new Error(`invalid git reference ${JSON.stringify(ref)}`);
}

export function checkSubdirectory(path: string): void {
  if (path.split("/").includes("..") || path.includes("\0")) {
    throw new Error(`invalid directory of a git repository ${JSON.stringify(path)}: it leads out of it`);
  }
}
