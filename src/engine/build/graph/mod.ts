/** Builds as graphs. */
export * from "./operation.ts";
