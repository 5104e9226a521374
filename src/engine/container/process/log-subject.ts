/** What is said of a container beside the lines of its log, and whether more of them will come. */
import { shortId } from "../../../lib/ids.ts";
import { deliveryOf, type Speaker } from "../../log/mod.ts";
import type { ContainerContext } from "../context.ts";
import type { DeliverySubject } from "../delivery/mod.ts";
import { type Container, isAlive } from "../record/mod.ts";
import { chosenDetails, fillTag, type LogSubject, logDetails } from "../specification/mod.ts";

function subjectOf({ document, id, name }: Container): LogSubject | undefined {
  const { image, specification } = document;
  const { hostname, labels, log, process } = specification;
  if (log.kind === "none") return undefined;
  return {
    details: log.details,
    labels,
    environment: process.environment,
    tagValues: {
      ID: shortId(id),
      FullID: id,
      Name: name,
      ImageID: shortId(image.id.replace(/^sha256:/, "")),
      ImageFullID: image.id,
      ImageName: image.reference,
      Hostname: hostname,
      Command: process.arguments.join(" "),
      DaemonName: "tiffin",
    },
  };
}

export function logDetailsOf(container: Container): string {
  const subject = subjectOf(container);
  return subject === undefined ? "" : logDetails(subject);
}

/** What a follower of its log has to know about a container. */
export function writerOf(container: Container): {
  readonly alive: () => boolean;
  readonly onEnd: (told: () => void) => () => void;
} {
  return {
    // A container that has not started yet will write; one that has ended will not.
    alive: () => isAlive(container.state) || container.state.status === "starting",
    onEnd(told) {
      container.exits.add(told);
      container.removals.add(told);
      return () => {
        container.exits.delete(told);
        container.removals.delete(told);
      };
    },
  };
}

/** Its delivery elsewhere; undefined where none is wanted. */
export function deliverySubject(
  context: Pick<ContainerContext, "paths" | "facts">,
  container: Container,
): DeliverySubject | undefined {
  const { log, process } = container.document.specification;
  const subject = subjectOf(container);
  if (log.kind === "none" || log.delivery === undefined || subject === undefined) return undefined;
  const { logs, directory } = context.paths.container(container.id);
  const { tagValues } = subject;
  const speaker: Speaker = {
    id: container.id,
    name: container.name,
    imageId: container.document.image.id,
    imageName: container.document.image.reference,
    command: tagValues.Command,
    createdMs: container.createdMs,
    hostname: context.facts.hostname,
    tag: fillTag(log.details.tag === "" ? "{{.ID}}" : log.details.tag, tagValues),
    pid: ownPid(),
    extra: Object.fromEntries(chosenDetails(subject)),
  };
  return {
    id: container.id,
    delivery: deliveryOf(log.delivery.driver, log.delivery.options),
    speaker,
    tty: process.terminal !== null,
    logs,
    place: `${directory}/delivered`,
    followed: writerOf(container),
  };
}

function ownPid(): number {
  return process.pid;
}
