/** What a registry is told. */
import type { AuthConfig } from "../docker/types/registry.ts";

export interface RegistryOptions {
  /** For the registry; nobody without it. */
  readonly auth?: AuthConfig;
  /** `os/arch[/variant]` */
  readonly platform?: string;
  readonly signal?: AbortSignal | undefined;
}
