/** A start: look up, compile, prepare, launch; and `explain`, which stops after compiling. */
export type { StartContext } from "./context.ts";
export { explainContainer } from "./explain.ts";
export { linkedEnvironment } from "./links.ts";
export { followNetworks } from "./living-files.ts";
export { alreadyRunning, startContainer } from "./start.ts";
export { endpointRequest } from "./start-network.ts";
