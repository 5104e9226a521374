/** What running containers use. */
export { StatsCollector, type StatsOptions } from "./collector.ts";
