/** Every call takes an AbortSignal, and every failure is one class with a kind. */
import { connect, TiffinError } from "tiffin";

const engine = await connect();

function kindOf(thrown: unknown): string {
  if (thrown instanceof TiffinError) return thrown.kind;
  throw thrown;
}

// The process is killed, and its container goes with it.
const patience = new AbortController();
const slow = await engine.spawn("base", ["sh", "-c", "echo begun; exec sleep 600"], {
  signal: patience.signal,
});
for await (const { text } of slow.lines()) {
  console.log(text);
  break;
}
patience.abort(new Error("lunch is over"));
console.log(await slow.exit().catch(kindOf));

console.log(await engine.containers.get("nobody").start().catch(kindOf));
console.log(
  await engine.exec("base", ["nosuch"]).catch((thrown: unknown) => (thrown as TiffinError).exitCode),
);
console.log(await connect({ host: "unix:///nowhere/tiffin.sock" }).then(() => "there", kindOf));

/* prints
begun
cancelled
notFound
127
unavailable
*/
