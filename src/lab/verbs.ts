/** The outline's verbs, each with the function that does it, loaded when it is called. */
import type { WordReader } from "./arguments.ts";
import type { nouns } from "./outline.ts";
import type { Session } from "./session.ts";

/** Returns an exit code where it is not zero. */
export type Run =
  | ((session: Session, words: WordReader) => void)
  | ((session: Session, words: WordReader) => number);

type NounName = (typeof nouns)[number]["name"];
type VerbName<N extends NounName> = keyof Extract<(typeof nouns)[number], { name: N }>["verbs"] & string;
type Room<N extends NounName> = () => Promise<Readonly<Record<VerbName<N>, Run>>>;

export const rooms: { readonly [N in NounName]: Room<N> } = {
  netns: () => import("./commands/netns.ts"),
  link: () => import("./commands/link.ts"),
  addr: () => import("./commands/addr.ts"),
  route: () => import("./commands/route.ts"),
  neigh: () => import("./commands/neigh.ts"),
  bridge: () => import("./commands/bridge.ts"),
  rule: () => import("./commands/rule.ts"),
};
