/** What a client's session offers beside files: credentials, secrets, an agent. */
import { field } from "../protobuf/field.ts";
import { message } from "../protobuf/message.ts";

export const nothing = message({});

export const credentialsRequest = message({ host: field.text(1) });
export const credentialsResponse = message({ username: field.text(1), secret: field.text(2) });

export const tokenRequest = message({
  clientId: field.text(1),
  host: field.text(2),
  realm: field.text(3),
  service: field.text(4),
  scopes: field.texts(5),
});
export const tokenResponse = message({
  token: field.text(1),
  /** Seconds. */
  expiresIn: field.integer(2),
  /** Seconds since 1970. */
  issuedAt: field.integer(3),
});

export const secretRequest = message({ id: field.text(1), annotations: field.textMap(2) });
export const secretResponse = message({ data: field.bytes(1) });

export const agentRequest = message({ id: field.text(1) });

/** grpc.health.v1 */
export const healthRequest = message({ service: field.text(1) });
export const healthResponse = message({ status: field.uint32(1) });
export const healthServing = 1;
