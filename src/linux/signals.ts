/** Signal names and numbers (x86_64 and aarch64 agree), and what Docker accepts as a signal. */
import { own } from "../lib/own.ts";
export const signalNumbers = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGILL: 4,
  SIGTRAP: 5,
  SIGABRT: 6,
  SIGBUS: 7,
  SIGFPE: 8,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGSEGV: 11,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGALRM: 14,
  SIGTERM: 15,
  SIGSTKFLT: 16,
  SIGCHLD: 17,
  SIGCONT: 18,
  SIGSTOP: 19,
  SIGTSTP: 20,
  SIGTTIN: 21,
  SIGTTOU: 22,
  SIGURG: 23,
  SIGXCPU: 24,
  SIGXFSZ: 25,
  SIGVTALRM: 26,
  SIGPROF: 27,
  SIGWINCH: 28,
  SIGIO: 29,
  SIGPWR: 30,
  SIGSYS: 31,
} as const satisfies Record<string, number>;

export type SignalName = keyof typeof signalNumbers;

/** Other names of the same signals. */
const aliases: Readonly<Record<string, SignalName>> = {
  SIGIOT: "SIGABRT",
  SIGCLD: "SIGCHLD",
  SIGPOLL: "SIGIO",
};

export const highestSignal = 64;
/** glibc keeps 32 and 33; its real-time range starts here. */
const realtimeMinimum = 34;

function isSignalName(name: string): name is SignalName {
  return Object.hasOwn(signalNumbers, name);
}

/**
 * The number of `TERM`, `SIGTERM`, `sigterm`, `15`, `RTMIN+3`, `RTMAX-1`. Undefined when it is no signal; 0 is
 * none either.
 */
export function parseSignal(text: string): number | undefined {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    return number >= 1 && number <= highestSignal ? number : undefined;
  }
  const upper = text.toUpperCase();
  const name = upper.startsWith("SIG") ? upper : `SIG${upper}`;
  if (isSignalName(name)) return signalNumbers[name];
  const alias = own(aliases, name);
  if (alias !== undefined) return signalNumbers[alias];
  const realtime = /^SIGRT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realtime === null) return undefined;
  const offset = Number(realtime[3] ?? "0");
  const fromMinimum = realtime[1] === "MIN";
  // RTMIN counts up and RTMAX down; the other sign has no meaning.
  if (realtime[2] !== undefined && (realtime[2] === "+") !== fromMinimum) return undefined;
  const number = fromMinimum ? realtimeMinimum + offset : highestSignal - offset;
  return number >= realtimeMinimum && number <= highestSignal ? number : undefined;
}

const byNumber = new Map<number, SignalName>(
  Object.entries(signalNumbers).flatMap(([name, number]) => (isSignalName(name) ? [[number, name]] : [])),
);

/** `SIGTERM` for 15, `SIGRTMIN+3` for 37; `signal 99` for what has no name. */
export function signalName(number: number): string {
  const name = byNumber.get(number);
  if (name !== undefined) return name;
  if (number < realtimeMinimum || number > highestSignal) return `signal ${number}`;
  return number === realtimeMinimum ? "SIGRTMIN" : `SIGRTMIN+${number - realtimeMinimum}`;
}
