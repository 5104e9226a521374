/** The door of what is done by hand with network namespaces and links, beside what the engine does with them. */
export { enterNetnsForGood, executeProgram } from "./exec-in-netns.ts";
export {
  makeNetnsFile,
  missingForNames,
  mountNewNetns,
  namedNetnsDirectory,
  namedNetnsNames,
  namedNetnsPath,
  netnsIdentity,
  openNamedNetns,
  openNetnsFile,
  prepareNamedNetns,
  removeNamedNetns,
  removeNamedNetnsDirectory,
} from "./named-netns.ts";
export { makeTunDevice, type TunKind } from "./tun.ts";
