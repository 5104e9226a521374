/** From the wish for a network on a link of the host's to the link that it stands on, or to the reason why it cannot. Pure. */
import { TiffinError } from "../../lib/errors.ts";
import type { Link } from "../../linux/netlink/link.ts";
import type { Attachment, AttachmentRequest, Network } from "./model.ts";

export interface AttachmentSurroundings {
  /** What the network is to have; 0: what its parent has. */
  readonly mtu: number;
  readonly networks: readonly Network[];
  /** The name of a link that is made for the network alone. */
  readonly ownLink: string;
  readonly linkOf: (name: string) => Pick<Link, "mtuBytes"> | undefined;
}

function refuse(message: string, remedy: string): never {
  throw new TiffinError("invalid", "network.parent-invalid", message, { remedy, exitCode: 1 });
}

/** Errors: invalid `network.parent-invalid`, conflict `network.parent-in-use`. */
export function decideAttachment(
  request: AttachmentRequest,
  surroundings: AttachmentSurroundings,
): Attachment {
  const { ownLink, networks, linkOf } = surroundings;
  if (request.kind === "vxlan") {
    if (request.dev !== "") neededLink("dev", request.dev, linkOf);
    refuseTakenId(request.id, request.port, networks);
    return { kind: "vxlan", link: ownLink, made: request };
  }
  const underlay = underlayOf(request, surroundings);
  refuseLongFrames(underlay, surroundings);
  const attachment: Attachment =
    request.kind === "macvlan"
      ? { kind: request.kind, mode: request.mode, ...underlay }
      : { kind: request.kind, mode: request.mode, ...underlay };
  refuseMixture(attachment, networks);
  return attachment;
}

function underlayOf(
  request: Exclude<AttachmentRequest, { kind: "vxlan" }>,
  { ownLink, networks, linkOf }: AttachmentSurroundings,
): Pick<Attachment, "link" | "made"> {
  const { parent } = request;
  if (parent === "lo" || parent.startsWith("lo.")) {
    refuse(
      `the loopback interface lo is no valid ${request.kind} parent: it has no network outside`,
      "name another link, or none for a network that goes nowhere",
    );
  }
  if (request.kind === "macvlan" && request.vlanId !== undefined) {
    neededLink("parent", parent, linkOf);
    return { link: ownLink, made: { kind: "vlan", on: parent, id: request.vlanId } };
  }
  if (parent === "") return { link: ownLink, made: { kind: "dummy" } };
  // Two networks may stand on one; it goes with the last of them.
  const shared = networks.find(({ attachment }) => attachment?.link === parent)?.attachment?.made;
  if (shared !== undefined) return { link: parent, made: shared };
  if (linkOf(parent) !== undefined) return { link: parent };
  const [, on = "", id = ""] = /^(.+)\.(\d{1,4})$/.exec(parent) ?? [];
  const number = Number(id);
  if (on === "" || linkOf(on) === undefined || number < 1 || number > 4094)
    neededLink("parent", parent, linkOf);
  return { link: parent, made: { kind: "vlan", on, id: number } };
}

/** The kernel makes no link on a parent that takes longer frames than that. */
function refuseLongFrames(
  { link, made }: Pick<Attachment, "link" | "made">,
  at: AttachmentSurroundings,
): void {
  const name = made?.kind === "vlan" ? made.on : link;
  const parent = at.linkOf(name);
  if (parent === undefined || at.mtu <= parent.mtuBytes) return;
  throw new TiffinError(
    "invalid",
    "network.mtu-invalid",
    `invalid MTU ${at.mtu}: its parent ${name} has ${parent.mtuBytes}`,
    { remedy: "choose a smaller one, or give the parent a larger one" },
  );
}

function neededLink(option: string, name: string, linkOf: AttachmentSurroundings["linkOf"]): void {
  if (linkOf(name) !== undefined) return;
  refuse(
    `the requested ${option} interface ${name} was not found on the Docker host: there is no link of that name`,
    "name a link that `tiffin lab link ls` or `ip link` shows, or for a VLAN one like eth0.10 on a link that is there",
  );
}

/** The kernel gives a link's frames to one kind alone, and in the mode passthru to one container alone. */
function refuseMixture(wanted: Attachment, networks: readonly Network[]): void {
  const isAlone = (one: Attachment): boolean => one.kind === "macvlan" && one.mode === "passthru";
  for (const { attachment, name } of networks) {
    if (attachment === undefined || attachment.link !== wanted.link) continue;
    if (attachment.kind === wanted.kind && !isAlone(attachment) && !isAlone(wanted)) continue;
    throw new TiffinError(
      "conflict",
      "network.parent-in-use",
      `network ${name} is already using parent interface ${wanted.link} with the driver ${attachment.kind}`,
      { remedy: "use another parent, or remove that network" },
    );
  }
}

function refuseTakenId(id: number, port: number, networks: readonly Network[]): void {
  const rival = networks.find(
    ({ attachment: { made } = {} }) => made?.kind === "vxlan" && made.id === id && made.port === port,
  );
  if (rival === undefined) return;
  throw new TiffinError(
    "conflict",
    "network.parent-in-use",
    `network ${rival.name} is already using the vxlan ${id} at port ${port}`,
    { remedy: "use another id" },
  );
}
