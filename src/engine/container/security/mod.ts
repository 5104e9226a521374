/** What a container's process may do and who it is: capabilities, seccomp, security options, users. */
export { grantedCapabilities } from "./granted-capabilities.ts";
export { type SeccompCompiler, seccompCompiler } from "./seccomp.ts";
export { type UserCache, userCache } from "./user.ts";
