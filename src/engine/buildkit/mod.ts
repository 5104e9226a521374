/** Builds as BuildKit's clients ask for them. */
export { BuildKitService } from "./buildkit-service.ts";
