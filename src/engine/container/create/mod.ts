/** Creation: decided and written down; nothing runs yet. */
export { type CreateOptions, createContainer } from "./create.ts";
