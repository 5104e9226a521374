/** The commands that people repeat, by every name they have. All others are done by the caller's own program. */
const served = [
  "run",
  "exec",
  "start",
  "stop",
  "restart",
  "kill",
  "pause",
  "unpause",
  "rm",
  "ps",
  "images",
  "inspect",
  "logs",
  "wait",
  "port",
  "top",
  "rename",
  "version",
  "build",
];

/** Whether a command with this name among others is performed by the engine. */
export function isServed(names: readonly string[]): boolean {
  return names.some((name) => served.includes(name));
}
