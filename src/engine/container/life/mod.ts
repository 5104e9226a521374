/** What drives containers through their lives: `run`, restart policies, recovery after the engine's own end. */
export type { LifeContext } from "./context.ts";
export { recoverContainers } from "./recover.ts";
export { forgetRestarts, pauseBeforeNext, restartUnhealthy, startLater } from "./restart.ts";
export { restartContainer } from "./restart-by-hand.ts";
export { type RunSession, runContainer } from "./run.ts";
