/** The door of `oci`: types only; decoders are imported from `decode/` by those who need them. */
export type * from "./id-mapping.ts";
export type * from "./image-spec.ts";
export type * from "./linux-spec.ts";
export type * from "./resources.ts";
export type * from "./runtime-spec.ts";
export type * from "./seccomp-spec.ts";
