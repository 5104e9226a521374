/** What a container's process may do and who it is: capabilities, seccomp, security options, users. */
export { decideCapabilities } from "./capability-set.ts";
export { type SeccompCompiler, seccompCompiler } from "./seccomp.ts";
export { decodeSecurityOptions } from "./security-options.ts";
export { type UserCache, userCache } from "./user.ts";
