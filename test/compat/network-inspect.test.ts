/**
 * Networks by Docker's own client, of our engine and of Docker's: all commands do and say the same, and what `docker network
 * inspect` shows differs only where the decisions say.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";

/** Words of `docker network create`, each with a network of its own. */
const networks: readonly (readonly string[])[] = [
  ["--subnet", "10.77.1.0/24", "plain"],
  ["--subnet", "10.77.2.0/24", "--gateway", "10.77.2.9", "--ip-range", "10.77.2.128/25", "ranged"],
  [
    "--subnet",
    "10.77.3.0/24",
    "--aux-address",
    "printer=10.77.3.5",
    "--label",
    "meal=lunch",
    "--label",
    "empty=",
    "extra",
  ],
  ["--subnet", "10.77.4.0/24", "--internal", "--attachable", "closed"],
  [
    "--subnet",
    "10.77.5.0/24",
    "-o",
    "com.docker.network.driver.mtu=1400",
    "-o",
    "com.docker.network.bridge.enable_icc=false",
    "options",
  ],
  ["--subnet", "10.77.6.0/24", "--ipam-opt", "shape=round", "ipam"],
  ["--subnet", "10.77.7.0/24", "--ipv6", "--subnet", "fd00:77:7::/64", "six"],
];

const idle = ["base", "sleep", "1000"] as const;
const line = "{{.Name}} {{.Driver}} {{.Scope}} {{.Internal}} {{.IPv6}} {{.Labels}}";
const place =
  '{{with index .NetworkSettings.Networks "shop"}}{{.IPAddress}}/{{.IPPrefixLen}} {{.Gateway}} {{.Links}}{{end}}';

/** One after the other; some of them are to fail. */
const networkCommands: readonly (readonly string[])[] = [
  ["network", "create", "--subnet", "10.78.1.0/24", "--label", "meal=lunch", "--driver", "bridge", "shop"],
  ["network", "create", "--internal", "--subnet", "10.78.2.0/24", "--label", "meal=lunch", "vault"],
  ["network", "create", "shop"],
  ["network", "create", "--subnet", "10.78.1.0/25", "other"],
  ["network", "ls", "--filter", "label=meal=lunch", "--format", line],
  ["network", "ls", "-q", "--filter", "name=shop"],
  ["network", "ls", "--no-trunc", "--filter", "name=shop", "--format", "{{.ID}} {{.Name}}"],
  ["network", "ls", "--filter", "driver=null", "--format", "{{.Name}}"],
  ["network", "ls", "--filter", "type=custom", "--format", "{{.Name}}"],
  ["network", "ls", "--filter", "nosuch=1"],
  [
    "run",
    "-d",
    "--name",
    "till",
    "--network",
    "shop",
    "--ip",
    "10.78.1.9",
    "--network-alias",
    "cash",
    ...idle,
  ],
  ["run", "-d", "--name", "clerk", ...idle],
  ["network", "connect", "--ip", "10.78.1.10", "--alias", "corner", "--link", "till:box", "shop", "clerk"],
  ["network", "connect", "vault", "clerk"],
  ["inspect", "-f", place, "clerk"],
  ["exec", "clerk", "ping", "-c1", "-W5", "box"],
  ["exec", "clerk", "ping", "-c1", "-W5", "cash"],
  ["exec", "till", "ping", "-c1", "-W5", "corner"],
  [
    "network",
    "inspect",
    "-f",
    "{{.Name}} {{len .Containers}} {{range .IPAM.Config}}{{.Subnet}}{{end}}",
    "shop",
    "vault",
  ],
  ["network", "inspect", "--verbose", "-f", "{{.Internal}}", "vault"],
  ["network", "inspect", "nosuch"],
  ["network", "connect", "shop", "clerk"],
  ["network", "connect", "nosuch", "clerk"],
  ["network", "connect", "--ip", "10.78.9.9", "shop", "till"],
  ["network", "rm", "shop"],
  ["network", "disconnect", "vault", "clerk"],
  ["network", "disconnect", "vault", "clerk"],
  ["network", "disconnect", "-f", "shop", "till"],
  ["ps", "--filter", "network=shop", "--format", "{{.Names}}"],
  ["network", "disconnect", "shop", "clerk"],
  ["network", "rm", "vault"],
  ["network", "rm", "nosuch"],
  ["network", "prune", "-f", "--filter", "label=meal=lunch"],
  ["network", "ls", "--filter", "type=custom", "--format", "{{.Name}}"],
  ["rm", "-f", "till", "clerk"],
];

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The paths at which two documents differ; what an engine makes up counts by its form. */
function differences(one: Json | undefined, other: Json | undefined, path = ""): string[] {
  const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (isObject(one) && isObject(other)) {
    const keys = [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
    return keys.flatMap((key) => differences(one[key], other[key], path === "" ? key : `${path}.${key}`));
  }
  if (Array.isArray(one) && Array.isArray(other) && one.length === other.length) {
    return one.flatMap((each: Json, index) => differences(each, other[index], `${path}.*`));
  }
  return JSON.stringify(formOf(one)) === JSON.stringify(formOf(other)) ? [] : [path];
}

function formOf(value: Json | undefined): Json | undefined {
  if (typeof value !== "string") return value;
  return value
    .replace(/^[0-9a-f]{64}$/, "ID")
    .replace(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/, "TIME");
}

/** The first column of the table in the decisions. */
function permitted(): Set<string> {
  const text = readFileSync(join(import.meta.dir, "../../docs/decisions/networks.md"), "utf8");
  return new Set([...text.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? ""));
}

describe.skipIf(!hasDockerd)("docker network inspect", () => {
  let engine: TestEngine;
  let docker: OwnDockerd;
  let theirs: readonly string[] | undefined;

  beforeAll(async () => {
    engine = await startEngine();
    docker = await OwnDockerd.start();
  });
  afterAll(async () => {
    await docker[Symbol.asyncDispose]();
    await engine[Symbol.asyncDispose]();
  });

  for (const { path: client, version } of dockerClients) {
    test(`by docker ${version} says of networks what a Docker engine says, but for what is written down`, async () => {
      const run = async (host: string, ...words: readonly string[]): Promise<string> => {
        const child = Bun.spawn([client, ...words], {
          env: { ...process.env, DOCKER_HOST: host },
          stdout: "pipe",
          stderr: "pipe",
        });
        const [out, err] = await Promise.all([
          new Response(child.stdout).text(),
          new Response(child.stderr).text(),
        ]);
        expect([words, await child.exited, err]).toEqual([words, 0, ""]);
        return out.trim();
      };
      const inspected = async (host: string, words: readonly string[]): Promise<Json> => {
        const name = words.at(-1) ?? "";
        await run(host, "network", "create", ...words);
        try {
          await run(host, "run", "-d", "--name", `in-${name}`, "--network", name, "base", "sleep", "1000");
          const [document] = JSON.parse(await run(host, "network", "inspect", name)) as Json[];
          const members = (document as { readonly Containers: Readonly<Record<string, Json>> }).Containers;
          // Their ids are no part of what is compared.
          return { ...(document as object), Containers: Object.values(members) } as unknown as Json;
        } finally {
          await run(host, "rm", "-f", `in-${name}`);
          await run(host, "network", "rm", name);
        }
      };
      const found = new Set<string>();
      for (const words of networks) {
        // One after the other: they have the same subnets.
        const theirs = await inspected(`unix://${docker.socket}`, words);
        const ours = await inspected(engine.host, words);
        const [theirMembers, ourMembers] = [theirs, ours].map(
          (each) => (each as { readonly Containers: readonly Json[] }).Containers[0],
        );
        for (const path of differences(
          { ...(theirs as object), Containers: {} },
          { ...(ours as object), Containers: {} },
        )) {
          found.add(path);
        }
        for (const path of differences(theirMembers, ourMembers, "Containers.*")) found.add(path);
      }
      expect([...found].filter((path) => !permitted().has(path))).toEqual([]);
    }, 120_000);

    test(`docker ${version} drives every network command, with the outcomes that a Docker engine gives`, async () => {
      const outcome = async (host: string, words: readonly string[]): Promise<string> => {
        // An engine of Docker's cannot do that wherever its containers can run.
        if (words[0] === "exec" && host !== engine.host) return `${words.join(" ")}: 0 `;
        const child = Bun.spawn([client, ...words], {
          env: { ...process.env, DOCKER_HOST: host },
          stdout: "pipe",
          stderr: "pipe",
        });
        const [out, err] = await Promise.all([
          new Response(child.stdout).text(),
          new Response(child.stderr).text(),
        ]);
        const code = await child.exited;
        const said =
          words[0] === "exec"
            ? ""
            : out.replace(/\b[0-9a-f]{64}\b/g, "ID").replace(/\b[0-9a-f]{12}\b/g, "SHORT");
        return `${words.join(" ")}: ${code} ${said.trim()}${code !== 0 && err === "" ? " without a word" : ""}`;
      };
      const all = async (host: string): Promise<string[]> => {
        const lines: string[] = [];
        for (const words of networkCommands) lines.push(await outcome(host, words));
        return lines;
      };
      // Once for all clients: an engine of Docker's takes its time.
      theirs ??= await all(`unix://${docker.socket}`);
      expect(await all(engine.host)).toEqual([...theirs]);
    }, 120_000);
  }
});
