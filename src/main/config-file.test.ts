import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { messageOf } from "../lib/errors.ts";
import { configSchema, fromDockerConfig, readConfigFile } from "./config-file.ts";
import { settingNames, settings } from "./daemon-options.ts";
import { daemonFlags, parseDaemonWords } from "./daemon-words.ts";

const directory = mkdtempSync("/tmp/tiffin-test-config-");
const file = `${directory}/tiffin.json`;
afterAll(() => rmSync(directory, { recursive: true }));

function read(text: string) {
  writeFileSync(file, text);
  return readConfigFile(file);
}

function complaint(work: () => unknown): string {
  try {
    work();
    return "none";
  } catch (thrown) {
    return messageOf(thrown).replaceAll(file, "FILE");
  }
}

/** dockerd(8) of version 28, by hand: not the table under test. */
const dockerKeys =
  `allow-direct-routing allow-nondistributable-artifacts api-cors-header authorization-plugins bip bip6 bridge
  bridge-accept-fwmark builder cgroup-parent containerd containerd-namespace containerd-plugins-namespace cpu-rt-period cpu-rt-runtime
  data-root debug default-address-pools default-cgroupns-mode default-gateway default-gateway-v6 default-ipc-mode default-network-opts
  default-runtime default-shm-size default-ulimits dns dns-opts dns-search exec-opts exec-root experimental features firewall-backend
  fixed-cidr fixed-cidr-v6 group host-gateway-ip host-gateway-ips hosts icc init init-path insecure-registries ip ip-forward
  ip-forward-no-drop ip-masq ip6tables iptables ipv6 labels live-restore log-driver log-format log-level log-opts
  max-concurrent-downloads max-concurrent-uploads max-download-attempts metrics-addr mtu no-new-privileges node-generic-resources
  oom-score-adjust pidfile proxies raw-logs registry-mirrors runtimes seccomp-profile selinux-enabled shutdown-timeout storage-driver
  storage-opts swarm-default-advertise-addr tls tlscacert tlscert tlskey tlsverify userland-proxy userland-proxy-path userns-remap`.split(
    /\s+/,
  );
const dockerValues: Readonly<Record<string, unknown>> = {
  "default-address-pools": [{ base: "10.10.0.0/16", size: 24 }],
  "insecure-registries": ["one:5000"],
  "registry-mirrors": ["https://mirror.example"],
  runtimes: { youki: { path: "/usr/bin/youki" } },
  "log-level": "fatal",
  "log-format": "json",
  tlscacert: "/ca.pem",
  tlscert: "/cert.pem",
  tlskey: "/key.pem",
};

const everything = {
  $schema: "https://example.org/tiffin.schema.json",
  root: "/a",
  run: "/b",
  host: "unix:///c",
  "unpacked-limit": 1000,
  "insecure-registries": ["one:5000", "10.0.0.0/8"],
  "registry-mirrors": ["https://mirror.example"],
  "publish-mode": "socket",
  icc: false,
  runtimes: { youki: { path: "/usr/bin/youki", runtimeArgs: [] } },
  "default-runtime": "youki",
  "default-address-pools": [{ base: "10.10.0.0/16", size: 24 }],
  "metrics-addr": "[::1]:9323",
  "otlp-endpoint": "http://collector:4318",
  "log-level": "info",
  "log-format": "json",
  "tcp-hosts": ["tcp://0.0.0.0:2376"],
  tlsverify: true,
  tlscacert: "/ca.pem",
  tlscert: "/cert.pem",
  tlskey: "/key.pem",
  "unauthenticated-tcp": true,
};

test("every option has a key, and both mean the same", () => {
  const words = [
    ["--root", "/a"],
    ["--run=/b"],
    ["-H", "unix:///c"],
    ["--unpacked-limit", "1000"],
    ["--insecure-registry", "one:5000", "--insecure-registry", "10.0.0.0/8"],
    ["--registry-mirror", "https://mirror.example"],
    ["--publish-mode", "socket"],
    ["--icc=false"],
    ["--add-runtime", "youki=/usr/bin/youki", "--default-runtime", "youki"],
    ["--default-address-pool", "base=10.10.0.0/16,size=24"],
    ["--metrics-addr", "[::1]:9323", "--otlp-endpoint=http://collector:4318"],
    ["-l", "info", "--log-format", "json"],
    ["-H", "tcp://0.0.0.0:2376"],
    ["--tlsverify", "--tlscacert", "/ca.pem", "--tlscert", "/cert.pem", "--tlskey", "/key.pem"],
    ["--unauthenticated-tcp", "true"],
  ].flat();
  const found = read(JSON.stringify(everything));
  expect(parseDaemonWords(words).given).toEqual(found);
  expect(Object.keys(found).sort()).toEqual([...settingNames].sort());
});

test("the schema and the help know every setting", () => {
  const schema = JSON.stringify(configSchema());
  for (const name of settingNames) {
    expect(schema).toContain(`${JSON.stringify(settings[name].key)}:{`);
    expect(daemonFlags).toHaveProperty(settings[name].flag);
  }
});

describe("what is wrong in the file is named", () => {
  test.each([
    ['{"registry-miror": []}', 'FILE: unknown key "registry-miror"; did you mean "registry-mirrors"?'],
    ['{"__proto__": 1}', 'FILE: unknown key "__proto__"; known are root, run, host, '],
    ['{"icc": "false"}', 'FILE: icc needs true or false, found "false"'],
    ['{"root": "here"}', 'FILE: root needs an absolute path, found "here"'],
    ['{"root": null}', "FILE: root needs an absolute path, found null"],
    ['{"registry-mirrors": "https://x"}', 'FILE: registry-mirrors needs a list, found "https://x"'],
    [
      '{"registry-mirrors": ["https://x", 5]}',
      "FILE: registry-mirrors[1] needs an address such as https://mirror.example, found 5",
    ],
    [
      '{"runtimes": {"tiffin": {"path": "/x"}}}',
      'FILE: runtimes has the name "tiffin", which no runtime can have',
    ],
    [
      '{"runtimes": {"youki": {"pth": "/x"}}}',
      'FILE: unknown key "pth" in runtimes.youki; did you mean "path"?',
    ],
    ['{"runtimes": {"youki": {}}}', "FILE: runtimes.youki.path needs a path, found nothing"],
    [
      '{"runtimes": {"youki": {"path": "/x", "runtimeArgs": "-v"}}}',
      'FILE: runtimes.youki.runtimeArgs needs a list of words, found "-v"',
    ],
    ['{"publish-mode": "natt"}', 'FILE: publish-mode needs nat or socket, found "natt"'],
    ['{"unpacked-limit": 1.5}', "FILE: unpacked-limit needs a number of bytes, found 1.5"],
    [
      '{"default-address-pools": [{"base": "10.0.0.0/8", "sise": 24}]}',
      'FILE: unknown key "sise" in a pool of addresses; did you mean "size"?',
    ],
    [
      '{"default-address-pools": [{"base": "ten", "size": 24}]}',
      "FILE: default-address-pools[0] needs a base and a size, such as 10.10.0.0/16 and 24, found an object",
    ],
    ["{", "FILE: line 1, column 2: found its end, wanted a key in double quotes"],
    ["[]", "FILE: found a list, wanted one JSON object"],
  ])("%s", (text, wanted) => {
    expect(complaint(() => read(text))).toStartWith(wanted);
  });

  test("a file that was asked for and is not there", () => {
    expect(complaint(() => readConfigFile(`${file}.none`))).toBe("FILE.none: there is no such file");
  });
});

test("an option that was mistyped is shown the right one", () => {
  expect(complaint(() => parseDaemonWords(["--registry-mirorr", "x"]))).toBe(
    'unknown option "--registry-mirorr"; did you mean "--registry-mirror"?',
  );
});

describe("a daemon.json of Docker", () => {
  function converted(document: unknown): ReturnType<typeof fromDockerConfig> {
    writeFileSync(file, JSON.stringify(document));
    return fromDockerConfig(file);
  }

  test("what is shared is kept, and the rest is named with its reason", () => {
    const shared = { icc: false, "registry-mirrors": ["https://mirror.example"], "log-level": "debug" };
    const { document, left } = converted({
      ...shared,
      "data-root": "/x",
      "metrics-addr": "127.0.0.1:9323",
      "default-runtime": "runc",
      "registry-miror": [],
      __proto: 1,
    });
    expect(document).toEqual(shared);
    expect(left).toEqual([
      '"data-root" is left out: its state stays its own',
      '"metrics-addr" is left out: its port stays its own; see metrics-addr',
      '"default-runtime" is left out: Tiffin is the runtime itself',
      '"registry-miror" is left out: Docker has no such key that is known here; did you mean "registry-mirrors"?',
      '"__proto" is left out: Docker has no such key that is known here',
    ]);
  });

  test.each(dockerKeys)("its key %s is known, whatever becomes of it", (key) => {
    const value = key === "icc" || key === "tlsverify" ? true : (dockerValues[key] ?? "x");
    const { document, left } = converted({ [key]: value });
    expect(Object.keys(document).length + left.length).toBe(1);
    expect(left.join()).not.toContain("no such key");
  });

  test("a wrong value of a shared key is refused as in a file of our own", () => {
    expect(complaint(() => converted({ icc: "no" }))).toBe('FILE: icc needs true or false, found "no"');
  });
});
