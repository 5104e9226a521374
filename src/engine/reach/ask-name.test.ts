import { expect, test } from "bun:test";
import { firstAddress, hostsAddress, nameQuery, nameServerOf } from "./ask-name.ts";

test("a question is one name of labels, and no label is empty or too long", () => {
  expect(nameQuery("web.one")?.slice(12)).toEqual(
    Uint8Array.of(3, 119, 101, 98, 3, 111, 110, 101, 0, 0, 1, 0, 1),
  );
  for (const name of ["", "a..b", "x".repeat(64)]) expect(nameQuery(name)).toBeUndefined();
});

test("the first address of an answer is taken, behind aliases, and hostile bytes give none", () => {
  const question = nameQuery("web") ?? new Uint8Array(0);
  const alias = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12];
  const address = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 5];
  const answer = Uint8Array.from([...question, ...alias, ...address]);
  answer[7] = 2;
  expect(firstAddress(answer)).toEqual(Uint8Array.of(10, 0, 0, 5));
  for (let length = 0; length < answer.length; length += 1) {
    expect(firstAddress(answer.subarray(0, length))).toBeUndefined();
  }
  expect(firstAddress(new Uint8Array(64).fill(255))).toBeUndefined();
});

test("a file of hosts is read without its remarks, and the first name server counts", () => {
  expect(hostsAddress("# 10.0.0.1 web\n10.0.0.2 a WEB # web\n10.0.0.3 web", "web")).toEqual(
    Uint8Array.of(10, 0, 0, 2),
  );
  expect(hostsAddress("", "web")).toBeUndefined();
  expect(nameServerOf("search x\nnameserver 10.0.0.53\nnameserver 10.0.0.54")).toBe("10.0.0.53");
  expect(nameServerOf("")).toBe("127.0.0.1");
});
