/** Creation: decided and written down; nothing runs yet. */
export type { CreateContext } from "./context.ts";
export { type CreateOptions, createContainer, decideContainer } from "./create.ts";
