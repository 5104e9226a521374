/**
 * `create-body.cases.json` holds command lines with what docker 28.2 sent for them (fields that say nothing removed), or the
 * text and code with which it refused, the program's name replaced. Files and variables that they use are made up here.
 */
import { expect, test } from "bun:test";
import { parseFlags } from "../flags/parse.ts";
import { runCli } from "../run-cli.ts";
import { fakeIo } from "../testing/fake-io.ts";
import { containerFlags } from "./container-flags.ts";
import cases from "./create-body.cases.json";
import { createBody } from "./create-body.ts";
import { parseRestartPolicy } from "./limit-specs.ts";

const files: Readonly<Record<string, string | Uint8Array | Error>> = {
  spaced: "A=1\nB C=2\n",
  nameless: "=x\n",
  bytes: new Uint8Array([65, 61, 49, 10, 66, 61, 255, 10]),
  folder: Object.assign(new Error("it is one"), { code: "EISDIR" }),
  envf: "A=1\n# c\n\nFOO\nNOTSET\n B=x y \n",
  labf: "l1=a\nl2\n",
};

function surroundings() {
  return fakeIo({ env: { FOO: "bar" }, cwd: "/home/user", files });
}

/** Drops what equals a default, at every depth. */
function meaningful(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(meaningful);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .map(([key, inner]) => [key, meaningful(inner)] as const)
    .filter(
      ([, inner]) =>
        !["", "null", "false", "0", "[]", "{}", '""', "undefined"].includes(
          JSON.stringify(inner) ?? "undefined",
        ),
    );
  return Object.fromEntries(entries);
}

for (const [args, wanted] of cases as [string[], { body?: unknown; error?: string; code?: number }][]) {
  test(args.join(" "), async () => {
    const io = surroundings();
    if (wanted.error !== undefined) {
      expect(await runCli(["create", ...args], io)).toBe(wanted.code ?? 0);
      expect(io.errorText()).toBe(wanted.error);
      return;
    }
    const { values, given, positionals } = parseFlags(containerFlags, args, { interspersed: false });
    const [image = "", ...command] = positionals;
    const body = createBody({ values, given, image, command, detached: false, consoleSize: undefined }, io);
    expect(meaningful(body)).toEqual(meaningful(wanted.body));
  });
}

test.each([
  [
    ["--health-tcp", "localhost:5432"],
    ["TCP", "localhost:5432"],
  ],
  [
    ["--health-http", "http://127.0.0.1/up"],
    ["HTTP", "http://127.0.0.1/up"],
  ],
] as const)("%p, which Docker does not have, asks without a process", async (args, wanted) => {
  const io = surroundings();
  const { values, given } = parseFlags(containerFlags, [...args, "--health-retries", "2", "base"], {
    interspersed: false,
  });
  const request = { values, given, image: "base", command: [], detached: false, consoleSize: undefined };
  expect(meaningful(createBody(request, io))).toMatchObject({ Healthcheck: { Test: wanted, Retries: 2 } });
});

test("health is asked for in one way", async () => {
  const io = surroundings();
  const args = ["create", "--health-cmd", "true", "--health-tcp", "127.0.0.1:1", "base"];
  expect(await runCli(args, io)).toBe(125);
  expect(io.errorText()).toStartWith(
    "tiffin: --health-cmd, --health-http, --health-tcp and --health-grpc exclude each other\n",
  );
});

test("paths of the system that are not confined go as lists of none, which are not the engine's own", () => {
  const args = ["--security-opt", "systempaths=unconfined", "busybox"];
  const { values, given } = parseFlags(containerFlags, args, { interspersed: false });
  const asked = { values, given, image: "busybox", command: [], detached: false, consoleSize: undefined };
  const body = createBody(asked, surroundings());
  expect(body.HostConfig).toMatchObject({ MaskedPaths: [], ReadonlyPaths: [] });
});

test("a count of restarts is any integer: the engine says which it takes", () => {
  expect(parseRestartPolicy("on-failure:-1")).toEqual({ Name: "on-failure", MaximumRetryCount: -1 });
  expect(parseRestartPolicy("on-failure:+2")).toEqual({ Name: "on-failure", MaximumRetryCount: 2 });
  expect(() => parseRestartPolicy("on-failure:x")).toThrow("maximum retry count must be an integer");
});
