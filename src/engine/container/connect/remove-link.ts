/** Takes a link away, `/linking/alias`; both containers stay. A running one has the name in its /etc/hosts until its next start. */
import { TiffinError } from "../../../lib/errors.ts";
import { isAlive } from "../record/mod.ts";
import { linkWays } from "../start/mod.ts";
import { wantedBy } from "../view/mod.ts";
import type { ConnectContext } from "./context.ts";

/** Errors: `conflict` for the name of a container, `notFound`. */
export function removeLink(
  { registry, networks }: Pick<ConnectContext, "registry" | "networks">,
  reference: string,
): void {
  const name = reference.replace(/^\//, "");
  const slash = name.indexOf("/");
  if (slash < 0) {
    throw new TiffinError(
      "conflict",
      "container.link",
      "Conflict, cannot remove the default link name of the container",
      { remedy: "name the link: CONTAINER/ALIAS" },
    );
  }
  const container = registry.resolve(name.slice(0, slash));
  const alias = name.slice(slash + 1);
  const wanted = wantedBy(container);
  if (!wanted.some(({ links = [] }) => links.some((link) => link.alias === alias))) {
    throw new TiffinError("notFound", "container.link", `No such link: ${reference}`);
  }
  registry.setNetworks(
    container,
    wanted.map(({ links = [], ...endpoint }) => {
      const left = links.filter((link) => link.alias !== alias);
      return { ...endpoint, ...(left.length > 0 && { links: left }) };
    }),
  );
  if (isAlive(container.state)) networks.link(container.id, linkWays({ registry }, container));
}
