import { describe, expect, test } from "bun:test";
import { nearest } from "../lib/suggestion.ts";
import { runCli } from "./run-cli.ts";
import { fakeIo } from "./testing/fake-io.ts";

describe("the nearest word", () => {
  const words = ["images", "inspect", "info", "import", "ps", "rm", "rmi", "run"];

  test.each([
    ["imags", "images"],
    ["iamges", "images"],
    ["inspct", "inspect"],
    ["rnu", "run"],
    ["sp", "ps"],
  ])("%s means %s", (slip, meant) => {
    expect(nearest(slip, words)).toBe(meant);
  });

  test.each(["", "x", "xyzzy", "network"])("%j means none of them", (word) => {
    expect(nearest(word, words)).toBeUndefined();
  });
});

test("a wrong command and a wrong option say what was meant, after Docker's own words", async () => {
  const command = fakeIo();
  expect(await runCli(["imags"], command)).toBe(1);
  expect(command.errorText()).toBe(
    "tiffin: unknown command: tiffin imags\n\nDid you mean 'tiffin images'?\n\nRun 'tiffin --help' for more information\n",
  );

  const member = fakeIo();
  await runCli(["container", "strat"], member);
  expect(member.errorText()).toContain("Did you mean 'tiffin container start'?");

  const option = fakeIo();
  expect(await runCli(["run", "--volum", "a:/b", "base"], option)).toBe(125);
  expect(option.errorText()).toStartWith("unknown flag: --volum\nDid you mean --volume?\n");

  const strange = fakeIo();
  await runCli(["run", "--xyzzy", "base"], strange);
  expect(strange.errorText()).toStartWith("unknown flag: --xyzzy\n\nUsage:");
});
