/** Whether a registry lets somebody in. */
import { TiffinError } from "../../lib/errors.ts";
import type { Credential, LoginResult } from "./contract.ts";
import type { Operation } from "./operation.ts";

const unauthorized = 401;

/** Throws `unauthorized` when it does not. */
export async function login(
  operation: Operation,
  host: string,
  credential: Credential,
): Promise<LoginResult> {
  const connection = operation.connect(operation.hosts.registry(host, ""), credential, true);
  const answer = await connection.request({
    method: "GET",
    target: "/",
    scope: "",
    accepts: [200, unauthorized],
    what: `log in to ${host}`,
    signal: operation.signal,
  });
  await answer.discard();
  if (answer.status === unauthorized) {
    throw new TiffinError(
      "unauthorized",
      "registry.unauthorized",
      `cannot log in to ${host}: unauthorized: incorrect username or password`,
    );
  }
  const { identityToken } = connection;
  return identityToken === undefined ? {} : { identityToken };
}
