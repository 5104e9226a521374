/** What a test suite with testcontainers for Node does; prints one JSON object, what each scenario came to. Argument: its directory. */
import { createRequire } from "node:module";
import { join } from "node:path";

const require = createRequire(join(process.argv[2], "package.json"));
const { GenericContainer, Network, Wait } = require("testcontainers");

const serve =
  "mkdir /www; echo soup > /www/menu; echo ready; trap 'exit 0' TERM; httpd -f -p 80 -h /www & wait";

function serving() {
  return new GenericContainer("base")
    .withCommand(["sh", "-c", serve])
    .withExposedPorts(80)
    .withWaitStrategy(
      Wait.forAll([Wait.forLogMessage("ready"), Wait.forListeningPorts(), Wait.forHttp("/menu", 80)]),
    );
}

async function text(stream) {
  let whole = "";
  for await (const chunk of stream) whole += chunk;
  return whole;
}

const scenarios = {
  async port() {
    const served = await serving().start();
    const answer = await fetch(`http://${served.getHost()}:${served.getMappedPort(80)}/menu`);
    const said = await answer.text();
    await served.stop();
    return said;
  },
  async exec() {
    const served = await serving().withEnvironment({ COURSE: "soup" }).start();
    const { exitCode, stdout, stderr } = await served.exec(["sh", "-c", "echo $COURSE; echo e >&2; exit 3"]);
    await served.stop();
    return [exitCode, stdout, stderr];
  },
  async files() {
    const served = await serving()
      .withCopyContentToContainer([{ content: "first", target: "/first", mode: 0o600 }])
      .start();
    await served.copyContentToContainer([{ content: "second", target: "/tmp/second" }]);
    const first = await served.exec(["cat", "/first"]);
    const second = await text(await served.copyArchiveFromContainer("/tmp/second"));
    await served.stop();
    return [first.output, second.includes("second")];
  },
  async logs() {
    const served = await serving().start();
    const lines = await served.logs();
    const said = await new Promise((resolve) => lines.once("data", (line) => resolve(String(line))));
    lines.destroy();
    await served.restart();
    await served.stop();
    return said;
  },
  async networks() {
    const network = await new Network().start();
    const served = await serving().withNetwork(network).withNetworkAliases("kitchen").start();
    const asking = await new GenericContainer("base")
      .withNetwork(network)
      .withCommand(["sleep", "600"])
      .start();
    const { output } = await asking.exec(["wget", "-q", "-O", "-", "http://kitchen/menu"]);
    await asking.stop();
    await served.stop();
    await network.stop();
    return output;
  },
  async healthy() {
    const healthCheck = {
      test: ["CMD-SHELL", "test -e /www/menu"],
      interval: 200,
      timeout: 5000,
      retries: 100,
    };
    const served = await serving()
      .withHealthCheck(healthCheck)
      .withWaitStrategy(Wait.forHealthCheck())
      .start();
    await served.stop();
    return true;
  },
  async left() {
    // What is not taken away here is left to the reaper.
    await serving().withLabels({ left: "node" }).start();
    return true;
  },
};

// The library does not let the connection of a log keep the program alive, which would end here while it waits for a line.
const alive = setInterval(() => {}, 1000);
const results = {};
for (const [name, scenario] of Object.entries(scenarios))
  results[name] = await scenario().catch((thrown) => `failed: ${thrown.stack}`);
clearInterval(alive);
process.stdout.write(JSON.stringify(results), () => process.exit(0));
