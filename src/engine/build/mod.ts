/** Images from Dockerfiles. */
export type { BuildRequest } from "./build-request.ts";
export { BuildService } from "./build-service.ts";
export { StepCache } from "./step-cache.ts";
