/** Files into a container and out of it, whether it runs or not, and what it has changed. */
import { connect } from "tiffin";

const engine = await connect();
await using box = await engine.containers.create("base", {
  command: ["sh", "-c", "tr a-z A-Z < /etc/menu > /loud"],
});

await box.writeFiles({ "/etc/menu": "bread and soup\n" });
await box.start();
console.log("exit", await box.wait());
console.log(new TextDecoder().decode(await box.readFile("/loud")).trim());
for (const { Path } of await box.changes()) console.log(Path);

/* prints
exit 0
BREAD AND SOUP
/etc
/etc/menu
/loud
*/
