/** What the engine counts and traces of itself. */
export { type Family, metricsMediaTypes, renderMetrics } from "./exposition.ts";
export { SpanExporter } from "./span-exporter.ts";
export { type StartedContainer, Telemetry } from "./telemetry.ts";
