/** `tiffin port`. */
import type { ContainerInspect } from "../../docker/types/container.ts";
import { own } from "../../lib/own.ts";
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";

type Ports = NonNullable<ContainerInspect["NetworkSettings"]>["Ports"];

/** `0.0.0.0:80`, `[::]:80`. */
interface Binding {
  readonly HostIp?: string | undefined;
  readonly HostPort?: string | undefined;
}

function addressOf({ HostIp = "", HostPort = "" }: Binding): string {
  return HostIp.includes(":") ? `[${HostIp}]:${HostPort}` : `${HostIp}:${HostPort}`;
}

/** All of them by number, or those of one port. Throws when that one is not published. */
export function portLines(ports: Ports, name: string, wanted: string | undefined): string[] {
  if (wanted !== undefined) {
    const key = wanted.includes("/") ? wanted : `${wanted}/tcp`;
    if (!/^\d{1,5}$/.test(key.slice(0, key.indexOf("/")))) throw new Error(`Error: invalid port '${wanted}'`);
    const found = own(ports ?? {}, key) ?? [];
    if (found.length === 0) throw new Error(`Error: No public port '${wanted}' published for ${name}`);
    return found.map(addressOf);
  }
  const keys = Object.keys(ports ?? {}).sort(
    (a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10) || (a < b ? -1 : 1),
  );
  return keys.flatMap((key) =>
    (own(ports ?? {}, key) ?? []).map((binding) => `${key} -> ${addressOf(binding)}`),
  );
}

export const command = defineCommand({
  names: ["container port", "port"],
  usage: "CONTAINER [PRIVATE_PORT[/PROTO]]",
  summary: "List port mappings or a specific mapping for the container",
  flags: {},
  least: 1,
  most: 2,
  async run({ positionals, context }) {
    const [name = "", wanted] = positionals;
    const api = await context.api();
    const { NetworkSettings } = await api.document("containerInspect", { params: { name: cleanName(name) } });
    const lines = portLines(NetworkSettings?.Ports ?? {}, name, wanted);
    context.out(lines.map((line) => `${line}\n`).join(""));
    return 0;
  },
});
