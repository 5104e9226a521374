/** Labels as filters ask for them: `name`, or `name=value`. Pure. */
import { own } from "../lib/own.ts";

export function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const sign = wanted.indexOf("=");
  const found = own(labels, sign < 0 ? wanted : wanted.slice(0, sign));
  return found !== undefined && (sign < 0 || found === wanted.slice(sign + 1));
}
