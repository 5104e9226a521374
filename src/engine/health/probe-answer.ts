/** What the ways to ask have in common: what is asked, and what is answered. */
import { formatGoDuration } from "../../docker/go-duration.ts";
import type { HealthSpecification } from "../container/mod.ts";

type Test = HealthSpecification["test"];

/** By the engine itself. */
export type NativeTest = Extract<Test, { readonly kind: "tcp" | "http" | "grpc" }>;
/** By a program in the container. */
export type ExecTest = Exclude<Test, NativeTest>;

export function isNative(test: Test): test is NativeTest {
  return test.kind === "tcp" || test.kind === "http" || test.kind === "grpc";
}

/** What a check says; `exitCode` -1 when it comes to no result. */
export interface ProbeAnswer {
  readonly exitCode: number;
  readonly output: string;
}

export function timeoutText(timeoutMs: number, output: string): string {
  const said = output === "" ? "" : `: ${output}`;
  return `Health check exceeded timeout (${formatGoDuration(timeoutMs * 1e6)})${said}`;
}
