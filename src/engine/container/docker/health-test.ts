/** `Healthcheck.Test` of Docker's documents, and this engine's own types of it, as a specification and back. Pure. */
import { isIpv4 } from "../../../docker/ip-address.ts";
import { TiffinError } from "../../../lib/errors.ts";
import type { HealthSpecification } from "../specification/mod.ts";

type HealthTest = HealthSpecification["test"];

const defaultShell = ["/bin/sh", "-c"];
const localhost = "127.0.0.1";
const httpPort = "80";

/** Undefined where nothing is to be asked. `shell` is the container's. Errors: `container.health` for what nobody can do. */
export function decodeHealthTest(
  [kind, ...words]: readonly string[],
  shell: readonly string[] | undefined,
): HealthTest | undefined {
  const [first] = words;
  switch (kind) {
    case undefined:
    case "NONE":
      return undefined;
    case "CMD":
      return { kind: "command", arguments: words };
    case "CMD-SHELL": {
      if (first === undefined) throw refusal("a check of health by CMD-SHELL has no command");
      if ((shell ?? []).length === 0 && words.length === 1) return { kind: "shell", text: first };
      // As Docker: what else is in the list are further arguments of the shell.
      const interpreter = shell === undefined || shell.length === 0 ? defaultShell : shell;
      return { kind: "command", arguments: [...interpreter, ...words] };
    }
    case "TCP":
      return { kind: "tcp", ...placeOf(onlyWord(kind, words)) };
    case "HTTP":
      return httpTest(onlyWord(kind, words));
    case "GRPC":
      return grpcTest(onlyWord(kind, words));
    default:
      throw refusal(
        `unknown type ${JSON.stringify(kind)} of a check of health: wanted CMD, CMD-SHELL, TCP, HTTP, GRPC or NONE`,
      );
  }
}

export function encodeHealthTest(test: HealthTest): readonly string[] {
  switch (test.kind) {
    case "command":
      return ["CMD", ...test.arguments];
    case "shell":
      return ["CMD-SHELL", test.text];
    case "tcp":
      return ["TCP", `${test.address}:${test.port}`];
    case "grpc":
      return ["GRPC", `${test.address}:${test.port}${test.service === "" ? "" : `/${test.service}`}`];
    case "http":
      return ["HTTP", `http://${test.address}:${test.port}${test.path}`];
  }
}

function refusal(message: string): TiffinError {
  return new TiffinError("invalid", "container.health", message);
}

function onlyWord(kind: string, words: readonly string[]): string {
  const [word] = words;
  if (word !== undefined && words.length === 1) return word;
  throw refusal(`a check of health by ${kind} has ${words.length} words after it, wanted one`);
}

function httpTest(text: string): HealthTest {
  const match = /^http:\/\/([^/?#@]+)(\/[!-~]*)?$/.exec(text);
  const [, place = "", path = "/"] = match ?? [];
  if (match === null) {
    throw refusal(
      `a check of health by HTTP of ${JSON.stringify(text)}: wanted http://ADDRESS[:PORT][/PATH]`,
    );
  }
  return { kind: "http", ...placeOf(place.includes(":") ? place : `${place}:${httpPort}`), path };
}

/** `ADDRESS:PORT[/SERVICE]`. */
function grpcTest(text: string): HealthTest {
  const slash = text.indexOf("/");
  const place = slash < 0 ? text : text.slice(0, slash);
  return { kind: "grpc", ...placeOf(place), service: slash < 0 ? "" : text.slice(slash + 1) };
}

function placeOf(text: string): { readonly address: string; readonly port: number } {
  const split = text.lastIndexOf(":");
  const name = text.slice(0, Math.max(split, 0));
  const address = name === "localhost" ? localhost : name;
  const port = /^\d{1,5}$/.test(text.slice(split + 1)) ? Number(text.slice(split + 1)) : 0;
  if (isIpv4(address) && port >= 1 && port <= 65_535) return { address, port };
  throw refusal(
    `a check of health at ${JSON.stringify(text)}: wanted localhost or an IPv4 address inside the container, and a port`,
  );
}
