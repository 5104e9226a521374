/** Names of containers for containers. */
export type { Asker } from "./answer.ts";
export { NameServers } from "./name-servers.ts";
