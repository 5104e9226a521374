/** Where a kernel parameter is, below /proc/sys. Pure. */
import { TiffinError } from "../lib/errors.ts";

const unsafeParts = new Set(["", ".", ".."]);

/** `net.ipv4.ip_forward` or `net/ipv4/ip_forward`; in the second form a dot is part of a name. */
export function sysctlPath(key: string): string {
  const [dot, slash] = [key.indexOf("."), key.indexOf("/")];
  const slashed = slash >= 0 && (dot < 0 || slash < dot);
  const parts = slashed ? key.split("/") : key.split(".").map((part) => part.replaceAll("/", "."));
  if (parts.some((part) => unsafeParts.has(part))) {
    throw new TiffinError("invalid", "plan.sysctl-name", `sysctl ${JSON.stringify(key)} is not a name`);
  }
  return parts.join("/");
}
