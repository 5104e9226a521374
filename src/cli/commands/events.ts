/** `tiffin events`. */
import type { EventMessage } from "../../docker/types/event.ts";
import { defineCommand } from "../command.ts";
import { describeError } from "../describe-error.ts";
import { PlainFailure } from "../exit-reports.ts";
import { filter } from "../flags/filter-flag.ts";
import { text } from "../flags/flag.ts";
import { documentFormat } from "../format/document-format.ts";
import { localNanoTime } from "../format/human.ts";
import { parseLogTime } from "../log-time.ts";

/** `2024-01-02T03:04:05.000000006+01:00 container start ID (image=base, name=web)` */
export function eventLine({ Type, Action, Actor, timeNano }: EventMessage): string {
  const attributes = Object.entries(Actor.Attributes)
    .map(([key, value]) => `${key}=${value}`)
    .sort();
  const shown = attributes.length === 0 ? "" : ` (${attributes.join(", ")})`;
  return `${localNanoTime(BigInt(timeNano))} ${Type} ${Action} ${Actor.ID}${shown}`;
}

/** A template is tried on an event without anything before any is waited for. */
async function eventFormat(format: string): Promise<(event: unknown) => string> {
  const unreadable = "Error parsing format: ";
  const show = await documentFormat(format, { unreadable });
  try {
    show({}, "*events.Message");
  } catch (thrown) {
    throw new PlainFailure(unreadable + describeError(thrown), badFormatExit);
  }
  return (event) => show(event, "events.Message");
}

const badFormatExit = 64;

export const command = defineCommand({
  names: ["system events", "events"],
  usage: "[OPTIONS]",
  summary: "Get real time events from the engine",
  flags: {
    filter,
    format: text("", "How to print: 'json' or a Go template"),
    since: text("", 'Start with what happened at a time or so long ago ("42m")'),
    until: text("", 'End at a time or so long ago ("42m")'),
  },
  least: 0,
  most: 0,
  async run({ values, context }) {
    const show = values.format === "" ? undefined : await eventFormat(values.format);
    const now = context.io.nowMs();
    const api = await context.api();
    const events = api.lines("events", {
      query: {
        filters: Object.keys(values.filter).length === 0 ? undefined : values.filter,
        since: values.since === "" ? undefined : parseLogTime(values.since, now, "since"),
        until: values.until === "" ? undefined : parseLogTime(values.until, now, "until"),
      },
    });
    for await (const event of events) context.out(`${show === undefined ? eventLine(event) : show(event)}\n`);
    return 0;
  },
});
