/** A process that is spoken to while it runs: its lines as they come, its input, its signals, its exit. */
import { connect } from "tiffin";

const engine = await connect();
await using kitchen = await engine.containers.run("base", { command: ["sleep", "600"] });

const grep = await kitchen.spawn(["grep", "-n", "u"], { stdin: true });
await grep.feed("bread\nsoup\nfruit\n");
for await (const { stream, text } of grep.lines()) console.log(stream, text);
console.log("grep:", await grep.exit());

const sleep = await kitchen.spawn(["sleep", "600"], { terminal: true, size: { columns: 80, rows: 24 } });
sleep.kill("SIGTERM");
console.log("sleep:", await sleep.exit());

/* prints
stdout 2:soup
stdout 3:fruit
grep: 0
sleep: 143
*/
