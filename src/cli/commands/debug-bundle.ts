/** `tiffin debug bundle`: what a report of a fault needs, in one archive that can be shown to others. */
import type { ApiClient } from "../../client/api-client.ts";
import type { SyncSocket } from "../../client/sync-socket.ts";
import { messageOf } from "../../lib/errors.ts";
import { textArchive } from "../bundle/archive.ts";
import { maskedDocuments } from "../bundle/masked.ts";
import { defineCommand } from "../command.ts";
import { text } from "../flags/flag.ts";
import { outputOf } from "../output-file.ts";

type Api = ApiClient<SyncSocket>;

/** As many containers as a reader looks at, those that run before the others. */
const limitContainers = 200;

/** What is in the archive, by name; a part that cannot be had says why, and the others are there all the same. */
async function documentsOf(api: Api): Promise<Map<string, unknown>> {
  const found = new Map<string, unknown>();
  const add = async (name: string, ask: () => Promise<unknown>): Promise<void> => {
    found.set(name, await ask().catch((thrown: unknown) => ({ missing: messageOf(thrown) })));
  };
  await add("version.json", () => api.document("version", {}));
  await add("info.json", () => api.document("info", {}));
  await add("images.json", () => api.document("imageList", { query: { all: true } }));
  await add("networks.json", () => api.document("networkList", {}));
  await add("volumes.json", () => api.document("volumeList", {}));
  const containers = await api.document("containerList", { query: { all: true } });
  found.set("containers.json", containers);
  const wanted = [...containers].sort(
    (a, b) => Number(b.State === "running") - Number(a.State === "running"),
  );
  for (const { Id: name } of wanted.slice(0, limitContainers)) {
    const place = `containers/${name.slice(0, 12)}`;
    await add(`${place}/inspect.json`, () => api.document("containerInspect", { params: { name } }));
    await add(`${place}/trace.json`, () => api.document("trace", { params: { name } }));
    await add(`${place}/plan.txt`, async () => {
      const { Text } = await api.document("explain", { params: { name }, query: { format: "plain" } });
      return Text;
    });
  }
  return found;
}

export const command = defineCommand({
  names: ["debug bundle"],
  usage: "[OPTIONS]",
  summary: "Write an archive with versions, state and plans for a report of a fault, secrets masked",
  details:
    "Values of environment variables, labels and options, and what looks like a password, are *** in it. Look through it before you give it to somebody.",
  flags: { output: text("o", "Write to a file, instead of STDOUT") },
  least: 0,
  most: 0,
  async run({ values, context }) {
    using output = outputOf(context, values.output, "write the bundle");
    const api = await context.api();
    const files = new Map<string, string>();
    for (const [name, plain] of maskedDocuments(await documentsOf(api))) {
      files.set(name, typeof plain === "string" ? plain : `${JSON.stringify(plain, undefined, 2)}\n`);
    }
    const observer = await context.io.observer();
    files.set("check.txt", observer.check(false).text);
    output.write(textArchive("tiffin-debug", files, context.io.nowMs()));
    output.finish();
    return 0;
  },
});
