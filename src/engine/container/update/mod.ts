/** New limits and another restart policy for a container that is there. */
export { updateContainer } from "./update.ts";
