/** A start: look up, compile, prepare, launch. The first two alone are what an explanation wants. */
export type { StartContext } from "./context.ts";
export { linkedEnvironment, linkWays } from "./links.ts";
export { followNetworks } from "./living-files.ts";
export { alreadyRunning, startContainer } from "./start.ts";
export { endpointRequest, portRequest, sharedContainer } from "./start-network.ts";
export { compilePlan, hashOfPlan, inspectStart } from "./start-plan.ts";
