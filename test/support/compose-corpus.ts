/**
 * The projects of test/compat/compose-corpus, each brought up, looked at, asked, scaled, restarted and taken down by the real
 * compose. What it came to on an engine of Docker's is kept beside them (`recorded/`), by tools/record-compose.ts.
 */
import { cpSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { composeView } from "./compose-view.ts";
import { outcomeOf } from "./outcome.ts";
import { temporaryDirectory } from "./temporary-directory.ts";
import { settled } from "./until.ts";

const corpus = join(import.meta.dir, "../compat/compose-corpus");

/** Names of the projects, in their order. */
export const composeProjects: readonly string[] = readdirSync(corpus)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => name.replace(".yaml", ""))
  .sort();

export function recordedFile(project: string): string {
  return join(corpus, "recorded", `${project}.json`);
}

/** What is done with a project: `x-scenario` of its file. */
interface Scenario {
  readonly profiles?: readonly string[];
  /** Images are made before. */
  readonly build?: boolean;
  /** Commands, by the service in which they are performed. */
  readonly ask?: Readonly<Record<string, string>>;
  readonly scale?: Readonly<Record<string, number>>;
  /** Not where services live in the namespaces of others: which of them comes first is compose's luck. */
  readonly restart?: boolean;
  /** Words of the docker client, before `up` and after `down`. */
  readonly before?: readonly (readonly string[])[];
  readonly after?: readonly (readonly string[])[];
}

interface ProjectDocument {
  readonly "x-scenario"?: Scenario;
}

/** An engine, and the programs that are to drive it. */
export interface ComposeStage {
  readonly socket: string;
  readonly compose: string;
  readonly docker: string;
}

async function perform(directory: string, socket: string, command: readonly string[]): Promise<string> {
  const env = {
    ...process.env,
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_BUILDKIT: "0",
    COMPOSE_BAKE: "false",
  };
  const child = Bun.spawn([...command], {
    cwd: directory,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const { code, stdout, stderr } = await outcomeOf(child);
  if (code !== 0) throw new Error(`${command.slice(1).join(" ")}: exit ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** Plays `project` on a stage. Everything that it made is gone afterwards, except images. */
export async function playProject(project: string, stage: ComposeStage): Promise<unknown> {
  using copy = temporaryDirectory("compose-corpus");
  cpSync(join(corpus, "files"), join(copy.path, "files"), { recursive: true });
  cpSync(join(corpus, `${project}.yaml`), join(copy.path, "compose.yaml"));
  // The files are this project's own.
  const document = Bun.YAML.parse(readFileSync(join(copy.path, "compose.yaml"), "utf8")) as ProjectDocument;
  const scenario = document["x-scenario"] ?? {};
  // As short as can be: names of containers are host names in some projects.
  const name = `c${project.slice(0, 2)}`;
  const profiles = (scenario.profiles ?? []).flatMap((each) => ["--profile", each]);
  const compose = (...words: readonly string[]): Promise<string> =>
    perform(copy.path, stage.socket, [stage.compose, "-p", name, ...profiles, ...words]);
  const client = async (commands: Scenario["before"]): Promise<void> => {
    for (const words of commands ?? []) await perform(copy.path, stage.socket, [stage.docker, ...words]);
  };
  const view = (): Promise<unknown> =>
    settled(`the project ${project}`, async () => {
      const seen = await composeView(stage.socket, name, copy.path);
      return JSON.stringify(seen).includes('"Status":"starting"') ? { notYet: performance.now() } : seen;
    });
  try {
    await client(scenario.before);
    if (scenario.build === true) await compose("build", "--quiet");
    await compose("up", "--detach");
    const up = await view();
    const said: Record<string, string> = {};
    for (const [service, command] of Object.entries(scenario.ask ?? {})) {
      const quiet = `{ ${command.replaceAll("$$", "$")}; } 2>&1; true`;
      said[service] = await compose("exec", "-T", service, "sh", "-c", quiet);
    }
    let scaled: unknown;
    if (scenario.scale !== undefined) {
      const wanted = Object.entries(scenario.scale).flatMap(([service, count]) => [
        "--scale",
        `${service}=${count}`,
      ]);
      await compose("up", "--detach", "--no-recreate", ...wanted);
      scaled = statesIn(await view());
    }
    if (scenario.restart !== false) await compose("restart", "--timeout", "0");
    const restarted = statesIn(await view());
    await compose("down", "--volumes", "--timeout", "0");
    const left = await view();
    return { up, said, ...(scaled === undefined ? {} : { scaled }), restarted, left };
  } finally {
    await compose("down", "--volumes", "--timeout", "0").catch(() => "");
    await client(scenario.after);
  }
}

/** The containers of a view, by name, and how each is. */
function statesIn(seen: unknown): unknown {
  // A view is this folder's own.
  const { containers } = seen as {
    readonly containers: Readonly<Record<string, { readonly state: unknown }>>;
  };
  return Object.fromEntries(Object.entries(containers).map(([name, { state }]) => [name, state]));
}
