import { expect, test } from "bun:test";
import { serviceUnit } from "./units.ts";

test("a program's path is one word of the unit, whatever is in it", () => {
  const line = (program: string): string => /^ExecStart=.*$/m.exec(serviceUnit(program))?.[0] ?? "";
  expect(line("/usr/bin/tiffin")).toBe("ExecStart=/usr/bin/tiffin daemon");
  expect(line("/my programs/50%/tiffin")).toBe('ExecStart="/my programs/50%%/tiffin" daemon');
  expect(serviceUnit("/usr/bin/tiffin")).toContain("\nExecReload=/bin/sh -c 'kill -HUP $MAINPID'\n");
  expect(line('/a"b/$HOME/tiffin')).toBe('ExecStart="/a\\"b/$HOME/tiffin" daemon');
});
