/**
 * Sentences that Docker's clients look at: either they match on them ("No such") or people
 * and scripts know them by heart. The wording is Docker's; everything else in the project words its own errors.
 */

export function noSuchContainer(name: string): string {
  return `No such container: ${name}`;
}

export function noNameSupplied(): string {
  return 'invalid name or ID supplied: ""';
}

export function noSuchImage(name: string): string {
  return `No such image: ${name}`;
}

/** Platforms as `os/architecture[/variant]`. */
export function otherPlatform(name: string, found: string, wanted: string): string {
  return `image with reference ${name} was found but its platform (${found}) does not match the specified platform (${wanted})`;
}

export function noSuchExec(id: string): string {
  return `No such exec instance: ${id}`;
}

export function ambiguousPrefix(prefix: string): string {
  return `Multiple IDs found with provided prefix: ${prefix}`;
}

/** `name` without the slash. */
export function nameTaken(name: string, id: string): string {
  return (
    `Conflict. The container name "/${name}" is already in use by container "${id}". ` +
    "You have to remove (or rename) that container to be able to reuse that name."
  );
}

export function sameName(): string {
  return "Renaming a container with the same name as its current name";
}

export function emptyName(): string {
  return "Neither old nor new names may be empty";
}

export function emptyConfig(): string {
  return "config cannot be empty in order to create a container";
}

export function noExecCommand(): string {
  return "No exec command specified";
}

export function notRunning(id: string): string {
  return `container ${id} is not running`;
}

/** Docker's own refuses without its experimental mode. */
export function noCheckpoint(name: string, checkpoint: string): string {
  return `cannot start container ${name} from checkpoint ${checkpoint}: checkpoints are kept by the runtime alone (tiffin-runtime checkpoint and restore)`;
}

export function cannotKill(name: string, id: string): string {
  return `cannot kill container: ${name}: ${notRunning(id)}`;
}

export function restarting(id: string): string {
  return `Container ${id} is restarting, wait until the container is running`;
}

export function alreadyPaused(id: string): string {
  return `Container ${id} is already paused`;
}

export function notPaused(id: string): string {
  return `Container ${id} is not paused`;
}

export function pausedBeforeExec(id: string): string {
  return `Container ${id} is paused, unpause the container before exec`;
}

export function pausedBeforeAttach(id: string): string {
  return `container ${id} is paused, unpause the container before attach`;
}

/** `state` is `running`, `paused` or `restarting`; `name` without the slash. */
export function removeActive(name: string, state: string): string {
  const remedy =
    state === "paused"
      ? "unpause and then stop the container before removing or force remove"
      : "stop the container before removing or force remove";
  return `cannot remove container "/${name}": container is ${state}: ${remedy}`;
}

export function removalInProgress(id: string): string {
  return `removal of container ${id} is already in progress`;
}

export function execAlreadyRan(id: string): string {
  return `Error: Exec command ${id} has already run`;
}

export function execAlreadyRunning(id: string): string {
  return `Error: Exec command ${id} is already running`;
}

export function invalidSignal(signal: string): string {
  return `invalid signal: ${signal}`;
}

export function invalidCondition(condition: string): string {
  return `invalid condition: ${JSON.stringify(condition)}`;
}

export function invalidFilter(name: string): string {
  return `invalid filter '${name}'`;
}

export function chooseStream(): string {
  return "Bad parameters: you must choose at least one stream";
}

export function invalidDetachKeys(keys: string): string {
  return `Invalid detach keys (${keys}) provided`;
}

export function pageNotFound(): string {
  return "page not found";
}

export function malformedVersion(asked: string): string {
  return `invalid API version: ${asked}`;
}

export function clientTooNew(asked: string, newest: string): string {
  return `client version ${asked} is too new. Maximum supported API version is ${newest}`;
}

export function clientTooOld(asked: string, oldest: string): string {
  return (
    `client version ${asked} is too old. Minimum supported API version is ${oldest}, ` +
    "please upgrade your client to a newer version"
  );
}

export function unsupportedContentType(found: string): string {
  return `unsupported Content-Type header (${found}): must be 'application/json'`;
}

export function bindSourceMissing(path: string): string {
  return `invalid mount config for type "bind": bind source path does not exist: ${path}`;
}

export function nonShareableIpc(id: string): string {
  return `can't join IPC of container ${id}: non-shareable IPC (hint: use IpcMode:shareable for the donor container)`;
}

/** `what` is the beginning of a sentence: "pulling and importing images". */
export function notThereYet(what: string): string {
  return `${what} is not there yet in this engine`;
}

export function notInSwarm(): string {
  return "This node is not part of a swarm";
}

export function noSuchPlugin(name: string): string {
  return `plugin ${JSON.stringify(name)} not found`;
}

export function notSwarmManager(): string {
  return 'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';
}

/** `name` as it was given; both ids short. */
export function referenceInUse(name: string, container: string, image: string): string {
  return (
    `conflict: unable to remove repository reference ${JSON.stringify(name)} (must force) - ` +
    `container ${container} is using its referenced image ${image}`
  );
}

/** `image` is a short id; `hard` means that force does not help. */
export function cannotDeleteImage(image: string, hard: boolean, why: string): string {
  return `conflict: unable to delete ${image} (${hard ? "cannot" : "must"} be forced) - ${why}`;
}

export function pruneRunning(): string {
  return "a prune operation is already running";
}

const longestVolumeName = 255;

export function invalidVolumeName(name: string): string {
  const tooLong = longestVolumeName < name.length ? `, at most ${longestVolumeName} characters,` : "";
  return `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]"${tooLong} are allowed. If you intended to pass a host directory, use absolute path`;
}

/** Whatever was to be done with it. */
export function noSuchVolume(name: string): string {
  return `get ${name}: no such volume`;
}

export function volumeInUse(name: string, containers: readonly string[]): string {
  return `remove ${name}: volume is in use - [${containers.join(", ")}]`;
}

export function volumeOfAnotherDriver(name: string): string {
  return `create ${name}: conflict: volume name must be unique`;
}

export function unknownVolumeDriver(driver: string): string {
  return `error looking up volume plugin ${driver}: plugin "${driver}" not found`;
}

export function streamOfOneShot(): string {
  return "cannot have stream=true and one-shot=true";
}

export function cannotUpdate(id: string, why: string): string {
  return `Cannot update container ${id}: ${why}`;
}

export function markedForRemoval(attempt: string): string {
  return `Container is marked for removal and cannot be "${attempt}".`;
}
