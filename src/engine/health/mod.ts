/** Whether containers are well: asked again and again while they run, and told to whoever wants to know. */
export { HealthMonitor } from "./monitor.ts";
