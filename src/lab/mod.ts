/** The door of the bench. */
export { helpText } from "./help.ts";
export { type Failpoint, failpoints, type LabHost } from "./lab-host.ts";
export { runLab } from "./run-lab.ts";
