/** A process's output without the frames that tell stdout from stderr: what a WebSocket carries, in Docker's API as well. */
import { FrameDecoder } from "../docker/framing.ts";
import type { DuplexHandlers } from "../lib/byte-duplex.ts";
import type { AttachedStream } from "./backend.ts";

export function withoutFrames(attached: AttachedStream): AttachedStream {
  if (attached.tty) return attached;
  const { stream } = attached;
  return {
    ...attached,
    stream: {
      listen(handlers: DuplexHandlers) {
        const frames = new FrameDecoder({
          part: (_type, piece) => handlers.data(piece),
          control: () => undefined,
        });
        stream.listen({ ...handlers, data: (chunk) => frames.push(chunk) });
      },
      write: (chunk) => stream.write(chunk),
      end: () => stream.end(),
      destroy: () => stream.destroy(),
      pause: () => stream.pause(),
      resume: () => stream.resume(),
    },
  };
}
