/**
 * A git repository's files, by the host's git(1). Nothing that the repository or its address says is an option, a hook, a filter or a
 * program: addresses and references stand behind `--`, only networks are protocols, and no configuration but this is read.
 */

import { listDirectory, removeTree } from "../../../kernel/directory.ts";
import { processEnd } from "../../../kernel/exit-watch.ts";
import { exists, makeDirectory, openFile, openFlags, readBytes } from "../../../kernel/files.ts";
import { openPidfd, reapChild } from "../../../kernel/pidfd.ts";
import { spawn } from "../../../kernel/spawn.ts";
import { TreeView } from "../../../kernel/tree-view.ts";
import { nowMs } from "../../../lib/clock.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { checkRef, checkRemote, checkSubdirectory } from "../compile/mod.ts";
import type { GitSource, Vertex } from "../graph/mod.ts";
import { resolvedPath } from "./sources.ts";
import type { StepContext } from "./step-context.ts";

const directoryMode = 0o700;
const limitOutputBytes = 256 * 1024;
const searchPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** The directory with the files. Errors: `build.git`. */
export async function gitTree(step: StepContext, vertex: Vertex, source: GitSource): Promise<string> {
  const { remote, ref, subdirectory, checksum, keepGitDirectory, submodules = true } = source;
  checkRemote(remote);
  checkRef(ref);
  checkSubdirectory(subdirectory);
  if (/^-/.test(checksum ?? "")) throw new TiffinError("invalid", "build.git", "a commit is digits");
  const git = new Git(step, vertex, remote);
  await git.prepare();
  const commit = /^[0-9a-f]{40}$/.test(ref) ? ref : undefined;
  await git.run(["init", "--quiet", "."]);
  // Addresses of submodules may begin where this one is.
  await git.run(["remote", "add", "--", "origin", git.remote]);
  const wanted = ref === "" ? "HEAD" : ref;
  try {
    await git.run(["fetch", "--quiet", "--depth=1", "--no-tags", "--", git.remote, wanted]);
  } catch (thrown) {
    // Some servers give no single commit.
    if (commit === undefined) throw thrown;
    await git.run(["fetch", "--quiet", "--tags", "--", git.remote, "+refs/heads/*:refs/remotes/origin/*"]);
  }
  await git.run(["checkout", "--quiet", "--detach", commit ?? "FETCH_HEAD", "--"]);
  if (submodules && exists(`${git.directory}/.gitmodules`)) {
    await git.run(["submodule", "--quiet", "update", "--init", "--recursive", "--depth=1"]);
  }
  const found = (await git.run(["rev-parse", "HEAD"])).trim();
  if (checksum !== undefined && !found.startsWith(checksum)) {
    throw new TiffinError(
      "invalid",
      "build.git",
      `${shownRemote(remote)}: expected checksum to match ${checksum}, got ${found}`,
    );
  }
  if (!keepGitDirectory) removeGitDirectories(git.directory);
  return insideOf(git.directory, subdirectory);
}

/** Without what lets somebody in. */
export function shownRemote(remote: string): string {
  return remote.replace(/^([a-z+]+:\/\/)[^/@]*@/i, "$1***@");
}

function insideOf(directory: string, subdirectory: string): string {
  using tree = new TreeView([directory]);
  const path = resolvedPath(tree, subdirectory);
  using found = tree.find(path);
  if (found?.isDirectory === true) return path === "" ? directory : `${directory}/${path}`;
  throw new TiffinError(
    "invalid",
    "build.git",
    `there is no directory ${JSON.stringify(subdirectory)} in the repository`,
  );
}

/** Those of submodules are files that lead to the one at the top. */
function removeGitDirectories(directory: string): void {
  using open = openFile(undefined, directory, openFlags.readOnly | openFlags.directory);
  for (const { name, type } of listDirectory(open, directory)) {
    if (name === ".git") removeTree(`${directory}/${name}`);
    else if (type === "directory") removeGitDirectories(`${directory}/${name}`);
  }
}

class Git {
  readonly directory: string;
  readonly #step: StepContext;
  readonly #vertex: Vertex;
  /** Without what lets somebody in, which goes another way: so it is in no file, list of processes or message. */
  readonly remote: string;
  readonly #user: string | undefined;
  readonly #home: string;
  #credentials: readonly string[] = [];
  #program = "";

  constructor(step: StepContext, vertex: Vertex, remote: string) {
    this.#step = step;
    this.#vertex = vertex;
    const { address, user } = withoutUser(remote);
    this.remote = address;
    this.#user = user;
    const place = step.place.directory();
    this.directory = `${place}/files`;
    this.#home = `${place}/home`;
    makeDirectory(this.directory, directoryMode);
    makeDirectory(this.#home, directoryMode);
  }

  async prepare(): Promise<void> {
    const program = searchPath.split(":").find((directory) => exists(`${directory}/git`));
    if (program === undefined) {
      throw new TiffinError("unavailable", "build.git", "there is no program git on this host", {
        remedy: "install git, or give a directory as the build context",
      });
    }
    this.#program = `${program}/git`;
    this.#credentials = await this.#authorisation();
  }

  /** What it prints. */
  async run(words: readonly string[]): Promise<string> {
    const { signal, report } = this.#step;
    signal.throwIfAborted();
    const output = `${this.#home}/output`;
    const errors = `${this.#home}/errors`;
    const flags = openFlags.writeOnly | openFlags.create | openFlags.truncate;
    let pid: number;
    {
      using out = openFile(undefined, output, flags, { mode: 0o600 });
      using err = openFile(undefined, errors, flags, { mode: 0o600 });
      pid = spawn({
        executable: this.#program,
        argv: ["git", ...settings, ...words],
        env: [...this.#environment(), ...this.#credentials],
        fds: [
          [out, 1],
          [err, 2],
        ],
        cwd: this.directory,
        newSession: true,
      });
    }
    using pidfd = openPidfd(pid);
    const ended = pidfd === undefined || (await processEnd(pidfd, signal));
    if (!ended) killSession(pid);
    const end = reapChild(pid, { block: true });
    signal.throwIfAborted();
    const said = textOf(errors);
    const data = new TextEncoder().encode(said);
    if (data.length > 0) report({ kind: "log", vertex: this.#vertex.digest, stream: 2, data, atMs: nowMs() });
    if (typeof end === "object" && end.kind === "exited" && end.code === 0) return textOf(output);
    throw new TiffinError(
      "invalid",
      "build.git",
      `git ${words[0] ?? ""} of ${shownRemote(this.remote)} failed: ${shownRemote(said.trim()) || "it says nothing"}`,
    );
  }

  #environment(): string[] {
    return [
      `PATH=${searchPath}`,
      `HOME=${this.#home}`,
      "LC_ALL=C",
      "GIT_TERMINAL_PROMPT=0",
      "GIT_CONFIG_NOSYSTEM=1",
      "GIT_CONFIG_GLOBAL=/dev/null",
      "GIT_ALLOW_PROTOCOL=https:http:git:ssh",
      "GIT_LFS_SKIP_SMUDGE=1",
      "GIT_SSH_COMMAND=ssh -F /dev/null -o BatchMode=yes -o StrictHostKeyChecking=accept-new",
    ];
  }

  /** What the address says, or a token among the secrets, as BuildKit names it; not where others of this host could read it. */
  async #authorisation(): Promise<string[]> {
    const { inputs } = this.#step;
    const { host, protocol } = URL.canParse(this.remote) ? new URL(this.remote) : { host: "", protocol: "" };
    if (protocol !== "https:" && protocol !== "http:") return [];
    const token = (await inputs.secret(`GIT_AUTH_TOKEN.${host}`)) ?? (await inputs.secret("GIT_AUTH_TOKEN"));
    const user =
      this.#user ??
      (token === undefined ? undefined : `x-access-token:${new TextDecoder().decode(token).trim()}`);
    if (user === undefined) return [];
    const pair = Buffer.from(user).toString("base64");
    return [
      "GIT_CONFIG_COUNT=1",
      `GIT_CONFIG_KEY_0=http.${protocol}//${host}/.extraheader`,
      `GIT_CONFIG_VALUE_0=Authorization: basic ${pair}`,
    ];
  }
}

/** Of http alone: another protocol's user is a name, and no secret. */
function withoutUser(remote: string): { readonly address: string; readonly user: string | undefined } {
  const [, start = "", user, rest = ""] = /^(https?:\/\/)([^/@]*)@(.*)$/i.exec(remote) ?? [];
  if (user === undefined) return { address: remote, user };
  try {
    return { address: `${start}${rest}`, user: decodeURIComponent(user) };
  } catch {
    return { address: `${start}${rest}`, user };
  }
}

const settings = [
  "-c",
  "core.hooksPath=/dev/null",
  "-c",
  "core.fsmonitor=false",
  "-c",
  "protocol.file.allow=never",
  "-c",
  "protocol.ext.allow=never",
  "-c",
  "advice.detachedHead=false",
];

function killSession(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function textOf(path: string): string {
  try {
    return new TextDecoder().decode(readBytes(path, limitOutputBytes));
  } catch {
    return "";
  }
}
