import { expect, test } from "bun:test";
import { TiffinError } from "../../../lib/errors.ts";
import { mergeConfig, mergeEnvironment, mergeHostConfig } from "./merge.ts";

const image = {
  Cmd: ["serve"],
  Entrypoint: ["/init"],
  Env: ["PATH=/bin", "A=image"],
  Labels: { from: "image", both: "image" },
  User: "daemon",
  WorkingDir: "/srv",
  ExposedPorts: { "80/tcp": {} },
};
const id = "c0ffee".padEnd(64, "0");

test("the image fills in what the client left open", () => {
  expect(mergeConfig({ Labels: { both: "client" }, Env: ["A=client"] }, image, id, undefined)).toMatchObject({
    Hostname: "c0ffee000000",
    User: "daemon",
    Entrypoint: ["/init"],
    Cmd: ["serve"],
    WorkingDir: "/srv",
    Env: ["A=client", "PATH=/bin"],
    Labels: { from: "image", both: "client" },
    ExposedPorts: { "80/tcp": {} },
  });
});

test("an entry point of the client's own drops the image's command, an empty one drops both", () => {
  expect(mergeConfig({ Entrypoint: ["/bin/sh"] }, image, id, undefined)).toMatchObject({
    Entrypoint: ["/bin/sh"],
    Cmd: undefined,
  });
  expect(mergeConfig({ Entrypoint: [""], Cmd: ["ls"] }, image, id, undefined)).toMatchObject({
    Entrypoint: undefined,
    Cmd: ["ls"],
  });
  expect(() => mergeConfig({ Entrypoint: [""] }, image, id, undefined)).toThrow(TiffinError);
  expect(() => mergeConfig({}, {}, id, undefined)).toThrow("no command specified");
});

test("a bare name in the environment hides the image's value", () => {
  expect(mergeEnvironment(["A"], ["A=image", "B=image"])).toEqual(["A", "B=image"]);
});

test("a host configuration gets Docker's defaults", () => {
  expect(mergeHostConfig({ Memory: 100 }, { remove: false, cgroupMode: "v1" })).toMatchObject({
    NetworkMode: "bridge",
    IpcMode: "private",
    CgroupnsMode: "private",
    ShmSize: 67_108_864,
    MemorySwap: 200,
    AutoRemove: false,
    RestartPolicy: { Name: "no", MaximumRetryCount: 0 },
  });
  const privileged = mergeHostConfig(
    { Privileged: true, MemorySwap: -1, Memory: 100 },
    { remove: true, cgroupMode: "v1" },
  );
  expect(privileged).toMatchObject({ SecurityOpt: ["label=disable"], AutoRemove: true, MemorySwap: -1 });
  expect(privileged).not.toHaveProperty("MaskedPaths");
  expect(privileged).not.toHaveProperty("ReadonlyPaths");
  expect(mergeHostConfig({ MaskedPaths: [] }, { remove: false, cgroupMode: "v1" }).MaskedPaths).toEqual([]);
});

test("on the older hierarchies a privileged container is in the host's cgroup namespace, on cgroup v2 nobody is unasked", () => {
  const modeOf = (cgroupMode: "v1" | "hybrid" | "v2", Privileged: boolean, CgroupnsMode = "") =>
    mergeHostConfig({ Privileged, CgroupnsMode }, { remove: false, cgroupMode }).CgroupnsMode;
  expect(modeOf("v1", true)).toBe("host");
  expect(modeOf("hybrid", true)).toBe("host");
  expect(modeOf("v2", true)).toBe("private");
  expect(modeOf("v1", false)).toBe("private");
  expect(modeOf("v2", false)).toBe("private");
  expect(modeOf("v2", true, "host")).toBe("host");
  expect(modeOf("v1", true, "private")).toBe("private");
});
