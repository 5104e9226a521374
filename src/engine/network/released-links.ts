/**
 * The link of a container that ended goes with its namespace, which the kernel takes apart in its own time; deleting
 * it ourselves would make the engine wait for that. So a released address rests here until its link is gone, and a
 * link that something still pins is deleted after all.
 */
import { findLink, NetlinkError, type NetlinkSocket } from "../../kernel/netlink/mod.ts";
import { after, type Timer } from "../../lib/timer.ts";
import { deleteLink } from "../../linux/netlink/link.ts";

interface Resting {
  readonly hostLink: string;
  readonly giveAddress: () => void;
  looks: number;
}

const lookMs = 250;
/** Looks until a pinned link is deleted: a namespace without processes is gone long before. */
const patience = 8;

export class ReleasedLinks {
  readonly #route: NetlinkSocket;
  readonly #report: (thrown: unknown) => void;
  #resting: Resting[] = [];
  #timer: Timer | undefined;

  constructor(route: NetlinkSocket, report: (thrown: unknown) => void) {
    this.#route = route;
    this.#report = report;
  }

  /** `giveAddress` is called once the link is gone. */
  add(hostLink: string, giveAddress: () => void): void {
    this.#resting.push({ hostLink, giveAddress, looks: 0 });
    this.#schedule();
  }

  /** Deletes what is left now; afterwards every address is free. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const { hostLink, giveAddress } of this.#resting.splice(0)) {
      this.#delete(hostLink);
      giveAddress();
    }
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#resting = [];
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#resting.length === 0) return;
    this.#timer = after(lookMs, () => this.#look(), { background: true });
  }

  #look(): void {
    this.#timer = undefined;
    this.#resting = this.#resting.filter((resting) => {
      try {
        return this.#stillThere(resting);
      } catch (thrown) {
        this.#report(thrown);
        return true;
      }
    });
    this.#schedule();
  }

  #stillThere(resting: Resting): boolean {
    if (findLink(this.#route, resting.hostLink) !== undefined) {
      resting.looks += 1;
      if (resting.looks < patience) return true;
      this.#delete(resting.hostLink);
    }
    resting.giveAddress();
    return false;
  }

  #delete(hostLink: string): void {
    try {
      this.#route.execute([deleteLink(hostLink)]);
    } catch (thrown) {
      if (!(thrown instanceof NetlinkError) || thrown.code !== "ENODEV") throw thrown;
    }
  }
}
