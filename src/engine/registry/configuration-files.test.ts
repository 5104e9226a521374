/** What other programs' files say about registries. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TemporaryDirectory, temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { makeCertificates } from "../../../test/support/test-certificates.ts";
import { parseReference } from "../../docker/reference.ts";
import { registryCertificates } from "./certificates.ts";
import { Hosts } from "./hosts.ts";

let directory: TemporaryDirectory;
beforeEach(() => {
  directory = temporaryDirectory("registry-files");
});
afterEach(() => directory[Symbol.dispose]());

const digest = `@sha256:${"a".repeat(64)}`;

/** Endpoints as `origin/api/repository`, a mirror with a star. */
function places(
  options: Partial<ConstructorParameters<typeof Hosts>[0]>,
  name: string,
  use: "pull" | "push" = "pull",
): string[] {
  const hosts = new Hosts({ userAgent: "x", ...options });
  return hosts
    .endpoints(parseReference(name), use)
    .map(
      ({ origins, apiPath, repository, isMirror, namespace }) =>
        `${origins.join("|")}${apiPath}/${repository}${namespace === undefined ? "" : `?ns=${namespace}`}${isMirror ? " *" : ""}`,
    );
}

describe("registries.conf", () => {
  const write = (text: string, name = "registries.conf"): string => {
    const path = join(directory.path, name);
    writeFileSync(path, text);
    return path;
  };

  test("moves a repository by its longest prefix, and names mirrors for digests, tags or both", () => {
    const registriesConf = [
      write(`
[[registry]]
prefix = "a.example"
location = "b.example/all"
[[registry]]
prefix = "a.example/team"
location = "c.example"
insecure = true
[[registry.mirror]]
location = "m1.example/x"
pull-from-mirror = "digest-only"
[[registry.mirror]]
location = "m2.example"
pull-from-mirror = "tag-only"
[[registry]]
location = "*.w.example"
prefix = "*.w.example"
`),
    ];
    expect(places({ registriesConf }, "a.example/other/app:1")).toEqual([
      "https://b.example/v2/all/other/app",
    ]);
    expect(places({ registriesConf }, "a.example/team/app:1")).toEqual([
      "https://m2.example/v2/app *",
      "https://c.example|http://c.example/v2/app",
    ]);
    expect(places({ registriesConf }, `a.example/team/app${digest}`)[0]).toBe(
      "https://m1.example/v2/x/app *",
    );
    expect(places({ registriesConf }, "a.example/team/app:1", "push")).toEqual([
      "https://c.example|http://c.example/v2/app",
    ]);
    expect(places({ registriesConf }, "a.example/teams/app:1")).toEqual([
      "https://b.example/v2/all/teams/app",
    ]);
    expect(places({ registriesConf }, "z.example/app")).toEqual(["https://z.example/v2/app"]);
  });

  test("of a directory counts file by file, a later one for an earlier one; a broken one is named", () => {
    mkdirSync(join(directory.path, "conf.d"));
    const first = write('[[registry]]\nlocation = "a.example"\nblocked = true\n');
    write('[[registry]]\nprefix = "a.example"\nlocation = "b.example"\n', "conf.d/1.conf");
    write("not toml at all = = =", "conf.d/readme.txt");
    const registriesConf = [first, join(directory.path, "conf.d"), join(directory.path, "nosuch")];
    expect(() => places({ registriesConf: [first] }, "a.example/app")).toThrow(
      "registry a.example is blocked",
    );
    expect(places({ registriesConf }, "a.example/app")).toEqual(["https://b.example/v2/app"]);
    write("not toml at all = = =", "conf.d/2.conf");
    expect(() => places({ registriesConf }, "a.example/app")).toThrow("2.conf");
    write("[[registry]]\nlocation = 5\n", "conf.d/2.conf");
    expect(() => places({ registriesConf }, "a.example/app")).toThrow("2.conf: invalid registry[0].location");
  });
});

describe("hosts.toml", () => {
  const write = (host: string, text: string): string[] => {
    mkdirSync(join(directory.path, host), { recursive: true });
    writeFileSync(join(directory.path, host, "hosts.toml"), text);
    return [directory.path];
  };

  test("names hosts in order by what they can do, with their paths; the registry comes last", () => {
    const certificateDirectories = write(
      "docker.io",
      `[host."https://m1.example"]
capabilities = ["pull", "resolve"]
[host."https://m2.example/v2/proxy"]
override_path = true
[host."http://m3.example/deep"]
[host."https://m4.example"]
capabilities = ["push"]
`,
    );
    expect(places({ certificateDirectories }, "busybox")).toEqual([
      "https://m1.example/v2/library/busybox?ns=docker.io *",
      "https://m2.example/v2/proxy/library/busybox?ns=docker.io *",
      "http://m3.example/deep/v2/library/busybox?ns=docker.io *",
      "https://registry-1.docker.io/v2/library/busybox",
    ]);
    expect(places({ certificateDirectories }, "busybox", "push")).toEqual([
      "https://m2.example/v2/proxy/library/busybox?ns=docker.io *",
      "http://m3.example/deep/v2/library/busybox?ns=docker.io *",
      "https://m4.example/v2/library/busybox?ns=docker.io *",
      "https://registry-1.docker.io/v2/library/busybox",
    ]);
  });

  test("may have another server, none, or be for all registries", () => {
    expect(
      places(
        { certificateDirectories: write("a.example_5_", 'server = "https://b.example"') },
        "a.example:5/app",
      ),
    ).toEqual(["https://b.example/v2/app?ns=a.example:5"]);
    const all = write("_default", 'server = ""\n[host."https://m.example"]\n');
    expect(places({ certificateDirectories: all }, "c.example/app")).toEqual([
      "https://m.example/v2/app?ns=c.example *",
    ]);
  });

  test("gives certificates, and says who is not verified", () => {
    const made = makeCertificates(directory.path);
    const certificateDirectories = write(
      "a.example",
      `[host."https://m.example"]
ca = "${made.authority}"
client = [["${made.clientCertificate}", "${made.clientKey}"]]
[host."https://n.example"]
skip_verify = true
`,
    );
    const hosts = new Hosts({ userAgent: "x", certificateDirectories });
    hosts.endpoints(parseReference("a.example/app"), "pull");
    const tls = hosts.tls(new URL("https://m.example/v2/"));
    expect(tls.authorities?.at(-1)).toContain("BEGIN CERTIFICATE");
    expect([tls.certificate, tls.key].map((pem) => pem?.startsWith("-----BEGIN"))).toEqual([true, true]);
    const insecure = (address: string): boolean => hosts.insecure(new URL(address));
    expect([
      insecure("https://m.example"),
      insecure("https://n.example"),
      insecure("https://a.example"),
    ]).toEqual([false, true, false]);
  });
});

test("docker.io has the engine's own mirrors, and insecure registries are hosts, ports and blocks", () => {
  const options = {
    mirrors: ["https://m.example/hub/", "http://n.example"],
    insecureRegistries: ["a.example", "b.example:80", "10.0.0.0/8"],
  };
  expect(places(options, "busybox")).toEqual([
    "https://m.example/hub/v2/library/busybox *",
    "http://n.example/v2/library/busybox *",
    "https://registry-1.docker.io/v2/library/busybox",
  ]);
  const isPlain = (name: string): boolean => places(options, `${name}/app`)[0]?.includes("http://") === true;
  const names = [
    "a.example",
    "a.example:5",
    "b.example:80",
    "10.2.3.4:5",
    "11.2.3.4",
    "localhost:5",
    "127.0.0.1:5",
  ];
  expect(names.map(isPlain)).toEqual([true, false, true, true, false, true, true]);
});

test("certificates of one registry: authorities, and a pair that is whole", () => {
  const made = makeCertificates(directory.path);
  const at = join(directory.path, "certs", "a.example");
  mkdirSync(at, { recursive: true });
  const read = (): unknown =>
    registryCertificates([join(directory.path, "nosuch"), join(directory.path, "certs")], "a.example");
  expect(read()).toEqual({});
  writeFileSync(join(at, "client.cert"), "no certificate");
  expect(read).toThrow("there is no key client.key for the client certificate client.cert");
  writeFileSync(join(at, "client.key"), "no key");
  expect(read).toThrow("there is none in PEM form");
  writeFileSync(join(at, "ca.crt"), readFileSync(made.authority));
  expect(read).toThrow("client.cert");
});
