import { expect, test } from "bun:test";
import { decodePorts, exposedPorts, validateExposed } from "./ports.ts";

test("bindings become requests; an empty host port lets the kernel choose; ranges stay ranges", () => {
  expect(
    decodePorts(
      {
        "80/tcp": [{ HostIp: "", HostPort: "8080" }],
        "53/udp": [{ HostIp: "127.0.0.1", HostPort: "" }],
        "443": [{ HostPort: "8000-8010" }],
        "22/tcp": null,
      },
      [],
      false,
    ),
  ).toEqual([
    { containerPort: 443, protocol: "tcp", hostPort: 8000, hostPortEnd: 8010 },
    { containerPort: 80, protocol: "tcp", hostPort: 8080 },
    { containerPort: 53, protocol: "udp", hostPort: 0, hostAddress: "127.0.0.1" },
    { containerPort: 22, protocol: "tcp", hostPort: 0 },
  ]);
});

test("-P publishes what is exposed and not bound already", () => {
  expect(decodePorts({ "80/tcp": [{ HostPort: "1" }] }, exposedPorts(["80/tcp", "81/udp"]), true)).toEqual([
    { containerPort: 80, protocol: "tcp", hostPort: 1 },
    { containerPort: 81, protocol: "udp", hostPort: 0 },
  ]);
});

test.each(["0/tcp", "x/tcp", "80/icmp", "80/tcp/x", "65536/tcp", "-1/tcp"])("%p is no port", (key) => {
  expect(() => decodePorts({ [key]: [] }, [], false)).toThrow();
});

test.each(["x", "70000", "20-10"])("%p is no host port", (port) => {
  expect(() => decodePorts({ "80/tcp": [{ HostPort: port }] }, [], false)).toThrow(
    `invalid port specification: "${port}"`,
  );
});

test("an address that is none is refused before anything is published on it", () => {
  expect(() => decodePorts({ "80/tcp": [{ HostIp: "80:80" }] }, [], false)).toThrow(
    "invalid IP address: 80:80",
  );
});

test("an exposed port is a number with a protocol", () => {
  expect(() => validateExposed(["80", "80/udp", "9/sctp"])).not.toThrow();
  for (const key of ["x", "0/tcp", "80/icmp", "70000/tcp", "__proto__"]) {
    expect(() => validateExposed([key])).toThrow(`invalid port specification: "${key}"`);
  }
});

test("what an image exposes and is no port is left out", () => {
  expect(exposedPorts(["80", "x", "9/sctp", "0/tcp"])).toEqual([
    { port: 80, protocol: "tcp" },
    { port: 9, protocol: "sctp" },
  ]);
});
