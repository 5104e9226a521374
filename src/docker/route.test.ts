import { expect, test } from "bun:test";
import { TiffinError } from "../lib/errors.ts";
import { acceptVersion } from "./api-version.ts";
import { formatPath, pathMatcher } from "./route.ts";
import { routes } from "./routes.ts";

test("a path is formatted with escapes, version and query", () => {
  expect(formatPath(routes.containerStop, { name: "a/b c" }, { t: 3, signal: "SIGINT" }, "1.43")).toBe(
    "/v1.43/containers/a%2Fb%20c/stop?t=3&signal=SIGINT",
  );
  expect(formatPath(routes.imageInspect, { name: "reg:5000/a/b:1" }, {})).toBe(
    "/images/reg%3A5000/a/b%3A1/json",
  );
  expect(() => formatPath(routes.containerStart, { name: "" }, {})).toThrow(TiffinError);
});

test("a template matches whole paths only", () => {
  const match = pathMatcher("/containers/{name}/json");
  expect(match("/containers/a/json")).toEqual({ name: "a" });
  expect(match("/containers/a/b/json")).toBeUndefined();
  expect(match("/containers//json")).toBeUndefined();
  expect(match("/containers/a/json/")).toBeUndefined();
  expect(pathMatcher("/images/{name*}/json")("/images/reg/a/b:1/json")).toEqual({ name: "reg/a/b:1" });
  expect(pathMatcher("/a.b")("/aXb")).toBeUndefined();
});

test("every route is found again by its own path, and by no earlier one", () => {
  const rows = Object.entries(routes);
  for (const [name, route] of rows) {
    const path = route.path.replace(/\{[a-z]+\*?\}/g, "thing");
    const first = rows.find(
      ([, other]) => other.method === route.method && pathMatcher(other.path)(path) !== undefined,
    );
    expect(first?.[0]).toBe(name);
  }
});

test("versions outside the range are refused in Docker's words", () => {
  expect(acceptVersion("1.24")).toBe(24);
  expect(acceptVersion("1.50")).toBe(50);
  expect(() => acceptVersion("1.51")).toThrow(
    "client version 1.51 is too new. Maximum supported API version is 1.50",
  );
  expect(() => acceptVersion("2.0")).toThrow("client version 2.0 is too new");
  expect(acceptVersion("1.22")).toBe(24);
  expect(() => acceptVersion("1.21")).toThrow(
    "client version 1.21 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version",
  );
  expect(() => acceptVersion("1.")).toThrow(TiffinError);
});
