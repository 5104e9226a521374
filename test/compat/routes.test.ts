/**
 * Programs that follow containers of themselves, by their own code: Traefik's provider for Docker, which makes routes of labels as
 * events come, and Prometheus' discovery, which looks again and again.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { goClient } from "../support/go-programs.ts";
import { LineProgram } from "../support/line-program.ts";
import { outcomeOf } from "../support/outcome.ts";

const traefik = goClient("traefik");
const prometheus = goClient("prometheus");
const serve = ["base", "sh", "-c", "mkdir /w; hostname > /w/menu; exec httpd -f -p 80 -h /w"];

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.output("network", "create", "dining");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

async function run(name: string, ...options: readonly string[]): Promise<void> {
  await engine.output("run", "-d", "--init", "--name", name, ...options, ...serve);
}

async function addressOf(name: string, network = "bridge"): Promise<string> {
  const member = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
  return (await engine.output("inspect", "-f", member, name)).trim();
}

if ("missing" in traefik) test.skip(`Traefik: all of it (${traefik.missing})`, () => {});
else
  describe("Traefik", () => {
    const labelsOf = (site: string): readonly string[] =>
      ["enable=true", `http.routers.${site}.rule=Host(\`${site}.test\`)`].flatMap((each) => [
        "--label",
        `traefik.${each}`,
      ]);
    const rule = (site: string): string => `Host(\`${site}.test\`)`;

    test("routes come and go with containers, their health, their networks, and an engine that is started again", async () => {
      const lines = join(engine.directory, "routes");
      await using routes = new LineProgram(lines, [traefik.path, engine.socket]);
      await routes.comesTo("no route at first", {});

      await run("soup", ...labelsOf("soup"), "--expose", "80", "--hostname", "soup");
      const soup = `http://${await addressOf("soup")}:80`;
      await routes.comesTo("a route by an exposed port", { [rule("soup")]: [soup] });

      // The label says by which network it is reached.
      const port = ["--label", "traefik.http.services.cake.loadbalancer.server.port=80"];
      const through = ["--label", "traefik.docker.network=dining", "--network", "dining"];
      const healthy = ["--health-cmd", "test -e /ok", "--health-interval", "200ms", "--health-retries", "1"];
      await run("cake", ...labelsOf("cake"), ...port, ...through, ...healthy);
      const cake = `http://${await addressOf("cake", "dining")}:80`;
      await engine.output("exec", "cake", "touch", "/ok");
      const both = { [rule("soup")]: [soup], [rule("cake")]: [cake] };
      await routes.comesTo("a route when it is healthy", both);
      await engine.output("exec", "cake", "rm", "/ok");
      await routes.comesTo("no route when it is unhealthy", { [rule("soup")]: [soup] });
      await engine.output("exec", "cake", "touch", "/ok");
      await routes.comesTo("a route when it is healthy again", both);

      const guestPort = ["--label", "traefik.http.services.guest.loadbalancer.server.port=81"];
      const inSoup = ["--network", "container:soup", ...labelsOf("guest"), ...guestPort];
      await engine.output("run", "-d", "--name", "guest", ...inSoup, "base", "sleep", "600");
      await engine.output("rename", "cake", "dessert");
      const guest = { [rule("guest")]: [soup.replace(/80$/, "81")] };
      await routes.comesTo("a route to the network of another", { ...both, ...guest });

      await engine.crash();
      await engine.start();
      await engine.output("rm", "-f", "guest");
      await routes.comesTo("a route less after a restart of the engine", both);
      await engine.output("stop", "-t", "0", "soup");
      await routes.comesTo("no route to what has ended", { [rule("cake")]: [cake] });
      await engine.output("rm", "-f", "dessert", "soup");
      await routes.comesTo("no route at last", {});
    });
  });

if ("missing" in prometheus) test.skip(`Prometheus: all of it (${prometheus.missing})`, () => {});
else
  describe("Prometheus", () => {
    const meta = (name: string): string => `__meta_docker_${name}`;

    test("targets are found by label with their ports, networks and names", async () => {
      const lines = join(engine.directory, "targets");
      await using targets = new LineProgram(lines, [prometheus.path, "find", engine.socket]);
      await targets.comesTo("no target at first", []);
      await run("other");
      await run("scraped", "--label", "scraped=yes", "--network", "dining", "-p", "127.0.0.1::80");
      const inspected = await engine.output(
        "inspect",
        "-f",
        '{{.Id}} {{.Image}} {{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}',
        "scraped",
      );
      const [id, image, published] = inspected.trim().split(" ");
      const network = (await engine.output("network", "inspect", "-f", "{{.Id}}", "dining")).trim();
      const address = await addressOf("scraped", "dining");
      const target = {
        __address__: `${address}:80`,
        [meta("container_id")]: id,
        [meta("container_image")]: "base",
        [meta("container_image_id")]: image,
        [meta("container_label_scraped")]: "yes",
        [meta("container_name")]: "/scraped",
        [meta("container_network_mode")]: "dining",
        [meta("network_id")]: network,
        [meta("network_ingress")]: "false",
        [meta("network_internal")]: "false",
        [meta("network_ip")]: address,
        [meta("network_name")]: "dining",
        [meta("network_scope")]: "local",
        [meta("port_private")]: "80",
        [meta("port_public")]: published,
        [meta("port_public_ip")]: "127.0.0.1",
      };
      await targets.comesTo("the target", [target]);
      await engine.output("rename", "scraped", "renamed");
      await targets.comesTo("its new name", [{ ...target, [meta("container_name")]: "/renamed" }]);
      await engine.output("rm", "-f", "renamed", "other");
      await targets.comesTo("no target at last", []);
    });

    test.each(["application/openmetrics-text; version=1.0.0; charset=utf-8", "text/plain; version=0.0.4"])(
      "metrics as %s are taken by its parser",
      async (accept) => {
        const answer = await fetch("http://localhost/metrics", {
          unix: engine.socket,
          headers: { Accept: accept },
        });
        const child = Bun.spawn([prometheus.path, "parse", answer.headers.get("content-type") ?? ""], {
          stdin: await answer.blob(),
          stdout: "pipe",
          stderr: "pipe",
        });
        const { code, stdout, stderr } = await outcomeOf(child);
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
        const counts: Readonly<Record<string, number>> = JSON.parse(stdout);
        expect(counts["families"]).toBeGreaterThan(10);
        expect(counts["helps"]).toBe(counts["families"]);
        expect(counts["samples"]).toBeGreaterThan(counts["families"] ?? 0);
      },
    );
  });
