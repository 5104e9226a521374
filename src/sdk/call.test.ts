import { expect, test } from "bun:test";
import { routes } from "../docker/routes.ts";

test("every route can be called, but the two that spawn and exec are for", () => {
  const callable = ["json", "empty", "head", "text", "lines", "stream", "raw", "hijack"];
  const others = Object.entries(routes).filter(([, { result }]) => !callable.includes(result.kind));
  expect(others.map(([name]) => name).sort()).toEqual(["execRun", "run"]);
});
