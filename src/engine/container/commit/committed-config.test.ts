/** What of a container's configuration is in the image that is made of it, as dockerd decides. */
import { expect, test } from "bun:test";
import { committedConfig } from "./committed-config.ts";

const container = {
  Hostname: "h",
  Tty: true,
  User: "",
  Env: ["A=1", "B=2"],
  Cmd: ["-c", "echo hi"],
  Entrypoint: ["/bin/sh"],
  Labels: { x: "y" },
  Volumes: { "/data": {} },
  OnBuild: [],
};
const own = {
  Env: ["A=1", "B=2"],
  Cmd: ["-c", "echo hi"],
  Entrypoint: ["/bin/sh"],
  Labels: { x: "y" },
  Volumes: { "/data": {} },
};

test("what an image cannot say, and what says nothing, is left out", () => {
  expect(committedConfig(container, { config: undefined, changes: [] })).toStrictEqual(own);
});

test("an entry point of the change keeps the container's command out, a command leaves its entry point", () => {
  const { Cmd: _command, ...others } = own;
  expect(committedConfig(container, { config: undefined, changes: ['ENTRYPOINT ["z"]'] })).toStrictEqual({
    ...others,
    Entrypoint: ["z"],
  });
  expect(committedConfig(container, { config: undefined, changes: ['CMD ["x"]'] })).toStrictEqual({
    ...own,
    Cmd: ["x"],
  });
});

test("what the client's configuration leaves open is the container's", () => {
  const config = { User: "9", Env: ["A=3", "C=4"], Labels: { k: "v" }, WorkingDir: "/w" };
  expect(committedConfig(container, { config, changes: ["ENV D=$A$B"] })).toStrictEqual({
    ...own,
    User: "9",
    WorkingDir: "/w",
    Env: ["A=3", "C=4", "D=3", "B=2"],
    Labels: { x: "y", k: "v" },
  });
});
