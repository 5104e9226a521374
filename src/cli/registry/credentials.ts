/** Who the user is to a registry: from `config.json`, or from the program that keeps the secret. */
import type { AuthConfig } from "../../docker/types/registry.ts";
import type { CliIo } from "../io.ts";
import { ConfigFile } from "./config-file.ts";

/** What docker.io is called in `config.json`. */
export const hubServer = "https://index.docker.io/v1/";
const hub = "docker.io";
/** A helper gives an identity token under this name. */
const tokenName = "<token>";
const missing = "credentials not found";

/** The key of a registry's entry, for its host as in a reference or as people write it. */
export function serverOf(host: string): string {
  const plain = host.replace(/^https?:\/\//, "").split("/", 1)[0] ?? "";
  return plain === "" || plain === hub || plain === "index.docker.io" || plain === "registry-1.docker.io"
    ? hubServer
    : plain;
}

/** Undefined when there is nothing to say who it is. Throws when the helper fails. */
export function credentialsOf(io: CliIo, host: string): AuthConfig | undefined {
  const config = ConfigFile.read(io);
  const server = serverOf(host);
  const helper = config.helperFor(server);
  if (helper !== "") return fromHelper(io, helper, server);
  const key = [server, ...config.servers].find(
    (one) => serverOf(one) === server && config.login(one) !== undefined,
  );
  const login = key === undefined ? undefined : config.login(key);
  if (login === undefined) return undefined;
  const pair = Buffer.from(login.auth, "base64").toString();
  const colon = pair.indexOf(":");
  const username = colon < 0 ? "" : pair.slice(0, colon);
  const password = colon < 0 ? "" : pair.slice(colon + 1).replace(/\0+$/, "");
  return { username, password, identitytoken: login.identityToken, serveraddress: server };
}

/** Who the user is wherever anything is known, by registry; a program that fails says nothing. */
export function allCredentials(io: CliIo): Record<string, AuthConfig> {
  const config = ConfigFile.read(io);
  const servers = new Set([...config.servers, ...config.helped].map(serverOf));
  const found: [string, AuthConfig][] = [];
  for (const server of servers) {
    try {
      const auth = credentialsOf(io, server);
      if (auth !== undefined) found.push([server, auth]);
    } catch {
      // Most builds need one registry, whose refusal is told then.
    }
  }
  return Object.fromEntries(found);
}

function fromHelper(io: CliIo, helper: string, server: string): AuthConfig | undefined {
  const answer = callHelper(io, helper, "get", server);
  if (answer === undefined) return undefined;
  const document: unknown = JSON.parse(answer);
  const field = (name: string): string => {
    const value: unknown =
      typeof document === "object" && document !== null
        ? Object.getOwnPropertyDescriptor(document, name)?.value
        : undefined;
    return typeof value === "string" ? value : "";
  };
  const username = field("Username");
  const secret = field("Secret");
  return username === tokenName
    ? { identitytoken: secret, serveraddress: server }
    : { username, password: secret, serveraddress: server };
}

/** Undefined when the helper knows nothing of it. */
function callHelper(
  io: CliIo,
  helper: string,
  verb: "get" | "store" | "erase",
  input: string,
): string | undefined {
  const program = `docker-credential-${helper}`;
  const { exitCode, stdout } = io.runProgram([program, verb], input);
  if (exitCode === 0) return stdout;
  if (stdout.toLowerCase().includes(missing)) return undefined;
  throw new Error(
    `error ${verb === "get" ? "getting" : "changing"} credentials: ${program} ${verb}: ${stdout.trim() || `exit ${exitCode}`}`,
  );
}

/** Keeps what the registry has accepted. True when it lies unencrypted in the file that is named. */
export function storeCredentials(
  io: CliIo,
  auth: AuthConfig,
): { readonly unencryptedIn: string | undefined } {
  const config = ConfigFile.read(io);
  const server = serverOf(auth.serveraddress ?? "");
  const { username = "", password = "", identitytoken = "" } = auth;
  const helper = config.helperFor(server);
  if (helper === "") {
    const pair = identitytoken === "" ? `${username}:${password}` : `${username}:`;
    config.setLogin(server, { auth: Buffer.from(pair).toString("base64"), identityToken: identitytoken });
    return { unencryptedIn: config.path };
  }
  const [name, secret] = identitytoken === "" ? [username, password] : [tokenName, identitytoken];
  callHelper(io, helper, "store", JSON.stringify({ ServerURL: server, Username: name, Secret: secret }));
  config.setLogin(server, {});
  return { unencryptedIn: undefined };
}

/** False when nobody was logged in. */
export function eraseCredentials(io: CliIo, host: string): boolean {
  const config = ConfigFile.read(io);
  const server = serverOf(host);
  const keys = config.servers.filter((one) => serverOf(one) === server);
  const helper = config.helperFor(server);
  const found = helper === "" ? undefined : callHelper(io, helper, "get", server);
  if (helper !== "" && found !== undefined) callHelper(io, helper, "erase", server);
  for (const key of keys) config.setLogin(key, undefined);
  return keys.length > 0 || found !== undefined;
}
