/** Other limits, restart policy, labels, environment or check of health for a container that is there. */
export { updateContainer } from "./update.ts";
