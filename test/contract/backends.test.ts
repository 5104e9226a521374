/**
 * What `src/api/backend.ts` says an engine does, on the engine itself and on the one in memory that the tests of the API and of
 * docker's client use: what those tests prove is true of the engine only as far as both pass this.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { AttachedStream, Backends, LogRequest } from "../../src/api/backend.ts";
import { fakeEngine } from "../../src/api/testing/fake-engine.ts";
import type { ContainerCreateBody } from "../../src/docker/types/container.ts";
import { TiffinError } from "../../src/lib/errors.ts";
import { EngineFixture, unframe } from "../support/engine-in-process.ts";

/** The same behaviour by the programs that each engine has. */
interface Programs {
  /** Writes to standard error and ends with 3. */
  warn(word: string): string[];
}

interface Subject {
  readonly label: string;
  readonly programs: Programs;
  open(): Promise<Backends>;
  close(): Promise<void>;
}

const fixture = new EngineFixture();

const subjects: readonly Subject[] = [
  {
    label: "in memory",
    programs: { warn: (word) => ["warn", word] },
    open: async () => fakeEngine(),
    close: async () => {},
  },
  {
    label: "itself",
    programs: { warn: (word) => ["sh", "-c", `echo ${word} >&2; exit 3`] },
    open: async () => (await fixture.open()).engine,
    close: async () => await fixture[Symbol.asyncDispose](),
  },
];

const never = new AbortController().signal;
const idForm = /[0-9a-f]{64}/g;
const sleeping = ["sleep", "1000"];
const anything: LogRequest = { follow: false, stdout: true, stderr: true };
const removal = { force: true, volumes: true, link: false };

/** Everything that a session says, to the end that comes after the last byte. */
async function collect({
  stream,
  tty,
}: Pick<AttachedStream, "stream" | "tty">): Promise<ReturnType<typeof unframe>> {
  const chunks: Uint8Array[] = [];
  await new Promise<void>((resolve) => {
    stream.listen({ data: (chunk) => chunks.push(chunk.slice()), end: resolve, close: () => resolve() });
  });
  const bytes = Buffer.concat(chunks);
  return tty ? { stdout: bytes.toString(), stderr: "" } : unframe(bytes);
}

/** Kind, text and proposed exit code of a refusal. */
async function refusal(attempt: Promise<unknown>): Promise<readonly [string, string, number | undefined]> {
  const thrown = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(thrown instanceof TiffinError)) throw new Error(`no refusal but ${String(thrown)}`);
  return [thrown.kind, thrown.message.replace(idForm, "ID"), thrown.exitCode];
}

describe.each(subjects.map((subject) => [subject.label, subject] as const))(
  "the engine %s",
  (_label, subject) => {
    let backends: Backends;
    let count = 0;

    beforeAll(async () => {
      backends = await subject.open();
    });
    afterAll(async () => {
      await subject.close();
    });

    async function create(
      cmd: readonly string[],
      more: ContainerCreateBody = {},
    ): Promise<{ id: string; name: string }> {
      count += 1;
      const name = `c${count}`;
      const body = {
        Image: "base",
        Cmd: cmd,
        ...more,
        HostConfig: { NetworkMode: "none", ...more.HostConfig },
      };
      return { id: (await backends.containers.create({ name, body })).Id, name };
    }

    async function started(
      cmd: readonly string[],
      more: ContainerCreateBody = {},
    ): Promise<{ id: string; name: string }> {
      const container = await create(cmd, more);
      await backends.containers.start(container.id);
      return container;
    }

    async function exitOf(name: string): Promise<number> {
      return (await (await backends.containers.wait(name, "not-running", never)).exit).StatusCode;
    }

    async function stateOf(name: string): Promise<string> {
      return (await backends.containers.inspect(name, { size: false })).State.Status;
    }

    async function logsOf(name: string, request: Partial<LogRequest> = {}): Promise<string> {
      const { batches } = await backends.containers.logs(name, { ...anything, ...request }, never);
      let text = "";
      for await (const batch of batches) for (const { bytes } of batch) text += Buffer.from(bytes).toString();
      return text;
    }

    test("a container is found by id, by a prefix of it, by name with and without slash, and by nothing else", async () => {
      const { id, name } = await create(sleeping);
      for (const asked of [id, id.slice(0, 12), name, `/${name}`])
        expect((await backends.containers.inspect(asked, { size: false })).Id).toBe(id);
      expect(await refusal(backends.containers.inspect("nobody", { size: false }))).toEqual([
        "notFound",
        "No such container: nobody",
        undefined,
      ]);
      await backends.containers.remove(id, removal);
    });

    test("create: the image must be there and the name free", async () => {
      const missing = backends.containers.create({ body: { Image: "nope" } });
      expect((await refusal(missing)).slice(0, 2)).toEqual(["notFound", "No such image: nope:latest"]);
      const { name } = await create(sleeping);
      expect(
        (await refusal(backends.containers.create({ name, body: { Image: "base" } }))).slice(0, 2),
      ).toEqual([
        "conflict",
        `Conflict. The container name "/${name}" is already in use by container "ID". You have to remove (or rename) that container to be able to reuse that name.`,
      ]);
      await backends.containers.remove(name, removal);
    });

    test("created, running, exited, and running again", async () => {
      const { id, name } = await create(sleeping);
      expect(await stateOf(id)).toBe("created");
      await backends.containers.start(name);
      expect(await stateOf(id)).toBe("running");
      expect((await refusal(backends.containers.start(name)))[0]).toBe("notModified");
      await backends.containers.stop(name, { timeoutSeconds: 0 });
      expect(await stateOf(id)).toBe("exited");
      expect((await refusal(backends.containers.stop(name, {})))[0]).toBe("notModified");
      await backends.containers.start(name);
      expect(await stateOf(id)).toBe("running");
      await backends.containers.kill(name, undefined);
      expect(await exitOf(name)).toBe(137);
      expect((await refusal(backends.containers.kill(id, "SIGKILL"))).slice(0, 2)).toEqual([
        "conflict",
        "cannot kill container: ID: container ID is not running",
      ]);
      await backends.containers.remove(id, removal);
    });

    test("list: what runs, or all", async () => {
      const { id: running } = await started(sleeping);
      const { id: created } = await create(sleeping);
      const list = async (all: boolean): Promise<string[]> =>
        (await backends.containers.list({ all, size: false, filters: {} })).map(({ Id }) => Id);
      expect(await list(false)).toEqual([running]);
      expect((await list(true)).sort()).toEqual([running, created].sort());
      for (const id of [running, created]) await backends.containers.remove(id, removal);
      expect(await list(true)).toEqual([]);
    });

    test("wait: misses no exit, ends by an abort, tells of a removal", async () => {
      const { id } = await create(["echo", "x"]);
      const next = await backends.containers.wait(id, "next-exit", never);
      await backends.containers.start(id);
      expect((await next.exit).StatusCode).toBe(0);
      expect(await exitOf(id)).toBe(0);
      const abort = new AbortController();
      const waiting = await backends.containers.wait(id, "removed", abort.signal);
      abort.abort();
      expect((await refusal(waiting.exit))[0]).toBe("cancelled");
      const removed = await backends.containers.wait(id, "removed", never);
      await backends.containers.remove(id, removal);
      expect((await removed.exit).StatusCode).toBe(0);
    });

    test("logs: of both streams, of one, of the end, and followed to the exit", async () => {
      const { id: out } = await started(["echo", "hello"]);
      await exitOf(out);
      expect(await logsOf(out)).toBe("hello\n");
      expect(await logsOf(out, { stdout: false })).toBe("");
      expect(await logsOf(out, { tail: 1 })).toBe("hello\n");
      expect(await logsOf(out, { tail: 0 })).toBe("");
      expect(await logsOf(out, { follow: true })).toBe("hello\n");
      const { id: err } = await started(subject.programs.warn("oops"));
      expect(await exitOf(err)).toBe(3);
      expect(await logsOf(err, { stdout: false })).toBe("oops\n");
      expect(await logsOf(err, { stderr: false })).toBe("");
      for (const id of [out, err]) await backends.containers.remove(id, removal);
    });

    test("attach before the start: all of the output, then its end; what is typed arrives", async () => {
      const { id } = await create(["cat"], { OpenStdin: true, StdinOnce: true, AttachStdin: true });
      const { stream, tty } = await backends.containers.attach(id, {
        stdin: true,
        stdout: true,
        stderr: true,
        logs: false,
        stream: true,
      });
      const heard = collect({ stream, tty });
      await backends.containers.start(id);
      stream.write(Buffer.from("typed\n"));
      stream.end();
      expect(await heard).toEqual({ stdout: "typed\n", stderr: "" });
      expect(await exitOf(id)).toBe(0);
      await backends.containers.remove(id, removal);
    });

    test("rename: found by the new name alone, which must be free", async () => {
      const { id, name } = await create(sleeping);
      const { id: other, name: taken } = await create(sleeping);
      await backends.containers.rename(name, "renamed");
      expect((await backends.containers.inspect("renamed", { size: false })).Id).toBe(id);
      expect((await refusal(backends.containers.inspect(name, { size: false })))[0]).toBe("notFound");
      expect((await refusal(backends.containers.rename("renamed", taken)))[0]).toBe("conflict");
      for (const one of [id, other]) await backends.containers.remove(one, removal);
    });

    test("remove: what runs only by force, and then it is gone", async () => {
      const { id, name } = await started(sleeping);
      expect(
        (await refusal(backends.containers.remove(id, { ...removal, force: false }))).slice(0, 2),
      ).toEqual([
        "conflict",
        `cannot remove container "/${name}": container is running: stop the container before removing or force remove`,
      ]);
      await backends.containers.remove(id, removal);
      expect((await refusal(backends.containers.remove(id, removal)))[0]).toBe("notFound");
    });

    test("run: output, exit code, and with remove no container when it has ended", async () => {
      const session = await backends.containers.run({
        create: {
          Image: "base",
          Cmd: subject.programs.warn("run"),
          AttachStdout: true,
          AttachStderr: true,
          HostConfig: { NetworkMode: "none" },
        },
        name: "once",
        remove: true,
      });
      const heard = collect(session);
      expect((await session.exited).StatusCode).toBe(3);
      expect(await heard).toEqual({ stdout: "", stderr: "run\n" });
      expect((await refusal(backends.containers.inspect("once", { size: false })))[0]).toBe("notFound");
    });

    test("run of a program that is not there: 127, and nothing stays with remove", async () => {
      const attempt = backends.containers.run({
        create: { Image: "base", Cmd: ["no-such-program"], HostConfig: { NetworkMode: "none" } },
        name: "missing",
        remove: true,
      });
      expect(await refusal(attempt)).toEqual([
        "invalid",
        'exec: "no-such-program": executable file not found in $PATH',
        127,
      ]);
      expect((await refusal(backends.containers.inspect("missing", { size: false })))[0]).toBe("notFound");
    });

    test("exec: only where the container runs, once, with its own exit code", async () => {
      const { id } = await create(sleeping);
      const body = { Cmd: subject.programs.warn("inner"), AttachStdout: true, AttachStderr: true };
      expect((await refusal(backends.execs.create(id, body))).slice(0, 2)).toEqual([
        "conflict",
        "container ID is not running",
      ]);
      await backends.containers.start(id);
      const exec = (await backends.execs.create(id, body)).Id;
      expect(await backends.execs.inspect(exec)).toMatchObject({
        ID: exec,
        Running: false,
        ExitCode: null,
        ContainerID: id,
      });
      const { stream, tty } = await backends.execs.start(exec, { consoleSize: undefined });
      expect(await collect({ stream, tty })).toEqual({ stdout: "", stderr: "inner\n" });
      expect((await refusal(backends.execs.start(exec, { consoleSize: undefined })))[0]).toBe("conflict");
      const session = await backends.execs.run(id, body);
      const heard = collect(session);
      expect((await session.exited).StatusCode).toBe(3);
      expect(await heard).toEqual({ stdout: "", stderr: "inner\n" });
      expect(await backends.execs.inspect(exec)).toMatchObject({ Running: false, ExitCode: 3 });
      expect(await refusal(backends.execs.inspect("nothing"))).toEqual([
        "notFound",
        "No such exec instance: nothing",
        undefined,
      ]);
      await backends.containers.remove(id, removal);
    });

    test("images: base by its names, no other", async () => {
      expect(
        (await backends.images.list({ all: false, digests: false, sharedSize: false, filters: {} })).map(
          ({ RepoTags }) => RepoTags,
        ),
      ).toEqual([["base:latest"]]);
      expect((await backends.images.inspect("base")).RepoTags).toEqual(["base:latest"]);
      expect((await backends.images.inspect("base:latest")).RepoTags).toEqual(["base:latest"]);
      expect((await refusal(backends.images.inspect("nope"))).slice(0, 2)).toEqual([
        "notFound",
        "No such image: nope:latest",
      ]);
    });

    test("the system: it answers, and says what it is", async () => {
      await backends.system.ping();
      const version = await backends.system.version();
      expect([version.Os, version.ApiVersion, version.MinAPIVersion]).toEqual(["linux", "1.50", "1.24"]);
      const info = await backends.system.info();
      expect([info.OSType, info.Driver, info.DefaultRuntime]).toEqual(["linux", "overlay2", "tiffin"]);
    });
  },
);
