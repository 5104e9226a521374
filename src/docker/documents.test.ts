import { expect, test } from "bun:test";
import { completeDocument, containerDocument, type DocumentShape } from "./documents.ts";
import { containerConfigShape } from "./types/container-config.ts";
import { hostConfigShape } from "./types/host-config.ts";

function namesOf(shape: DocumentShape, name: string): string[] {
  const field = shape[name];
  return typeof field === "object" && "struct" in field ? Object.keys(field.struct).toSorted() : [];
}

test("the container's document has every field that a creation can set, and no other", () => {
  expect(namesOf(containerDocument, "HostConfig")).toEqual(Object.keys(hostConfigShape).toSorted());
  expect(namesOf(containerDocument, "Config")).toEqual(Object.keys(containerConfigShape).toSorted());
});

test("what is not set has Docker's zero value, in Docker's order", () => {
  const { HostConfig, Config, Mounts } = completeDocument<Record<string, unknown>>(containerDocument, {
    HostConfig: { Memory: 5, CapAdd: undefined, Annotations: {} },
    Config: { Image: "base", StopTimeout: 0 },
    Tiffin: 1,
  });
  expect(Mounts).toEqual([]);
  expect(Config).toEqual({
    Hostname: "",
    Domainname: "",
    User: "",
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: [],
    Cmd: null,
    Image: "base",
    Volumes: null,
    WorkingDir: "",
    Entrypoint: null,
    OnBuild: null,
    Labels: {},
    StopTimeout: 0,
  });
  expect(HostConfig).toMatchObject({
    Binds: null,
    CapAdd: null,
    Memory: 5,
    NanoCpus: 0,
    PortBindings: {},
    Dns: [],
    PidsLimit: null,
    LogConfig: { Type: "", Config: {} },
  });
  expect(HostConfig).not.toHaveProperty("Annotations");
});
