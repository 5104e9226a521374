/**
 * An engine from elsewhere: TCP with certificates on both sides, `ssh://` through a real sshd, contexts of either command line; by
 * our client, by the package for programs and by the real docker.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { connect } from "../../src/sdk/mod.ts";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { outcomeOf } from "../support/outcome.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { makeCertificates } from "../support/test-certificates.ts";
import { until } from "../support/until.ts";

const directory = temporaryDirectory("remote");
const at = (name: string): string => join(directory.path, name);
/** The newest that is here. */
const docker = dockerClients[0]?.path ?? "";
let engine: TestEngine;
let tlsHost = "";
let plainHost = "";

/** A directory as DOCKER_CERT_PATH names them. */
function certificateDirectory(name: string): string {
  mkdirSync(at(`${name}.made`), { recursive: true });
  const made = makeCertificates(at(`${name}.made`));
  mkdirSync(at(name));
  for (const [file, from] of [
    ["ca.pem", made.authority],
    ["cert.pem", made.clientCertificate],
    ["key.pem", made.clientKey],
    ["server.pem", made.certificate],
    ["server-key.pem", made.key],
  ] as const) {
    copyFileSync(from, at(`${name}/${file}`));
  }
  return at(name);
}

async function run(words: readonly string[], env: Readonly<Record<string, string>> = {}, input = "") {
  const { TIFFIN_HOST: _host, DOCKER_HOST: _other, ...inherited } = process.env;
  const child = Bun.spawn([...words], {
    env: { ...inherited, HOME: at("home"), ...env },
    stdin: Buffer.from(input),
    stdout: "pipe",
    stderr: "pipe",
  });
  return await outcomeOf(child);
}

const tiffin = (words: readonly string[], env: Readonly<Record<string, string>> = {}, input = "") =>
  run(tiffinCommand(...words), env, input);

/** What the environment of a client with the right certificates says. */
const trusted = (): Record<string, string> => ({
  DOCKER_HOST: tlsHost,
  DOCKER_TLS_VERIFY: "1",
  DOCKER_CERT_PATH: at("certificates"),
});

beforeAll(async () => {
  mkdirSync(at("home"));
  const certificates = certificateDirectory("certificates");
  certificateDirectory("strangers");
  tlsHost = `tcp://127.0.0.1:${freePort()}`;
  plainHost = `tcp://127.0.0.1:${freePort()}`;
  engine = await startEngine({
    arguments: [
      ...["-H", tlsHost, "--tlsverify", "--tlscacert", join(certificates, "ca.pem")],
      ...["--tlscert", join(certificates, "server.pem"), "--tlskey", join(certificates, "server-key.pem")],
    ],
  });
  await until("the engine to listen by TCP", async () => (await tiffin(["ps"], trusted())).code === 0);
}, 60_000);

afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  directory[Symbol.dispose]();
});

describe("a client of another time", () => {
  const clients = dockerClients.map(({ path, version }) => [version, path] as const);
  const ways = (): Record<string, string>[] => [{ DOCKER_HOST: engine.host }, trusted()];

  test.each(clients)(
    "docker %s that is too old or too new is told so, by either way",
    async (_version, path) => {
      for (const way of ways()) {
        const tooNew = await run([path, "ps"], { ...way, DOCKER_API_VERSION: "1.99" });
        expect(tooNew).toMatchObject({ code: 1, stdout: "" });
        expect(tooNew.stderr).toContain(
          "client version 1.99 is too new. Maximum supported API version is 1.50",
        );
        const tooOld = await run([path, "ps"], { ...way, DOCKER_API_VERSION: "1.20" });
        expect(tooOld).toMatchObject({ code: 1, stdout: "" });
        expect(tooOld.stderr).toContain(
          "client version 1.20 is too old. Minimum supported API version is 1.24",
        );
        expect((await run([path, "ps", "-q"], { ...way, DOCKER_API_VERSION: "1.24" })).code).toBe(0);
      }
    },
  );
});

describe("TCP with certificates on both sides", () => {
  const clients: readonly (readonly [string, readonly string[]])[] = [
    ["tiffin", tiffinCommand()],
    ["docker", [docker]],
  ];

  test.each(clients)("%s runs a container that reads and writes", async (_name, program) => {
    const done = await run(
      [...program, "run", "--rm", "-i", "base", "wc", "-c"],
      trusted(),
      "soup".repeat(100_000),
    );
    expect(done).toEqual({ code: 0, stdout: "400000\n", stderr: "" });
  });

  test.each(clients)("%s with certificates of somebody else is not let in", async (_name, program) => {
    const done = await run([...program, "ps"], { ...trusted(), DOCKER_CERT_PATH: at("strangers") });
    expect(done.code).toBe(1);
    expect(done.stdout).toBe("");
  });

  test.each([
    [
      "a key that does not fit",
      { key: "strangers/key.pem" },
      "the key of this side does not belong to its certificate",
    ],
    ["no PEM text", { cert: "home/text" }, "what was given as ca, cert or key is no sound PEM text"],
    ["an authority that is not the engine's", { ca: "strangers/ca.pem" }, "self signed certificate"],
    [
      "a certificate that the engine does not know",
      { cert: "strangers/cert.pem", key: "strangers/key.pem" },
      "hung up before",
    ],
  ])("%s is told as what it is", async (_what, files, words) => {
    writeFileSync(at("home/text"), "soup");
    const { ca, cert, key } = {
      ca: "certificates/ca.pem",
      cert: "certificates/cert.pem",
      key: "certificates/key.pem",
      ...files,
    };
    const given = ["--tlsverify", "--tlscacert", at(ca), "--tlscert", at(cert), "--tlskey", at(key)];
    const done = await tiffin([...given, "-H", tlsHost, "ps"]);
    expect(done).toMatchObject({ code: 1, stdout: "" });
    expect(done.stderr.split("\n")[0]).toContain(words);
    expect(done.stderr.split("\n")[0]).toContain(tlsHost);
  });

  test("without a certificate nobody is let in", async () => {
    mkdirSync(at("only-authority"));
    copyFileSync(at("certificates/ca.pem"), at("only-authority/ca.pem"));
    const done = await tiffin(["ps"], { ...trusted(), DOCKER_CERT_PATH: at("only-authority") });
    expect(done).toMatchObject({ code: 1, stdout: "" });
    const plain = await tiffin(["ps"], { DOCKER_HOST: tlsHost });
    expect(plain).toMatchObject({ code: 1, stdout: "" });
  });

  test("an engine whose certificate is not the authority's is not spoken to", async () => {
    const done = await tiffin(["--tlsverify", "--tlscacert", at("strangers/ca.pem"), "-H", tlsHost, "ps"]);
    expect(done.code).toBe(1);
    expect(done.stderr).toStartWith(`no trusted connection to ${tlsHost}: `);
  });

  test("options say what the environment can say", async () => {
    const files = ["--tlscacert", at("certificates/ca.pem"), "--tlscert", at("certificates/cert.pem")];
    const done = await tiffin(["-H", tlsHost, ...files, "--tlskey", at("certificates/key.pem"), "ps", "-q"]);
    expect(done).toEqual({ code: 0, stdout: "", stderr: "" });
  });

  test.each([
    ["a directory without certificates", "home", "there are no ca.pem, cert.pem and key.pem in"],
    ["a directory that is not there", "nowhere", "there are no ca.pem, cert.pem and key.pem in"],
  ])("%s is named", async (_what, name, words) => {
    const done = await tiffin(["ps"], { ...trusted(), DOCKER_CERT_PATH: at(name) });
    expect(done.code).toBe(1);
    expect(done.stderr).toStartWith(words);
  });

  test("the package for programs holds containers there", async () => {
    const pem = (name: string): string => readFileSync(at(`certificates/${name}.pem`), "utf8");
    const tls = { ca: pem("ca"), cert: pem("cert"), key: pem("key"), verify: true };
    const remote = await connect({ host: tlsHost, tls });
    const { stdout } = await remote.exec("base", ["wc", "-l"], { input: "bread\nsoup\n" });
    expect(stdout.trim()).toBe("2");
    const stranger = connect({
      host: tlsHost,
      tls: { ...tls, ca: readFileSync(at("strangers/ca.pem"), "utf8") },
    });
    await expect(stranger).rejects.toMatchObject({ kind: "unauthorized", code: "client.tls" });
  });

  test("SIGHUP takes over certificates that are new in their files, and what is open lives on", async () => {
    const files = ["ca.pem", "server.pem", "server-key.pem"];
    const put = (from: string): void => {
      for (const file of files) copyFileSync(at(`${from}/${file}`), at(`certificates/${file}`));
      process.kill(engine.pid, "SIGHUP");
    };
    const client = (name: string) => tiffin(["ps", "-q"], { ...trusted(), DOCKER_CERT_PATH: at(name) });
    certificateDirectory("first");
    for (const file of files) copyFileSync(at(`certificates/${file}`), at(`first/${file}`));
    for (const file of ["cert.pem", "key.pem"]) copyFileSync(at(`certificates/${file}`), at(`first/${file}`));
    const open = Bun.spawn(tiffinCommand("run", "--rm", "-i", "base", "cat"), {
      env: { ...process.env, HOME: at("home"), ...trusted() },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    await until("the container to be there", async () => (await client("first")).stdout !== "");
    put("strangers");
    await until("the new certificates to be in force", async () => (await client("strangers")).code === 0);
    expect((await client("first")).stderr).toStartWith(`no trusted connection to ${tlsHost}: `);
    open.stdin.write("still here");
    await open.stdin.end();
    expect(await outcomeOf(open)).toEqual({ code: 0, stdout: "still here", stderr: "" });

    const before = engine.log.length;
    copyFileSync(at("first/server-key.pem"), at("certificates/server-key.pem"));
    process.kill(engine.pid, "SIGHUP");
    await until("the refusal", () => engine.log.slice(before).includes("\n"));
    expect(engine.log.slice(before)).toStartWith(
      `tiffin: the configuration stays as it was: ${at("certificates/server-key.pem")}: the key does not belong to the certificate in ${at("certificates/server.pem")}`,
    );
    expect((await client("strangers")).code).toBe(0);
    put("first");
    await until("the first certificates to be back", async () => (await client("first")).code === 0);
  });
});

describe("what an engine does not listen to", () => {
  const daemon = (...words: readonly string[]) =>
    tiffin(["daemon", "--root", at("r"), "--run", at("u"), "--host", `unix://${at("s")}`, ...words]);

  test("TCP beyond loopback without certificates is refused", async () => {
    const done = await daemon("--host", "tcp://0.0.0.0:1");
    expect(done.code).toBe(125);
    expect(done.stderr).toStartWith(
      "tiffin daemon: will not listen at tcp://0.0.0.0:1 without TLS: whoever reaches it",
    );
  });

  test.each([
    [["--tlsverify"], "--tlsverify needs --tlscacert and --tlscert and --tlskey"],
    [["--tlscert", "/c.pem"], "--tlscert and --tlskey belong together"],
    [["--tlscacert", "/c.pem"], "--tlscacert is of no use without --tlsverify"],
    [["--tcp-host", "unix:///x"], "--tcp-host needs an address such as tcp://0.0.0.0:2376"],
  ])("%p", async (words, sentence) => {
    const done = await daemon(...words);
    expect(done.code).toBe(125);
    expect(done.stderr).toStartWith(`tiffin daemon: ${sentence}`);
  });

  test("certificates that cannot be used together are refused by name, and those that nobody will trust are told of", async () => {
    const [certificate, key] = [at("certificates/server.pem"), at("certificates/server-key.pem")];
    const openssl = (...words: readonly string[]): unknown => Bun.spawnSync(["openssl", ...words]);
    openssl("pkey", "-in", key, "-aes256", "-passout", "pass:soup", "-out", at("locked.pem"));
    openssl("x509", "-x509toreq", "-in", certificate, "-signkey", key, "-out", at("request.pem"));
    const made = [
      "-CA",
      at("certificates.made/authority.pem"),
      "-CAkey",
      at("certificates.made/authority.key"),
    ];
    openssl("x509", "-req", "-in", at("request.pem"), ...made, "-days", "-1", "-out", at("expired.pem"));
    copyFileSync(key, at("open-key.pem"));
    chmodSync(at("open-key.pem"), 0o644);
    const check = (cert: string, ownKey: string) =>
      daemon("--validate", "-H", plainHost, "--tlscert", cert, "--tlskey", ownKey);
    const faults = [
      [
        certificate,
        at("strangers/server-key.pem"),
        `the key does not belong to the certificate in ${certificate}`,
      ],
      [certificate, at("locked.pem"), `${at("locked.pem")}: found a key that wants a passphrase`],
      [key, key, `${key}: found no certificate in it`],
      [certificate, at("nowhere.pem"), `${at("nowhere.pem")}: there is no such file, wanted the key`],
    ] as const;
    for (const [cert, ownKey, words] of faults) {
      const done = await check(cert, ownKey);
      expect(done).toMatchObject({ code: 125, stdout: "" });
      expect(done.stderr).toContain(words);
    }
    expect((await check(at("expired.pem"), key)).stderr).toContain(
      "expired.pem: the certificate of CN=localhost has expired at ",
    );
    expect((await check(certificate, at("open-key.pem"))).stderr).toContain(
      "open-key.pem: everybody may read the key",
    );
  });

  test("a file that is no certificate is named", async () => {
    const wrong = at("home/wrong.pem");
    writeFileSync(wrong, "soup");
    const done = await daemon(
      "-H",
      plainHost,
      "--tlscert",
      wrong,
      "--tlskey",
      at("certificates/server-key.pem"),
    );
    expect(done.code).toBe(125);
    expect(done.stderr).toContain(`${wrong}: found nothing in PEM form`);
  });

  test("a socket that is a file is left alone", async () => {
    writeFileSync(at("s"), "somebody's");
    const done = await daemon();
    expect(done.code).toBe(125);
    expect(done.stderr).toContain("it exists and is no socket");
    expect(readFileSync(at("s"), "utf8")).toBe("somebody's");
    const asked = await tiffin(["-H", `unix://${at("s")}`, "ps"]);
    expect(asked.code).toBe(1);
    expect(asked.stderr).toStartWith(`Cannot connect to the Tiffin engine at unix://${at("s")}`);
  });
});

describe("contexts", () => {
  const files = (): string =>
    ["ca", "cert", "key"].map((part) => `${part}=${at(`certificates/${part}.pem`)}`).join(",");

  test("one of tiffin's is docker's too, and the other way round", async () => {
    const made = await tiffin(["context", "create", "kitchen", "--docker", `host=${tlsHost},${files()}`]);
    expect(made).toEqual({
      code: 0,
      stdout: "kitchen\n",
      stderr: 'Successfully created context "kitchen"\n',
    });
    expect((await tiffin(["--context", "kitchen", "version", "-f", "{{.Server.Version}}"])).code).toBe(0);
    const theirs = await run([docker, "--context", "kitchen", "run", "--rm", "base", "echo", "soup"]);
    expect(theirs).toMatchObject({ code: 0, stdout: "soup\n" });
    await run([docker, "context", "create", "pantry", "--docker", `host=${tlsHost},${files()}`]);
    expect((await tiffin(["-c", "pantry", "ps", "-q"])).code).toBe(0);
    await tiffin(["context", "rm", "pantry"]);
    expect((await run([docker, "context", "inspect", "pantry"])).code).toBe(1);
  });

  test("the one in use is used, by command line and programs, until an address or another one is named", async () => {
    expect((await tiffin(["context", "use", "kitchen"])).code).toBe(0);
    expect((await tiffin(["context", "show"])).stdout).toBe("kitchen\n");
    expect((await tiffin(["run", "--rm", "base", "echo", "soup"])).stdout).toBe("soup\n");
    const remote = await connect({ env: { HOME: at("home") } });
    expect(remote.host).toBe(tlsHost);
    const refused = await tiffin(["context", "rm", "kitchen"]);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect((await tiffin(["ps", "-q"], { DOCKER_CONTEXT: "nowhere" })).stderr).toStartWith(
      'context "nowhere" does not exist',
    );
    expect((await tiffin(["ps", "-q"], { TIFFIN_HOST: engine.host })).code).toBe(0);
    expect((await tiffin(["context", "use", "default"])).code).toBe(0);
    expect((await tiffin(["context", "rm", "kitchen"])).stdout).toBe("kitchen\n");
    expect(existsSync(at("home/.docker/tiffin.json"))).toBe(false);
  });

  test.each([
    [["context", "create", "../x"], 'invalid context name "../x"'],
    [["context", "create", "default"], "the context default is the engine of this machine"],
    [["context", "create", "xx", "--docker", "port=3"], 'unrecognized config key "port"'],
    [
      ["context", "create", "xx", "--docker", "host=ftp://x"],
      'unable to parse the engine\'s address "ftp://x"',
    ],
    [["context", "use", "xx"], 'context "xx" does not exist'],
    [["-H", "unix:///x", "-c", "xx", "ps"], "conflicting options: cannot specify both --host and --context"],
  ])("%p is refused", async (words, sentence) => {
    const done = await tiffin(words);
    expect(done.code).toBe(1);
    expect(done.stderr).toStartWith(sentence);
  });
});

const sshd = "/usr/sbin/sshd";

describe("ssh://", () => {
  let server: Bun.Subprocess | undefined;
  let host = "";

  function openSshKey(name: string): void {
    const done = Bun.spawnSync(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", at(name)]);
    expect(done.exitCode).toBe(0);
  }

  beforeAll(async () => {
    openSshKey("host-key");
    openSshKey("user-key");
    copyFileSync(at("user-key.pub"), at("authorized"));
    mkdirSync(at("bin"));
    // On that machine `docker` is ours, as the package tiffin-docker makes it.
    copyFileSync("tools/package/docker", at("bin/docker"));
    writeFileSync(at("bin/tiffin"), `#!/bin/sh\nexec ${tiffinCommand().join(" ")} "$@"\n`);
    // What the clients call: the machine's ssh with the keys of this test.
    const port = freePort();
    const options = `-i ${at("user-key")} -o UserKnownHostsFile=/dev/null -o StrictHostKeyChecking=no -o LogLevel=ERROR -F none`;
    writeFileSync(at("bin/ssh"), `#!/bin/sh\nexec /usr/bin/ssh ${options} "$@"\n`);
    for (const name of ["docker", "tiffin", "ssh"]) chmodSync(at(`bin/${name}`), 0o755);
    mkdirSync("/run/sshd", { recursive: true });
    writeFileSync(
      at("sshd.conf"),
      [
        `Port ${port}`,
        "ListenAddress 127.0.0.1",
        `HostKey ${at("host-key")}`,
        `AuthorizedKeysFile ${at("authorized")}`,
        "PasswordAuthentication no",
        "StrictModes no",
        "UsePAM no",
        "PermitRootLogin yes",
        `PidFile ${at("sshd.pid")}`,
        `SetEnv PATH=${at("bin")}:/usr/bin:/bin TIFFIN_HOST=${engine.host}`,
      ].join("\n"),
    );
    server = Bun.spawn([sshd, "-D", "-e", "-f", at("sshd.conf")], { stderr: Bun.file(at("sshd.log")) });
    host = `ssh://root@127.0.0.1:${port}`;
    await until("sshd to listen", () => readFileSync(at("sshd.log"), "utf8").includes("Server listening"));
  }, 30_000);

  afterAll(async () => {
    server?.kill();
    await server?.exited;
  });

  const path = (): Record<string, string> => ({ PATH: `${at("bin")}:${process.env["PATH"] ?? ""}` });

  test("our command line runs a container that reads and writes", async () => {
    const done = await tiffin(
      ["-H", host, "run", "--rm", "-i", "base", "wc", "-c"],
      path(),
      "soup".repeat(50_000),
    );
    expect(done).toEqual({ code: 0, stdout: "200000\n", stderr: "" });
  }, 30_000);

  test("so does the real docker", async () => {
    const env = { ...path(), DOCKER_HOST: host };
    const done = await run([docker, "run", "--rm", "-i", "base", "wc", "-c"], env, "soup".repeat(50_000));
    expect(done).toMatchObject({ code: 0, stdout: "200000\n" });
  }, 30_000);

  test("a machine that is not let in is said by ssh", async () => {
    const done = await tiffin(["-H", host.replace("root@", "nobody@"), "ps"], path());
    expect(done.code).toBe(1);
    expect(done.stderr).toContain("Permission denied");
    expect(done.stderr).toContain("the connection to the engine was lost");
  }, 30_000);
});
