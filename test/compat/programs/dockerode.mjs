/** What a program that uses dockerode does; prints one JSON object, what each scenario came to. Argument: the socket. */
import { once } from "node:events";
import { PassThrough } from "node:stream";
import Docker from "dockerode";

const docker = new Docker({ socketPath: process.argv[2] });
const image = "base";

/** The two streams in one text, as they come. */
function joined(stream) {
  const sink = new PassThrough();
  docker.modem.demuxStream(stream, sink, sink);
  stream.on("end", () => sink.end());
  return text(sink);
}

async function text(stream) {
  let whole = "";
  for await (const chunk of stream) whole += chunk;
  return whole;
}

async function started(settings) {
  const container = await docker.createContainer({ Image: image, ...settings });
  await container.start();
  return container;
}

const sleeping = { Cmd: ["sleep", "600"] };
const everything = { stream: true, stdin: true, stdout: true, stderr: true };

const scenarios = {
  async run() {
    const streams = [new PassThrough(), new PassThrough()];
    // The output may come after the end of the container is told.
    const said = streams.map(async (stream) => String((await once(stream, "data"))[0]));
    const [end, container] = await docker.run(image, ["sh", "-c", "echo o; echo e >&2; exit 3"], streams, {
      Tty: false,
    });
    await container.remove();
    return { ...end, said: await Promise.all(said) };
  },
  async attachBothWays() {
    const container = await docker.createContainer({
      Image: image,
      Cmd: ["cat"],
      OpenStdin: true,
      StdinOnce: true,
      AttachStdin: true,
    });
    const stream = await container.attach({ ...everything, hijack: true });
    const output = joined(stream);
    await container.start();
    stream.write("one\n");
    stream.end("two\n");
    return [await output, await container.wait()];
  },
  async attachTerminal() {
    const program = ["sh", "-c", "read x; stty size; exit 5"];
    const container = await docker.createContainer({
      Image: image,
      Cmd: program,
      Tty: true,
      OpenStdin: true,
    });
    const stream = await container.attach({ ...everything, hijack: true });
    await container.start();
    await container.resize({ h: 33, w: 99 });
    stream.write("\n");
    return [await text(stream), await container.wait()];
  },
  async attachWithoutUpgrade() {
    const container = await docker.createContainer({ Image: image, Cmd: ["echo", "x"] });
    const output = joined(await container.attach({ stream: true, stdout: true, stderr: true }));
    await container.start();
    return await output;
  },
  async followLogs() {
    const container = await started({ Cmd: ["sh", "-c", "echo x; sleep 0.1; echo y"] });
    return await joined(await container.logs({ follow: true, stdout: true, stderr: true }));
  },
  async exec() {
    const container = await started(sleeping);
    const echo = await container.exec({ Cmd: ["cat"], AttachStdin: true, AttachStdout: true });
    const stream = await echo.start({ hijack: true, stdin: true });
    const output = joined(stream);
    stream.end("in");
    const missing = await container.exec({ Cmd: ["nosuch"], AttachStdout: true, AttachStderr: true });
    const said = [await output, await joined(await missing.start({}))];
    const codes = [echo, missing].map(async (each) => (await each.inspect()).ExitCode);
    return [...said, await Promise.all(codes)];
  },
  async archive() {
    const container = await started(sleeping);
    const pieces = [];
    for await (const piece of await container.getArchive({ path: "/etc/passwd" })) pieces.push(piece);
    await container.putArchive(Buffer.concat(pieces), { path: "/tmp" });
    const compare = await container.exec({ Cmd: ["cmp", "/etc/passwd", "/tmp/passwd"], AttachStdout: true });
    await text(await compare.start({}));
    return (await compare.inspect()).ExitCode;
  },
  async events() {
    const stream = await docker.getEvents({ filters: { type: ["container"] } });
    const actions = [];
    const container = await started({ Cmd: ["true"] });
    await container.wait();
    await container.remove();
    for await (const lines of stream) {
      for (const line of lines.toString().trim().split("\n")) {
        const { id, Action } = JSON.parse(line);
        if (id === container.id) actions.push(Action);
      }
      if (actions.includes("destroy")) return actions;
    }
  },
  async network() {
    const network = await docker.createNetwork({ Name: "dockerode", Labels: { a: "b" } });
    const container = await started({
      ...sleeping,
      NetworkingConfig: { EndpointsConfig: { dockerode: { Aliases: ["x"] } } },
    });
    const { Containers } = await network.inspect();
    await network.disconnect({ Container: container.id });
    await network.connect({ Container: container.id });
    await container.remove({ force: true });
    await network.remove();
    return Object.keys(Containers ?? {}).length;
  },
  async volume() {
    await docker.createVolume({ Name: "dockerode" });
    const HostConfig = { Binds: ["dockerode:/v"] };
    const writer = await started({ Cmd: ["sh", "-c", "echo kept > /v/file"], HostConfig });
    await writer.wait();
    const reader = await started({ Cmd: ["cat", "/v/file"], HostConfig });
    const output = await joined(await reader.logs({ follow: true, stdout: true, stderr: true }));
    for (const each of [writer, reader]) await each.remove({ force: true });
    await docker.getVolume("dockerode").remove();
    return output;
  },
  async waitForRemoval() {
    const container = await docker.createContainer({
      Image: image,
      Cmd: ["sh", "-c", "exit 4"],
      HostConfig: { AutoRemove: true },
    });
    const removed = container.wait({ condition: "removed" });
    const ended = container.wait({ condition: "next-exit" });
    await container.start();
    return [await ended, await removed];
  },
  async missing() {
    try {
      return await docker.getContainer("nosuch").inspect();
    } catch (thrown) {
      return [thrown.statusCode, thrown.json.message];
    }
  },
};

const results = {};
for (const [name, scenario] of Object.entries(scenarios)) {
  try {
    results[name] = await scenario();
  } catch (thrown) {
    results[name] = `failed: ${thrown.stack}`;
  }
}
process.stdout.write(JSON.stringify(results), () => process.exit(0));
