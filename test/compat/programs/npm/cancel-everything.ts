/** Gives up every kind of call, before it has begun, at its beginning and in the middle of it. Prints what ended otherwise than cancelled. */
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { connect, TiffinError } from "tiffin";

const engine = await connect();
const silent = createServer((socket) => socket.on("error", () => undefined)).listen(0, "127.0.0.1");
await once(silent, "listening");
silent.unref();
/** A registry that says nothing, ever. */
const registry = `127.0.0.1:${(silent.address() as AddressInfo).port}`;

const web = await engine.containers.run("base", {
  command: ["sh", "-c", "while :; do echo x; sleep 0.1; done"],
});
await web.commit({ image: `${registry}/slow:latest` });

async function* endless() {
  for (;;) {
    yield new Uint8Array(512);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

async function all(pieces: AsyncIterable<unknown>): Promise<void> {
  for await (const piece of pieces) void piece;
}

const auth = { username: "cook", password: "soup", serveraddress: registry };
const dockerfile = "FROM base\nRUN sleep 61\n";
const calls: Readonly<Record<string, (signal: AbortSignal) => PromiseLike<unknown>>> = {
  logs: (signal) => all(web.logs({ follow: true, signal })),
  output: (signal) => all(web.output({ follow: true, signal })),
  events: (signal) => all(engine.events({ signal })),
  "events of one": (signal) => all(web.events({ signal })),
  stats: (signal) => all(web.stats({ signal })),
  wait: (signal) => web.wait({ signal }),
  ready: (signal) => web.ready({ log: /never/ }, { signal }),
  exec: (signal) => web.exec(["sleep", "61"], { signal }),
  "exec of the engine": (signal) => engine.exec("base", ["sleep", "61"], { signal }),
  "exit of a spawn": async (signal) => await (await web.spawn(["sleep", "61"], { signal })).exit(),
  "lines of a spawn": async (signal) => await all((await web.spawn(["sleep", "61"], { signal })).lines()),
  attach: async (signal) => await all((await web.attach({ signal })).lines()),
  stop: (signal) => web.stop({ seconds: 61, stopSignal: "SIGURG", signal }),
  pull: (signal) => engine.images.pull(`${registry}/slow:other`, { signal }),
  "pull in a loop": (signal) => all(engine.images.pull(`${registry}/slow:other`, { signal })),
  push: (signal) => engine.images.get(`${registry}/slow:latest`).push({ signal }),
  build: (signal) => engine.images.build({ Dockerfile: dockerfile }, { signal }),
  load: (signal) => engine.images.load(endless(), { signal }),
  import: (signal) => engine.images.import(endless(), { signal }),
  extract: (signal) => web.extract("/tmp", endless(), { signal }),
  distribution: (signal) => engine.images.distribution(`${registry}/slow`, { signal }),
  authenticate: (signal) => engine.authenticate(auth, { signal }),
  "events by their route": async (signal) => await all(await engine.call("events", { signal })),
  "wait by its route": (signal) => engine.call("containerWait", { params: { name: web.id }, signal }),
};

async function endOf(call: (signal: AbortSignal) => PromiseLike<unknown>, afterMs: number): Promise<string> {
  const control = new AbortController();
  const reason = new Error("lunch is over");
  if (afterMs === 0) control.abort(reason);
  else setTimeout(() => control.abort(reason), afterMs);
  try {
    await call(control.signal);
    return "came to its end";
  } catch (thrown) {
    if (!(thrown instanceof TiffinError)) return `threw ${String(thrown)}`;
    return thrown.kind === "cancelled" && thrown.cause === reason
      ? "cancelled"
      : `${thrown.kind} ${thrown.message}`;
  }
}

for (const [name, call] of Object.entries(calls)) {
  for (const afterMs of [0, 1, 100]) {
    const end = await endOf(call, afterMs);
    if (end !== "cancelled") process.stdout.write(`${name} after ${afterMs} ms: ${end}\n`);
  }
}

/** What was begun is not left to run: waited for, because a kill takes its time. */
async function whatRuns(): Promise<number> {
  const containers = await engine.containers.list();
  const { Processes } = await web.top();
  const sleeping = Processes.filter((columns) => columns.join(" ").includes("sleep 61"));
  return containers.length - 1 + sleeping.length;
}
while ((await whatRuns()) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
await web.remove({ force: true });
process.stdout.write("done\n");
