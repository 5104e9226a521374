/** `tiffin login`. */
import { EngineError } from "../../client/api-error.ts";
import type { AuthConfig } from "../../docker/types/registry.ts";
import { defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { text, toggle } from "../flags/flag.ts";
import { standardInput } from "../input-stream.ts";
import { readAnswer, readSecret } from "../prompt.ts";
import { credentialsOf, hubServer, serverOf, storeCredentials } from "../registry/credentials.ts";

const limitPasswordBytes = 64 * 1024;

async function passwordFromInput(context: CliContext): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of standardInput(context.io)) {
    bytes += piece.length;
    if (bytes > limitPasswordBytes) throw new Error(`the password has more than ${limitPasswordBytes} bytes`);
    parts.push(piece);
  }
  return Buffer.concat(parts)
    .toString()
    .replace(/[\r\n]+$/, "");
}

async function accept(context: CliContext, auth: AuthConfig): Promise<void> {
  const api = await context.api();
  const { IdentityToken = "", Status } = await api.document("auth", { body: auth });
  const kept = IdentityToken === "" ? auth : { ...auth, password: "", identitytoken: IdentityToken };
  const { unencryptedIn } = storeCredentials(context.io, kept);
  if (unencryptedIn !== undefined) {
    context.err(
      `\nWARNING! Your credentials are stored unencrypted in '${unencryptedIn}'.\n` +
        "Configure a credential helper (credsStore in that file) to remove this warning.\n\n",
    );
  }
  context.out(`${Status}\n`);
}

async function withStored(context: CliContext, server: string): Promise<boolean> {
  const stored = credentialsOf(context.io, server);
  if (stored === undefined || (stored.username ?? "") === "" || (stored.password ?? "") === "") return false;
  context.err("Authenticating with existing credentials...\n");
  try {
    await accept(context, stored);
    return true;
  } catch (thrown) {
    if (!(thrown instanceof EngineError) || thrown.kind !== "unauthorized") throw thrown;
    context.err(`Login did not succeed, error: ${thrown.message}\n`);
    return false;
  }
}

export const command = defineCommand({
  names: ["login"],
  usage: "[OPTIONS] [SERVER]",
  summary: "Log in to a registry",
  flags: {
    password: text("p", "Password"),
    "password-stdin": toggle("", "Take the password from standard input"),
    username: text("u", "Username"),
  },
  least: 0,
  most: 1,
  async run({ values, given, positionals, context }) {
    const { io } = context;
    const server = serverOf(positionals[0] ?? "");
    let { username, password } = values;
    if (given.has("password")) {
      if (values["password-stdin"])
        throw new Error("conflicting options: cannot specify both --password and --password-stdin");
      context.err("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    }
    if (values["password-stdin"]) {
      if (username === "") throw new Error("the --password-stdin option requires --username to be set");
      password = await passwordFromInput(context);
    }
    if (username === "" && password === "" && (await withStored(context, server))) return 0;
    if (username === "" || password === "") {
      if (!io.isTerminal(0))
        throw new Error("Error: Cannot perform an interactive login from a non TTY device");
      if (server === hubServer) context.out("Log in with your name on Docker Hub.\n");
      if (username === "") username = await readAnswer(context, "Username: ");
      if (username === "") throw new Error("username is required");
      if (password === "") password = await readSecret(context, "Password: ");
      if (password === "") throw new Error("password is required");
    }
    await accept(context, { username, password, serveraddress: server });
    return 0;
  },
});
