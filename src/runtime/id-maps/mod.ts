/** The door of id maps: user namespaces with given maps, and maps that need the help of set-uid programs. */
export { mapIdsByHelpers } from "./id-map-helpers.ts";
export { openUserNamespace } from "./user-namespace.ts";
