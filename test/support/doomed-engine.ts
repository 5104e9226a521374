/**
 * A program for crash tests: opens an engine over the directory given and lives through everything that containers
 * can go through, so that a failpoint in TIFFIN_FAILPOINT is passed somewhere on the way.
 *
 *   bun test/support/doomed-engine.ts DIRECTORY
 */
import { EngineFixture } from "./engine-in-process.ts";
import { tarWith } from "./oci-layout.ts";
import { until } from "./until.ts";

const fixture = new EngineFixture(process.argv[2]);
await fixture.open();
const { containers, execs, networks } = fixture.engine;
const bridge = { NetworkMode: "bridge" };
const check = { Test: ["CMD", "true"], Interval: 20_000_000 };
const first = {
  HostConfig: { ...bridge, Tmpfs: { "/going": "" } },
  Volumes: { "/scratch": {} },
  Healthcheck: check,
};
await fixture.start(["sleep", "1000"], first, "victim");
await until("the first check of health", async () => {
  const { State } = await containers.inspect("victim", { size: false });
  return State.Health?.Status === "healthy";
});
async function* archive(): AsyncGenerator<Uint8Array> {
  yield await Promise.resolve(tarWith("copied", new TextEncoder().encode("in\n")));
}
await containers.putArchive("victim", { path: "/tmp", keepTypes: false, ownedByUser: false }, archive());
const out = await containers.getArchive("victim", "/tmp/copied");
for await (const _piece of out.bytes);
await containers.restart("victim", { timeoutSeconds: 0 });
const session = await execs.run("victim", { Cmd: ["true"], AttachStdout: true });
await session.exited;
const nothing = { tag: undefined, author: "", comment: "", config: undefined, changes: [] };
await containers.commit("victim", { ...nothing, repository: "kept", pause: true });
await containers.pause("victim");
await containers.unpause("victim");
const quick = { Type: "tmpfs", Target: "/quick" } as const;
const ports = { Add: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] } };
await networks.create({ Name: "inn" });
const moved = { Add: { inn: {} }, Remove: ["bridge"] };
const changes = { Mounts: { Add: [quick], Remove: ["/going"] }, Ports: ports, Networks: moved };
await containers.update("victim", { PidsLimit: 100, Tiffin: changes });
await containers.stop("victim", { timeoutSeconds: 0 });
await containers.remove("victim", { force: false, volumes: true });
await networks.remove("inn");
await fixture.start(["sleep", "1000"], { HostConfig: { ...bridge, UsernsMode: "private" } }, "second");
await containers.remove("second", { force: true, volumes: true });
