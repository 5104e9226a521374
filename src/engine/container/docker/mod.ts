/** Docker's documents: a create body becomes a specification here, and a specification becomes documents again. Pure. */
export { checkConnection } from "./check-request.ts";
export { type BodyCircumstances, type DecodedBody, decodeCreateBody } from "./create-body.ts";
export type { DockerDocuments } from "./documents.ts";
export { documentsOf } from "./documents-of.ts";
export { decodeLink, linkText } from "./links.ts";
export { defaultLogDriver, logDrivers } from "./log-options.ts";
export { networkMode } from "./network-mode.ts";
export { decodeFirstDocument, storedDocuments } from "./stored-documents.ts";
export { decodeUpdateBody, type EnvironmentChange, type WantedUpdate } from "./update-body.ts";
export { wantedEndpointOf } from "./wanted-endpoint.ts";
