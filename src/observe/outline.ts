/** What can be asked about a process, as data: for help, completion and the reference pages, without anything that reads. */

export interface ViewOutline {
  readonly name: string;
  readonly summary: string;
}

/** In the order of help: what it is, what it has open, what it uses, where it lives. */
export const viewOutlines = [
  { name: "cmdline", summary: "the words that it was started with" },
  { name: "exe", summary: "the program file that it runs" },
  { name: "cwd", summary: "its current directory" },
  { name: "root", summary: "the directory that it sees as /" },
  { name: "environ", summary: "its environment, as it was when the program began" },
  { name: "status", summary: "identity, memory, signals and capabilities, decoded" },
  { name: "stat", summary: "the numbers that ps and top are made of" },
  { name: "statm", summary: "its memory in pages" },
  { name: "fd", summary: "open descriptors: files, pipes, sockets and their ends" },
  { name: "limits", summary: "resource limits, soft and hard" },
  { name: "maps", summary: "ranges of its address space" },
  { name: "smaps", summary: "what each range costs in memory" },
  { name: "mem", summary: "bytes of a range of its memory (--range)" },
  { name: "io", summary: "bytes read and written" },
  { name: "sched", summary: "what the scheduler knows of it" },
  { name: "oom", summary: "how soon the kernel kills it when memory runs out" },
  { name: "task", summary: "its threads" },
  { name: "mounts", summary: "its mount table" },
  { name: "cgroup", summary: "the control groups that it is in" },
  { name: "ns", summary: "the namespaces that it is in" },
  { name: "net", summary: "interfaces and sockets of its network namespace" },
] as const satisfies readonly ViewOutline[];

export type ViewName = (typeof viewOutlines)[number]["name"];

export function isViewName(name: string): name is ViewName {
  return viewOutlines.some((one) => one.name === name);
}
