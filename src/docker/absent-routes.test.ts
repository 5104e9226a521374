import { expect, test } from "bun:test";
import { absentRoutes } from "./absent-routes.ts";
import { routes } from "./routes.ts";

const nameless = (path: string): string => path.replace(/\{[a-zA-Z]+(\*?)\}/g, "{$1}");

test("no route is both there and absent, and none is listed twice", () => {
  const there = new Set(Object.values(routes).map(({ method, path }) => `${method} ${nameless(path)}`));
  const absent = absentRoutes.map(({ method, path }) => `${method} ${nameless(path)}`);
  expect(absent.filter((row) => there.has(row))).toEqual([]);
  expect(new Set(absent).size).toBe(absent.length);
});

test("every row has a method and a path", () => {
  for (const { method, path } of absentRoutes) {
    expect(["GET", "POST", "PUT", "DELETE", "HEAD"]).toContain(method);
    expect(path).toMatch(/^\/[a-z]/);
  }
});
