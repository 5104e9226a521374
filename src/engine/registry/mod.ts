/** Registries: pull, push, resolve, login, search, and whose credentials are sent. How a caller sees it is in `contract.ts`. */
export type * from "./contract.ts";
export { credentialHost, credentialKey, decodeRegistryAuth, decodeRegistryConfig } from "./credentials.ts";
export {
  type DockerConfig,
  dockerConfigCredentials,
  eraseCredential,
  storeCredential,
} from "./docker-config.ts";
export { gzip } from "./gzip-stream.ts";
export { hostPlaces } from "./places.ts";
export { openRegistryClient } from "./registry-client.ts";
