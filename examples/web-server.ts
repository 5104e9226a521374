/** A server with a published port. It is gone at the end of the block, however that is left. */
import { connect } from "tiffin";

const engine = await connect();
{
  await using web = await engine.containers.run("base", {
    command: ["httpd", "-f", "-p", "80", "-h", "/www"],
    ports: { 80: { address: "127.0.0.1", port: 0 } },
    mounts: [{ type: "tmpfs", target: "/www" }],
    memoryBytes: 64 * 1024 ** 2,
    labels: { example: "web-server" },
  });
  await web.exec(["sh", "-c", "echo '<h1>lunch</h1>' > /www/index.html"]);
  await web.ready({ port: 80 });

  const { host, port } = await web.published(80);
  const page = await fetch(`http://${host}:${port}/`);
  console.log(await page.text());
}
const left = await engine.containers.list({ all: true, filters: { label: ["example=web-server"] } });
console.log(`${left.length} left`);

/* prints
<h1>lunch</h1>

0 left
*/
