/** The two exercises at the end of the road: a page with a counter in another container, and a page from the host. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { type PackageImage, packageImage } from "../support/package-image.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { succeeds } from "../support/until.ts";

let engine: TestEngine;
let directory: TemporaryDirectory;

const output = async (...args: readonly string[]): Promise<string> => await engine.output(...args);

async function importPackages(image: PackageImage): Promise<void> {
  using made = packageImage(image);
  await output("import", made.archive, image.name);
}

beforeAll(async () => {
  engine = await startEngine();
  directory = temporaryDirectory("web");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

/** Counts visits in redis, which it finds by its name. */
const counter = `
import socket
def visits():
    with socket.create_connection(("redis", 6379), 5) as redis:
        redis.sendall(b"INCR visits\\r\\n")
        return redis.recv(100).decode().strip().lstrip(":")
server = socket.create_server(("", 5000), backlog=64)
print("serving", flush=True)
while True:
    client, address = server.accept()
    with client:
        client.recv(4096)
        body = ("visit " + visits() + "\\n").encode()
        head = "HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n" % len(body)
        client.sendall(head.encode() + body)
`;

async function page(port: number): Promise<string> {
  return await succeeds(
    async () => await (await fetch(`http://127.0.0.1:${port}/`, { keepalive: false })).text(),
  );
}

test("a web server counts its visits in redis, which it finds by name, and is published; the count outlives the server", async () => {
  await importPackages({ name: "redis", packages: ["redis-server", "redis-tools"] });
  const python = readlinkSync("/usr/bin/python3");
  await importPackages({ name: "python", packages: [`${python}-minimal`, `lib${python}-minimal`] });
  writeFileSync(join(directory.path, "counter.py"), counter);
  const port = freePort();
  await output("network", "create", "counting");
  const store = ["redis", "redis-server", "--save", "", "--protected-mode", "no"];
  await output("run", "-d", "--name", "redis", "--network", "counting", ...store);
  await output(
    "run",
    "-d",
    "--name",
    "web",
    "--network",
    "counting",
    "-p",
    `127.0.0.1:${port}:5000`,
    "-v",
    `${directory.path}:/app:ro`,
    "python",
    `/usr/bin/${python}`,
    "/app/counter.py",
  );
  expect([await page(port), await page(port)]).toEqual(["visit 1\n", "visit 2\n"]);
  await output("restart", "-t", "0", "web");
  expect(await page(port)).toBe("visit 3\n");
  expect(await output("exec", "redis", "redis-cli", "get", "visits")).toBe("3");
  await output("rm", "-f", "web", "redis");
  await output("network", "rm", "counting");
});

test("nginx serves a page of the host, and what becomes of it", async () => {
  await importPackages({
    name: "nginx",
    packages: ["nginx", "nginx-common"],
    extra: {
      "var/log/nginx/": "",
      "var/lib/nginx/": "",
      "etc/nginx/sites-enabled/default":
        "server { listen 80 default_server; root /var/www/html; index index.html; }\n",
    },
  });
  const html = join(directory.path, "html");
  mkdirSync(html);
  writeFileSync(join(html, "index.html"), "soup\n");
  const port = freePort();
  await output(
    "run",
    "-d",
    "--name",
    "pages",
    "-p",
    `127.0.0.1:${port}:80`,
    "-v",
    `${html}:/var/www/html:ro`,
    "nginx",
    "nginx",
    "-g",
    "daemon off;",
  );
  expect(await page(port)).toBe("soup\n");
  writeFileSync(join(html, "index.html"), "stew\n");
  expect(await page(port)).toBe("stew\n");
  expect(await output("port", "pages")).toBe(`80/tcp -> 127.0.0.1:${port}`);
  await output("stop", "pages");
  expect(await output("inspect", "-f", "{{.State.ExitCode}}", "pages")).toBe("0");
  await output("rm", "pages");
});
