/**
 * /etc/hosts and /etc/resolv.conf of a container that runs, when its networks or linked containers change. What somebody
 * wrote there stays: lines are added and taken from hosts, and a resolv.conf that is not as the engine wrote it is left alone.
 */
import { openFlags, openInRoot, rewriteText } from "../../../kernel/files.ts";
import { SyscallError } from "../../../kernel/syscall.ts";
import { builtInIds, type EndpointRecord } from "../../network/mod.ts";
import { openOfProcess } from "../process/mod.ts";
import { type Container, holdOf, isAlive } from "../record/mod.ts";
import type { StartContext } from "./context.ts";
import { defaultLinks, linkedAs, linkLine, linkNames, linkWays } from "./links.ts";
import { addressesOf, changedHosts, hostsHead, ownLine } from "./network-files.ts";
import { resolverText } from "./start-plan.ts";

/** The endpoints of a running container are others than `before`. */
export function followNetworks(
  context: StartContext,
  container: Container,
  before: readonly EndpointRecord[],
): void {
  const { endpoints } = holdOf(container.state);
  for (const user of [container, ...sharing(context, container)]) {
    const { specification } = user.document;
    const lines = (list: readonly EndpointRecord[]): string[] =>
      list.flatMap(addressesOf).map((address) => ownLine(address, specification));
    const gone = new Set(lines(before));
    rewrite(context, user, "/etc/hosts", (text) =>
      text.startsWith(hostsHead.join("\n"))
        ? changedHosts(text, (line) => gone.has(line), lines(endpoints))
        : text,
    );
    const [old, wanted] = [resolverText(context, user, before), resolverText(context, user, endpoints)];
    if (old !== wanted) rewrite(context, user, "/etc/resolv.conf", (text) => (text === old ? wanted : text));
  }
}

/** `linked` runs again, maybe at another address: those that link to it find it there. */
export function followLinked(context: StartContext, linked: Container): void {
  if (!holdOf(linked.state).endpoints.some(({ network }) => network === builtInIds.bridge)) return;
  for (const container of context.registry.all()) {
    if (container === linked || !isAlive(container.state)) continue;
    const ways = linkWays(context, container);
    if (ways.some(({ to }) => to === linked.id)) context.networks.link(container.id, ways);
    for (const { container: reference, alias } of defaultLinks(container)) {
      const found =
        reference === linked.id || reference === linked.name ? linkedAs(alias, linked) : undefined;
      if (found === undefined) continue;
      const names = linkNames(found);
      rewrite(context, container, "/etc/hosts", (text) =>
        changedHosts(text, (line) => line.endsWith(`\t${names}`), [linkLine(found)]),
      );
    }
  }
}

/** Those that use the container's network. */
function sharing({ registry }: StartContext, { id }: Container): Container[] {
  return [...registry.all()].filter(({ state, document }) => {
    const { network } = document.specification;
    return network.kind === "container" && isAlive(state) && registry.idOf(network.container) === id;
  });
}

function rewrite(
  context: StartContext,
  container: Container,
  path: string,
  change: (text: string) => string,
): void {
  // Whatever a user put there, or around it, is the user's.
  const ownMount = container.document.specification.mounts.some(
    ({ target }) => path === target || path.startsWith(`${target}/`),
  );
  if (ownMount || container.process === undefined) return;
  try {
    using root = openOfProcess(container, "root", openFlags.path | openFlags.directory);
    using file = openInRoot(root, path, openFlags.readWrite | openFlags.noFollow | openFlags.nonBlocking);
    rewriteText(file, change);
  } catch (thrown) {
    // It has taken the file away, made it read-only, or ended: nothing of the change depends on it.
    if (!(thrown instanceof SyscallError)) context.report(thrown);
  }
}
