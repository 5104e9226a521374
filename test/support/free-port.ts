/** A port that nobody uses: the kernel picks it, so tests on one machine do not meet. */

/** Kept, because the kernel may hand out the same one twice while nobody listens yet. */
const given = new Set<number>();

function once(): number {
  const listener = Bun.listen({ hostname: "0.0.0.0", port: 0, socket: { data() {} } });
  const { port } = listener;
  listener.stop(true);
  return port;
}

/** Free for TCP on every address a moment ago, and not given by this function before. */
export function freePort(): number {
  for (;;) {
    const port = once();
    if (given.has(port)) continue;
    given.add(port);
    return port;
  }
}
