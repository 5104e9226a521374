/** Docker's config.json: the credentials in it, or with the helpers that it names. Other fields stay as they are. */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Decoded } from "../../lib/decoders.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { randomHex } from "../../lib/ids.ts";
import type { Credential, CredentialSource } from "./contract.ts";
import { askHelper, makeHelperForget, tellHelper } from "./credential-helper.ts";
import {
  credentialHost,
  credentialKey,
  credentialOf,
  dockerConfiguration,
  helperFor,
} from "./credentials.ts";

export interface DockerConfig {
  /** `~/.docker/config.json`, or `$DOCKER_CONFIG/config.json`. */
  readonly path: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

interface Content {
  readonly raw: Readonly<Record<string, unknown>>;
  readonly decoded: Decoded<typeof dockerConfiguration>;
}

const nothing: Content = { raw: {}, decoded: {} };

function read(path: string): Content {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return nothing;
    throw unreadable(path, thrown);
  }
  try {
    const raw: unknown = JSON.parse(content.trim() === "" ? "{}" : content);
    return { raw: Object.fromEntries(Object.entries(Object(raw))), decoded: dockerConfiguration(raw, "") };
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

function unreadable(path: string, thrown: unknown): TiffinError {
  return new TiffinError(
    "invalid",
    "registry.bad-configuration",
    `cannot read ${path}: ${messageOf(thrown)}`,
    {
      cause: thrown,
    },
  );
}

/** By a name of its own, then renamed: nobody sees half of it, and only its owner may read it. */
function write(path: string, content: Readonly<Record<string, unknown>>): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomHex(8)}`;
  try {
    writeFileSync(draft, `${JSON.stringify(content, undefined, "\t")}\n`, { mode: 0o600, flag: "wx" });
    renameSync(draft, path);
  } catch (thrown) {
    rmSync(draft, { force: true });
    throw new TiffinError(
      "unavailable",
      "registry.config-not-written",
      `cannot write ${path}: ${messageOf(thrown)}`,
      { cause: thrown },
    );
  }
}

/** The credentials that the file and its helpers have; it is read for each question. */
export function dockerConfigCredentials({ path, environment }: DockerConfig): CredentialSource {
  return async (host) => {
    const { decoded } = read(path);
    const helper = helperFor(decoded, host);
    if (helper !== undefined) return await askHelper({ helper, environment }, credentialKey(host));
    const entry = Object.entries(decoded.auths ?? {}).find(
      ([key]) => credentialHost(key) === credentialHost(host),
    );
    return entry === undefined ? undefined : credentialOf(entry[1]);
  };
}

/** Keeps a credential, with the host's helper where there is one; says whether the file holds it in the clear. */
export async function storeCredential(
  { path, environment }: DockerConfig,
  host: string,
  credential: Credential,
): Promise<{ readonly inTheClear: boolean }> {
  const { raw, decoded } = read(path);
  const key = credentialKey(host);
  const helper = helperFor(decoded, host);
  if (helper !== undefined) await tellHelper({ helper, environment }, key, credential);
  const { username = "", password = "", identityToken } = credential;
  const pair = `${username}:${identityToken === undefined ? password : ""}`;
  const entry = {
    auth: Buffer.from(pair).toString("base64"),
    ...(identityToken === undefined ? {} : { identitytoken: identityToken }),
  };
  const auths = { ...Object(raw["auths"]), [key]: helper === undefined ? entry : {} };
  write(path, { ...raw, auths });
  return { inTheClear: helper === undefined };
}

/** Forgets a host; false when nothing was kept for it. */
export async function eraseCredential({ path, environment }: DockerConfig, host: string): Promise<boolean> {
  const { raw, decoded } = read(path);
  const helper = helperFor(decoded, host);
  if (helper !== undefined) await makeHelperForget({ helper, environment }, credentialKey(host));
  const all = Object.entries<unknown>(Object(raw["auths"]));
  const kept = all.filter(([key]) => credentialHost(key) !== credentialHost(host));
  if (kept.length < all.length) write(path, { ...raw, auths: Object.fromEntries(kept) });
  return kept.length < all.length || helper !== undefined;
}
