/** Dockerfiles as graphs. */
export { compileDockerfile, platformArguments } from "./compile-dockerfile.ts";
export {
  type BaseImage,
  baseKey,
  type Compiled,
  type CompiledStage,
  type CompileOptions,
  type WantedBase,
} from "./compile-options.ts";
export { checkRef, checkRemote, checkSubdirectory, remoteAddress } from "./remote-source.ts";
