/** A command in a container of its own: what it wrote, and how it ended. */
import { connect } from "tiffin";

const engine = await connect();

const { stdout, exitCode } = await engine.exec("base", ["sh", "-c", "echo soup; exit 3"]);
console.log(stdout.trim(), exitCode);

// What it reads can come from here.
const counted = await engine.exec("base", ["wc", "-l"], {
  input: "bread\nsoup\nfruit\n",
  memoryBytes: 32 * 1024 ** 2,
});
console.log(counted.stdout.trim());

/* prints
soup 3
3
*/
