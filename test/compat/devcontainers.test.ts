/** The command line of Dev Containers, which editors call: its own sequence of calls, by the docker client that it is given. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { devcontainers } from "../support/client-versions.ts";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { nodePackages } from "../support/node-packages.ts";
import { outcomeOf } from "../support/outcome.ts";

const packages = nodePackages("devcontainers", [`@devcontainers/cli@${devcontainers}`]);
const [docker] = dockerClients;

const configuration = {
  name: "kitchen",
  image: "base",
  updateRemoteUserUID: false,
  containerEnv: { COURSE: "soup" },
  remoteEnv: { REMOTE: "yes" },
  mounts: ["source=dev-shelf,target=/shelf,type=volume"],
  onCreateCommand: "echo created > /shelf/created",
  postCreateCommand: { both: ["sh", "-c", "echo made > /made"] },
  postStartCommand: "echo started >> /started",
};

if ("missing" in packages) test.skip(`Dev Containers: all of it (${packages.missing})`, () => {});
else if (docker === undefined)
  test.skip("Dev Containers: all of it (no docker client is installed)", () => {});
else {
  const program = join(packages.directory, "node_modules/.bin/devcontainer");
  describe("Dev Containers", () => {
    let engine: TestEngine;
    let workspace: string;

    beforeAll(async () => {
      engine = await startEngine();
      await engine.output("run", "--rm", "base", "true");
      workspace = join(engine.directory, "kitchen");
      mkdirSync(join(workspace, ".devcontainer"), { recursive: true });
      writeFileSync(join(workspace, ".devcontainer/devcontainer.json"), JSON.stringify(configuration));
      writeFileSync(join(workspace, "menu"), "soup\n");
    });
    afterAll(async () => {
      await engine[Symbol.asyncDispose]();
    });

    async function devcontainer(command: string, ...words: readonly string[]): Promise<string> {
      const where = ["--docker-path", docker?.path ?? "", "--workspace-folder", workspace];
      const child = Bun.spawn([program, command, ...where, ...words], {
        env: { ...process.env, DOCKER_HOST: engine.host },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const { code, stdout, stderr } = await outcomeOf(child);
      expect({ code, stderr: code === 0 ? "" : stderr + stdout }).toEqual({ code: 0, stderr: "" });
      return stdout;
    }

    test("a workspace comes up, is worked in, and is found again", async () => {
      const up = JSON.parse(await devcontainer("up"));
      expect(up).toMatchObject({ outcome: "success", remoteWorkspaceFolder: "/workspaces/kitchen" });
      const look = "cat /shelf/created /made menu; echo $COURSE $REMOTE; echo new > written";
      expect(await devcontainer("exec", "sh", "-c", look)).toBe("created\nmade\nsoup\nsoup yes\n");
      expect(await Bun.file(join(workspace, "written")).text()).toBe("new\n");
      await engine.output("stop", "-t", "0", up.containerId);
      expect(JSON.parse(await devcontainer("up"))).toMatchObject({ containerId: up.containerId });
      expect(await devcontainer("exec", "cat", "/started")).toBe("started\nstarted\n");
    });
  });
}
