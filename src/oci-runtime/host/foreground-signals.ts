/** Signals that a caller who waits for its program passes on to it. */
import { signalNumbers } from "../../linux/signals.ts";

/** Not the ones that a fault of this program raises, that its own threads use, or that cannot be caught. */
export const foregroundSignals: readonly number[] = (
  [
    ...["SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGTERM", "SIGCONT"],
    ...["SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGVTALRM", "SIGPROF", "SIGIO"],
  ] as const
).map((name) => signalNumbers[name as keyof typeof signalNumbers]);
