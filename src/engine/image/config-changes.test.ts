import { expect, test } from "bun:test";
import { changedConfig } from "./config-changes.ts";

const base = { Env: ["PATH=/bin", "A=1"], WorkingDir: "/srv" };

test.each([
  ['CMD ["a", "b c"]', { Cmd: ["a", "b c"] }],
  ["cmd echo $HOME | cat", { Cmd: ["/bin/sh", "-c", "echo $HOME | cat"] }],
  ['ENTRYPOINT ["/x"]', { Entrypoint: ["/x"] }],
  ['ENV A=2 B="x y" C=$PATH:/sbin', { Env: ["PATH=/bin", "A=2", "B=x y", "C=/bin:/sbin"] }],
  ["ENV B  some words", { Env: ["PATH=/bin", "A=1", "B=some words"] }],
  ["ENV B='$A' C=\\$A", { Env: ["PATH=/bin", "A=1", "B=$A", "C=$A"] }],
  ["EXPOSE 80 53/udp 90-91", { ExposedPorts: { "80/tcp": {}, "53/udp": {}, "90/tcp": {}, "91/tcp": {} } }],
  ["LABEL a=b 'c d'=e", { Labels: { a: "b", "c d": "e" } }],
  ["ONBUILD RUN make", { OnBuild: ["RUN make"] }],
  ["USER $A:2", { User: "1:2" }],
  ['VOLUME ["/a", "/b c"]', { Volumes: { "/a": {}, "/b c": {} } }],
  ["VOLUME /a /b", { Volumes: { "/a": {}, "/b": {} } }],
  ["WORKDIR ../x", { WorkingDir: "/x" }],
  ["STOPSIGNAL SIGINT", { StopSignal: "SIGINT" }],
  [
    "HEALTHCHECK --interval=1m30s --retries=2 CMD true",
    {
      Healthcheck: { Interval: 90e9, Retries: 2, Test: ["CMD-SHELL", "true"] },
    },
  ],
  ["HEALTHCHECK NONE", { Healthcheck: { Test: ["NONE"] } }],
])("%s", (change, wanted) => {
  expect(changedConfig(base, [change])).toEqual({ ...base, ...wanted });
});

test.each([
  ["RUN x", "RUN is not a valid change command"],
  ["FROM x", "FROM is not a valid change command"],
  ["CMD", "CMD requires at least one argument"],
  ["ENV A", "ENV must have two arguments"],
  ["ENV =a", "ENV names can not be blank"],
  ["ENV A=b C", `Syntax error - can't find = in "C". Must be of the form: name=value`],
  ['ENV A="b', "unexpected end of statement while looking for matching double-quote"],
  ["EXPOSE x", "invalid containerPort: x"],
  ["EXPOSE 9-8", "invalid containerPort: 9-8"],
  ["ONBUILD ONBUILD x", "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ["__proto__ x", "__PROTO__ is not a valid change command"],
])("%s is refused", (change, message) => {
  expect(() => changedConfig(base, [change])).toThrow(message);
});

test("several lines are several changes", () => {
  expect(changedConfig({}, ["ENV A=1\nENV B=$A", "", "# no"])).toEqual({ Env: ["A=1", "B=1"] });
});
