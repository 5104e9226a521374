/**
 * Every command by name, each loaded only when it is called. The import paths are literals so that the build can put them
 * into the executable.
 */
import type { Command } from "./command.ts";

export interface CommandEntry {
  /** Full names without the program's, the shortest last. */
  readonly names: readonly [string, ...string[]];
  readonly summary: string;
  load(): Promise<Command>;
}

export const commandTable: readonly CommandEntry[] = [
  {
    names: ["container run", "run"],
    summary: "Create and run a new container from an image",
    load: async () => (await import("./commands/run.ts")).command,
  },
  {
    names: ["container exec", "exec"],
    summary: "Execute a command in a running container",
    load: async () => (await import("./commands/exec.ts")).command,
  },
  {
    names: ["container ls", "container list", "container ps", "ps"],
    summary: "List containers",
    load: async () => (await import("./commands/ps.ts")).command,
  },
  {
    names: ["image ls", "image list", "images"],
    summary: "List images",
    load: async () => (await import("./commands/images.ts")).command,
  },
  {
    names: ["image build", "build"],
    summary: "Build an image from a Dockerfile",
    load: async () => (await import("./commands/build.ts")).command,
  },
  {
    names: ["version"],
    summary: "Show the versions of the client and the engine",
    load: async () => (await import("./commands/version.ts")).command,
  },
  {
    names: ["system info", "info"],
    summary: "Display system-wide information",
    load: async () => (await import("./commands/info.ts")).command,
  },
  {
    names: ["container attach", "attach"],
    summary: "Attach standard input, output and error to a running container",
    load: async () => (await import("./commands/attach.ts")).command,
  },
  {
    names: ["completion"],
    summary: "Print a completion script for a shell",
    load: async () => (await import("./commands/completion.ts")).command,
  },
  {
    names: ["container restart", "restart"],
    summary: "Restart one or more containers",
    load: async () => (await import("./commands/restart.ts")).command,
  },
  {
    names: ["container pause", "pause"],
    summary: "Pause all processes within one or more containers",
    load: async () => (await import("./commands/pause.ts")).command,
  },
  {
    names: ["container unpause", "unpause"],
    summary: "Unpause all processes within one or more containers",
    load: async () => (await import("./commands/unpause.ts")).command,
  },
  {
    names: ["container top", "top"],
    summary: "Display the running processes of a container",
    load: async () => (await import("./commands/top.ts")).command,
  },
  {
    names: ["container prune"],
    summary: "Remove all stopped containers",
    load: async () => (await import("./commands/container-prune.ts")).command,
  },
  {
    names: ["system prune"],
    summary: "Remove unused data",
    load: async () => (await import("./commands/system-prune.ts")).command,
  },
  {
    names: ["container stats", "stats"],
    summary: "Display a live stream of container(s) resource usage statistics",
    load: async () => (await import("./commands/stats.ts")).command,
  },
  {
    names: ["container port", "port"],
    summary: "List port mappings or a specific mapping for the container",
    load: async () => (await import("./commands/port.ts")).command,
  },
  {
    names: ["system events", "events"],
    summary: "Get real time events from the engine",
    load: async () => (await import("./commands/events.ts")).command,
  },
  {
    names: ["volume create"],
    summary: "Create a volume",
    load: async () => (await import("./commands/volume-create.ts")).command,
  },
  {
    names: ["volume inspect"],
    summary: "Show everything about volumes",
    load: async () => (await import("./commands/inspect.ts")).volumeCommand,
  },
  {
    names: ["volume ls", "volume list"],
    summary: "List volumes",
    load: async () => (await import("./commands/volume-ls.ts")).command,
  },
  {
    names: ["builder prune"],
    summary: "Remove build cache",
    load: async () => (await import("./commands/builder-prune.ts")).command,
  },
  {
    names: ["volume prune"],
    summary: "Remove unused local volumes",
    load: async () => (await import("./commands/volume-prune.ts")).command,
  },
  {
    names: ["volume rm", "volume remove"],
    summary: "Remove one or more volumes",
    load: async () => (await import("./commands/volume-rm.ts")).command,
  },
  {
    names: ["container cp", "cp"],
    summary: "Copy files/folders between a container and the local filesystem",
    load: async () => (await import("./commands/cp.ts")).command,
  },
  {
    names: ["container create", "create"],
    summary: "Create a new container",
    load: async () => (await import("./commands/create.ts")).command,
  },
  {
    names: ["container explain", "explain"],
    summary: "Show every kernel operation of a start, an exec, a removal or a network",
    load: async () => (await import("./commands/explain.ts")).command,
  },
  {
    names: ["inspect"],
    summary: "Show everything about containers, images, volumes and networks",
    load: async () => (await import("./commands/inspect.ts")).command,
  },
  {
    names: ["container inspect"],
    summary: "Show everything about containers",
    load: async () => (await import("./commands/inspect.ts")).containerCommand,
  },
  {
    names: ["image inspect"],
    summary: "Show everything about images",
    load: async () => (await import("./commands/inspect.ts")).imageCommand,
  },
  {
    names: ["image history", "history"],
    summary: "Show the history of an image",
    load: async () => (await import("./commands/history.ts")).command,
  },
  {
    names: ["image rm", "image remove", "rmi"],
    summary: "Remove one or more images",
    load: async () => (await import("./commands/rmi.ts")).command,
  },
  {
    names: ["image tag", "tag"],
    summary: "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    load: async () => (await import("./commands/tag.ts")).command,
  },
  {
    names: ["image pull", "pull"],
    summary: "Download an image from a registry",
    load: async () => (await import("./commands/pull.ts")).command,
  },
  {
    names: ["image push", "push"],
    summary: "Upload an image to a registry",
    load: async () => (await import("./commands/push.ts")).command,
  },
  {
    names: ["login"],
    summary: "Log in to a registry",
    load: async () => (await import("./commands/login.ts")).command,
  },
  {
    names: ["logout"],
    summary: "Log out from a registry",
    load: async () => (await import("./commands/logout.ts")).command,
  },
  {
    names: ["search"],
    summary: "Search a registry for images",
    load: async () => (await import("./commands/search.ts")).command,
  },
  {
    names: ["image load", "load"],
    summary: "Load images from a tar archive or standard input",
    load: async () => (await import("./commands/load.ts")).command,
  },
  {
    names: ["image save", "save"],
    summary: "Save images to a tar archive, or to standard output",
    load: async () => (await import("./commands/save.ts")).command,
  },
  {
    names: ["image import", "import"],
    summary: "Make an image from the tar of a root file system",
    load: async () => (await import("./commands/import.ts")).command,
  },
  {
    names: ["image check"],
    summary: "Compare the layers of images with what was written",
    load: async () => (await import("./commands/image-check.ts")).command,
  },
  {
    names: ["context ls", "context list"],
    summary: "List contexts",
    load: async () => (await import("./commands/context.ts")).commands.ls,
  },
  {
    names: ["context use"],
    summary: "Choose the context that is used where nothing is said",
    load: async () => (await import("./commands/context.ts")).commands.use,
  },
  {
    names: ["context show"],
    summary: "Print the name of the current context",
    load: async () => (await import("./commands/context.ts")).commands.show,
  },
  {
    names: ["context create"],
    summary: "Create a context",
    load: async () => (await import("./commands/context.ts")).commands.create,
  },
  {
    names: ["context inspect"],
    summary: "Show contexts",
    load: async () => (await import("./commands/context.ts")).commands.inspect,
  },
  {
    names: ["context rm", "context remove"],
    summary: "Remove one or more contexts",
    load: async () => (await import("./commands/context.ts")).commands.rm,
  },
  {
    names: ["system dial-stdio"],
    summary: "Connect standard input and output to the engine (for ssh://)",
    load: async () => (await import("./commands/system-dial-stdio.ts")).command,
  },
  {
    names: ["system migrate"],
    summary: "Take over images, volumes, networks and stopped containers of another engine",
    load: async () => (await import("./commands/system-migrate.ts")).command,
  },
  {
    names: ["system service"],
    summary: "Make the engine a service of systemd",
    load: async () => (await import("./commands/system-service.ts")).command,
  },
  {
    names: ["system df"],
    summary: "Show what images, containers and volumes hold on disk",
    load: async () => (await import("./commands/system-df.ts")).command,
  },
  {
    names: ["image prune"],
    summary: "Remove unused images",
    load: async () => (await import("./commands/image-prune.ts")).command,
  },
  {
    names: ["container commit", "commit"],
    summary: "Create a new image from a container's changes",
    load: async () => (await import("./commands/commit.ts")).command,
  },
  {
    names: ["container diff", "diff"],
    summary: "Inspect changes to files or directories on a container's filesystem",
    load: async () => (await import("./commands/diff.ts")).command,
  },
  {
    names: ["container export", "export"],
    summary: "Export a container's filesystem as a tar archive",
    load: async () => (await import("./commands/export.ts")).command,
  },
  {
    names: ["container kill", "kill"],
    summary: "Kill one or more running containers",
    load: async () => (await import("./commands/kill.ts")).command,
  },
  {
    names: ["container logs", "logs"],
    summary: "Fetch the logs of a container",
    load: async () => (await import("./commands/logs.ts")).command,
  },
  {
    names: ["container rename", "rename"],
    summary: "Rename a container",
    load: async () => (await import("./commands/rename.ts")).command,
  },
  {
    names: ["container remove", "container rm", "rm"],
    summary: "Remove one or more containers",
    load: async () => (await import("./commands/rm.ts")).command,
  },
  {
    names: ["container start", "start"],
    summary: "Start one or more stopped containers",
    load: async () => (await import("./commands/start.ts")).command,
  },
  {
    names: ["container stop", "stop"],
    summary: "Stop one or more running containers",
    load: async () => (await import("./commands/stop.ts")).command,
  },
  {
    names: ["container update", "update"],
    summary: "Update configuration of one or more containers",
    load: async () => (await import("./commands/update.ts")).command,
  },
  {
    names: ["container wait", "wait"],
    summary: "Wait until containers stop, then print their exit codes",
    load: async () => (await import("./commands/wait.ts")).command,
  },
  {
    names: ["manifest annotate"],
    summary: "Say what a manifest of a list is for",
    load: async () => (await import("./commands/manifest-annotate.ts")).command,
  },
  {
    names: ["manifest create"],
    summary: "Begin a list of manifests that are in a registry",
    load: async () => (await import("./commands/manifest-create.ts")).command,
  },
  {
    names: ["manifest inspect"],
    summary: "Show a manifest, or a list of them",
    load: async () => (await import("./commands/manifest-inspect.ts")).command,
  },
  {
    names: ["manifest push"],
    summary: "Upload a list of manifests to a registry",
    load: async () => (await import("./commands/manifest-push.ts")).command,
  },
  {
    names: ["manifest rm"],
    summary: "Forget lists of manifests that are not pushed yet",
    load: async () => (await import("./commands/manifest-rm.ts")).command,
  },
  {
    names: ["network connect"],
    summary: "Connect a container to a network",
    load: async () => (await import("./commands/network-connect.ts")).command,
  },
  {
    names: ["network create"],
    summary: "Create a network",
    load: async () => (await import("./commands/network-create.ts")).command,
  },
  {
    names: ["network disconnect"],
    summary: "Disconnect a container from a network",
    load: async () => (await import("./commands/network-disconnect.ts")).command,
  },
  {
    names: ["network inspect"],
    summary: "Show everything about networks",
    load: async () => (await import("./commands/inspect.ts")).networkCommand,
  },
  {
    names: ["network list", "network ls"],
    summary: "List networks",
    load: async () => (await import("./commands/network-ls.ts")).command,
  },
  {
    names: ["network prune"],
    summary: "Remove all unused networks",
    load: async () => (await import("./commands/network-prune.ts")).command,
  },
  {
    names: ["network remove", "network rm"],
    summary: "Remove one or more networks",
    load: async () => (await import("./commands/network-rm.ts")).command,
  },
  {
    names: ["trace"],
    summary: "Show where the time of a container's start went",
    load: async () => (await import("./commands/trace.ts")).command,
  },
  {
    names: ["why"],
    summary: "Say whether one reaches the other, and what decides it",
    load: async () => (await import("./commands/why.ts")).command,
  },
  {
    names: ["proc"],
    summary: "Show what the kernel knows of a process",
    load: async () => (await import("./commands/proc.ts")).command,
  },
  {
    names: ["ns"],
    summary: "List the namespaces of this machine and who lives in them",
    load: async () => (await import("./commands/ns.ts")).command,
  },
  {
    names: ["cgroup"],
    summary: "Show limits, usage and pressure of a container's control groups, up to the root",
    load: async () => (await import("./commands/cgroup.ts")).command,
  },
  {
    names: ["check"],
    summary: "Check whether this machine can run containers, and what is in the way",
    load: async () => (await import("./commands/check.ts")).command,
  },
  {
    names: ["debug bundle"],
    summary: "Write an archive with versions, state and plans for a report of a fault, secrets masked",
    load: async () => (await import("./commands/debug-bundle.ts")).command,
  },
];

/** Groups whose members are the two-word names above. */
export const commandGroups: readonly { readonly name: string; readonly summary: string }[] = [
  { name: "builder", summary: "Manage builds" },
  { name: "container", summary: "Manage containers" },
  { name: "debug", summary: "Find out what is wrong" },
  { name: "context", summary: "Manage contexts: named engines, here and elsewhere" },
  { name: "image", summary: "Manage images" },
  { name: "manifest", summary: "Manage manifests and lists of them in registries" },
  { name: "network", summary: "Manage networks" },
  { name: "system", summary: "Manage the engine" },
  { name: "volume", summary: "Manage volumes" },
];

/** The commands shown first in the help of the program. */
export const commonCommands: readonly string[] = ["run", "exec", "ps", "images", "version", "info"];

/** The entry with exactly this name. */
export function findCommand(name: string): CommandEntry | undefined {
  return commandTable.find((entry) => entry.names.includes(name));
}
