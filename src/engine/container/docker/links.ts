/** Docker's words for links between containers: `name:alias`, `name`, and what its inspect says, `/name:/linking/alias`. Pure. */
import { type ContainerLink, refuse } from "../specification/mod.ts";

/** Errors: `container.link`. */
export function decodeLink(text: string): ContainerLink {
  if (text === "") refuse("link", "empty string specified for links");
  const parts = text.split(":");
  const [container = "", alias = container] = parts;
  if (parts.length > 2) refuse("link", `bad format for links: ${text}`);
  const link = {
    container: container.replace(/^\//, ""),
    alias: alias.startsWith("/") ? alias.slice(alias.lastIndexOf("/") + 1) : alias,
  };
  if (link.container === "" || link.alias === "") refuse("link", `bad format for links: ${text}`);
  return link;
}

/** As inspect says it. */
export function linkText(linking: string, { alias }: ContainerLink, linked: string): string {
  return `/${linked}:/${linking}/${alias}`;
}

/** What the earlier ones say counts. */
export function distinctLinks(links: readonly ContainerLink[]): ContainerLink[] {
  const byAlias = new Map<string, ContainerLink>();
  for (const link of links) if (!byAlias.has(link.alias)) byAlias.set(link.alias, link);
  return [...byAlias.values()];
}
