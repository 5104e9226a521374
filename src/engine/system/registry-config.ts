/** Registries as `GET /info` shows them: which may do without TLS, which have mirrors. Pure. */
import type { InfoResponse } from "../../docker/types/system.ts";

/** What Docker's clients log in to when nobody says where. */
export const indexServer = "https://index.docker.io/v1/";
const loopback = ["::1/128", "127.0.0.0/8"];

export function registryConfig(
  insecure: readonly string[],
  mirrors: readonly string[],
): NonNullable<InfoResponse["RegistryConfig"]> {
  const blocks = insecure.filter((entry) => entry.includes("/"));
  const hosts = insecure.filter((entry) => !entry.includes("/"));
  const hub = { Name: "docker.io", Mirrors: [...mirrors], Secure: true, Official: true };
  return {
    InsecureRegistryCIDRs: [...loopback, ...blocks],
    IndexConfigs: Object.fromEntries([
      ["docker.io", hub],
      ...hosts.map((Name) => [Name, { Name, Mirrors: [], Secure: false, Official: false }] as const),
    ]),
    Mirrors: [...mirrors],
  };
}
