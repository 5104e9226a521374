/** `tiffin logs`. */
import { FrameDecoder, frameTypes } from "../../docker/framing.ts";
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";
import { text, toggle } from "../flags/flag.ts";
import type { CliIo } from "../io.ts";
import { parseLogTime } from "../log-time.ts";

const rawStream = "application/vnd.docker.raw-stream";
const framedStream = "application/vnd.docker.multiplexed-stream";

export const command = defineCommand({
  names: ["container logs", "logs"],
  usage: "[OPTIONS] CONTAINER",
  summary: "Fetch the logs of a container",
  flags: {
    details: toggle("", "Show what the log driver adds"),
    follow: toggle("f", "Go on with what comes"),
    since: text("", 'Start at a time ("2013-01-02T13:23:37Z") or so long ago ("42m")'),
    tail: text("n", "Number of lines from the end", "all"),
    timestamps: toggle("t", "Show the time of each line"),
    until: text("", 'End at a time ("2013-01-02T13:23:37Z") or so long ago ("42m")'),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const { io } = context;
    const name = cleanName(positionals[0] ?? "");
    const api = await context.api();
    const now = io.nowMs();
    const tail = /^\+?\d{1,15}$/.test(values.tail) ? Number(values.tail) : undefined;
    const answer = await api.stream("containerLogs", {
      params: { name },
      query: {
        stdout: true,
        stderr: true,
        follow: values.follow || undefined,
        timestamps: values.timestamps || undefined,
        details: values.details || undefined,
        since: values.since === "" ? undefined : parseLogTime(values.since, now, "since"),
        until: values.until === "" ? undefined : parseLogTime(values.until, now, "until"),
        ...(tail === undefined ? {} : { tail }),
      },
    });
    const type = answer.headers.get("content-type");
    let raw = type === rawStream;
    // Older engines do not say which of the two it is; the container's terminal does.
    if (type !== rawStream && type !== framedStream) {
      const found = await (await context.separateApi()).document("containerInspect", { params: { name } });
      raw = found.Config.Tty === true;
    }
    const writer = new PartWriter(io);
    const decoder = new FrameDecoder({
      part: (kind, bytes) => writer.add(kind === frameTypes.stdout ? 1 : 2, bytes),
      control() {},
    });
    for await (const chunk of answer.chunks) {
      if (raw) io.write(1, chunk);
      else {
        decoder.push(chunk);
        writer.flush();
      }
    }
    return 0;
  },
});

/** A chunk holds thousands of lines, each in a frame: what follows on one stream is written at once. */
class PartWriter {
  readonly #io: Pick<CliIo, "write">;
  #fd: 1 | 2 = 1;
  #parts: Uint8Array[] = [];

  constructor(io: Pick<CliIo, "write">) {
    this.#io = io;
  }

  /** The bytes need to stay as they are until the next `flush`. */
  add(fd: 1 | 2, bytes: Uint8Array): void {
    if (fd !== this.#fd) this.flush();
    this.#fd = fd;
    this.#parts.push(bytes);
  }

  flush(): void {
    const [first] = this.#parts;
    if (first === undefined) return;
    this.#io.write(this.#fd, this.#parts.length === 1 ? first : Buffer.concat(this.#parts));
    this.#parts = [];
  }
}
