/** Where the time of a start went, as text: its phases, and the slowest of its operations. */
import type { ExplainLanguage, TraceResponse } from "../docker/types/explain.ts";
import { displayWidth } from "../lib/display-width.ts";
import { own } from "../lib/own.ts";
import { shownText } from "../lib/shown-name.ts";
import { alignColumns } from "./format/column-table.ts";

const nsPerMs = 1e6;

/** Ids are recognized by their beginning. */
function withShortIds(text: string): string {
  return text.replace(/[0-9a-f]{64}/g, (id) => `${id.slice(0, 12)}…`);
}

function milliseconds(nanoseconds: number): string {
  return `${(nanoseconds / nsPerMs).toFixed(3)} ms`;
}

/** In each language: what the phases are; the last of them is the sum of a part. */
const phaseMeanings = {
  lookUp: { en: "user, mounts, devices looked up", zh: "查找用户、挂载和设备" },
  network: { en: "network joined, or taken from those made ahead", zh: "接入网络,或者取用预先做好的" },
  compile: { en: "plan decided", zh: "定下计划" },
  host: {
    en: "control groups made, limits written, log and record opened",
    zh: "建立控制组,写入限制,打开日志和记录",
  },
  launch: { en: "executor taken, plan handed over, program running", zh: "取用执行器,交出计划,程序开始运行" },
  take: { en: "of launch: an executor that waits", zh: "launch 之中:取用等待着的执行器" },
  send: { en: "of launch: plan encoded and sent", zh: "launch 之中:编码并送出计划" },
  clone: {
    en: "of launch: in the executor, up to the new process",
    zh: "launch 之中:在执行器里,直到新进程出现",
  },
  exec: {
    en: "of launch: in the new process, up to its program",
    zh: "launch 之中:在新进程里,直到它的程序开始",
  },
  total: { en: "launch as a whole", zh: "整个启动" },
} as const satisfies Readonly<Record<string, Words>>;

type Words = Readonly<Record<ExplainLanguage, string>>;

/** Their heads, by tabs. */
const phaseHead: Words = { en: "PHASE\tTIME\tWHAT", zh: "阶段\t时间\t内容" };
const operationHead: Words = { en: "TIME\t#\tOPERATION\tON\tBECAUSE OF", zh: "时间\t#\t操作\t对象\t原因" };

export const notMeasured: Words = { en: "This start was not measured.", zh: "没有测量这次启动。" };

/** `most` operations, 0 for all. */
export function traceText(trace: TraceResponse, most: number, language: ExplainLanguage): string {
  const slowest = [...trace.Operations].sort((one, other) => other.Nanoseconds - one.Nanoseconds);
  const phases = Object.entries(trace.Phases).map(
    ([name, nanoseconds]) =>
      `${name}\t${milliseconds(nanoseconds)}\t${own<Words>(phaseMeanings, name)?.[language] ?? ""}`,
  );
  const operations = (most > 0 ? slowest.slice(0, most) : slowest).map(
    ({ Index, Operation, Target, Cause, Nanoseconds }) =>
      [milliseconds(Nanoseconds), Index, Operation, withShortIds(Target), Cause].map(shownText).join("\t"),
  );
  return [
    alignColumns([phaseHead[language], ...phases], undefined, displayWidth),
    alignColumns([operationHead[language], ...operations], undefined, displayWidth),
  ].join("\n");
}
