/** The door of `oci`: types, digests and platforms; decoders are imported from `decode/` by those who need them. */
export * from "./digest.ts";
export * from "./id-mapping.ts";
export * from "./image-spec.ts";
export type * from "./linux-spec.ts";
export * from "./platform.ts";
export type * from "./resources.ts";
export type * from "./runtime-spec.ts";
export type * from "./seccomp-spec.ts";
