/** What happens, as it happens; and any route of the API by its name. */
import { connect } from "tiffin";

const engine = await connect();
const begin = new Date();
await engine.exec("base", ["true"], { name: "example-events" });

const stop = new AbortController();
const events = engine.events({
  since: begin,
  filters: { container: ["example-events"] },
  signal: stop.signal,
});
for await (const { Action, Actor } of events) {
  console.log(Action, Actor.Attributes["name"]);
  if (Action === "destroy") break;
}

const { ApiVersion } = await engine.call("version", {});
console.log(/^1\.\d+$/.test(ApiVersion));
const images = await engine.call("imageList", { query: { filters: { reference: ["base"] } } });
console.log(images[0]?.RepoTags.join());

/* prints
create example-events
start example-events
die example-events
destroy example-events
true
base:latest
*/
