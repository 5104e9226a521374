/** Two containers in a network and with a volume of their own; everything goes at the end, in the right order. */
import { connect } from "tiffin";

const engine = await connect();
await using canteen = await engine.networks.create("example-canteen");
await using pantry = await engine.volumes.create();

await using server = await engine.containers.run("base", {
  command: ["sh", "-c", "echo soup > /pantry/today; exec httpd -f -p 80 -h /pantry"],
  network: "example-canteen",
  aliases: ["kitchen"],
  mounts: [{ type: "volume", source: pantry.name, target: "/pantry" }],
  health: { command: "wget -qO- http://127.0.0.1/today", intervalMs: 200 },
});
await server.ready({ healthy: true });

const { stdout } = await engine.exec("base", ["wget", "-qO-", "http://kitchen/today"], {
  network: "example-canteen",
});
console.log(stdout.trim());

const members = Object.values((await canteen.inspect()).Containers ?? {});
console.log(members.length);

/* prints
soup
1
*/
