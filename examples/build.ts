/** An image from files that exist only here, with the steps as they happen. */
import { connect } from "tiffin";

const engine = await connect();

const building = engine.images.build(
  {
    Dockerfile: "FROM base\nARG COURSE\nCOPY menu /menu\nRUN echo $COURSE >> /menu\n",
    menu: "bread\n",
  },
  { tags: ["example-lunch"], args: { COURSE: "soup" } },
);
for await (const { stream = "" } of building) {
  if (/^Step \d+\/\d+/.test(stream)) console.log(stream.trim());
}
const image = await building;

const { stdout } = await engine.exec("example-lunch", ["cat", "/menu"]);
console.log(stdout.trim());
console.log((await image.inspect()).RepoTags.join());
await engine.images.get("example-lunch").remove();

/* prints
Step 1/4 : FROM base
Step 2/4 : ARG COURSE
Step 3/4 : COPY menu /menu
Step 4/4 : RUN echo $COURSE >> /menu
bread
soup
example-lunch:latest
*/
