/** `user[:group]` of `--chown` and `USER`, as an action has it. Pure. */
import type { FileOwner } from "../graph/mod.ts";

/** Of a user alone the group is that of its entry, and of a number the same number. */
export function ownerOf(text: string): FileOwner {
  const [user = "", group] = text.split(":");
  const word = (part: string): string | number => (/^\d{1,10}$/.test(part) ? Number(part) : part);
  if (group !== undefined) return { user: word(user), group: word(group) };
  const alone = word(user);
  return typeof alone === "number" ? { user: alone, group: alone } : { user: alone };
}
