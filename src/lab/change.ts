/** What the bench can have made, as it stands in the journal. */
import { decoderKit, optional } from "../lib/decoders.ts";
import { TiffinError } from "../lib/errors.ts";

const { text, flag, integer, object } = decoderKit({
  code: "lab.journal",
  whole: "line of the journal",
  limitElements: 1000,
  nullIsEmpty: false,
  shownLength: 64,
  allowsNul: false,
});

/** A network namespace: its name, empty for the caller's own, and which one that was. */
const place = object({ name: text, identity: text });

const shapes = {
  /** The directory of names was made, or made a mount. */
  names: object({ directory: flag, mount: flag }),
  netns: object({ name: text }),
  link: object({ at: place, name: text, kind: text }),
  /** Settings of link `index` before they were changed. */
  settings: object({
    at: place,
    name: text,
    index: integer,
    up: optional(flag),
    mtu: optional(integer),
    mac: optional(text),
    /** By name; empty for none. */
    master: optional(text),
  }),
  rename: object({ at: place, name: text, index: integer, to: text }),
  move: object({ at: place, name: text, index: integer, to: place }),
  address: object({ at: place, link: text, address: text, length: integer }),
  route: object({
    at: place,
    family: integer,
    destination: optional(text),
    length: integer,
    gateway: optional(text),
    link: optional(text),
    source: optional(text),
    metric: optional(integer),
  }),
} as const;

export type Place = ReturnType<typeof place>;
type Shapes = typeof shapes;
export type Change = {
  readonly [K in keyof Shapes]: { readonly what: K } & ReturnType<Shapes[K]>;
}[keyof Shapes];

const kinds = object({ what: text });

/** Undefined when it is none. */
export function decodeChange(value: unknown): Change | undefined {
  try {
    const { what } = kinds(value, "");
    switch (what) {
      case "names":
        return { what, ...shapes.names(value, what) };
      case "netns":
        return { what, ...shapes.netns(value, what) };
      case "link":
        return { what, ...shapes.link(value, what) };
      case "settings":
        return { what, ...shapes.settings(value, what) };
      case "rename":
        return { what, ...shapes.rename(value, what) };
      case "move":
        return { what, ...shapes.move(value, what) };
      case "address":
        return { what, ...shapes.address(value, what) };
      case "route":
        return { what, ...shapes.route(value, what) };
      default:
        return undefined;
    }
  } catch (thrown) {
    if (thrown instanceof TiffinError) return undefined;
    throw thrown;
  }
}
