/**
 * A server that gives bearer tokens for docker-registry, as registries on the Internet have one: anybody may pull `public/...`,
 * one user everything, and an identity token stands for that user.
 */
import { createHash, createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import type { TestCertificates } from "./test-certificates.ts";

export interface TokenServer extends Disposable {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** Scopes that were asked for, with who asked. */
  readonly asked: string[];
  readonly identityToken: string;
  /** Seconds that the next tokens say they live. */
  lifeSeconds: number;
}

const base64Url = (value: string | Uint8Array): string => Buffer.from(value).toString("base64url");

function derOf(certificate: string): string {
  return readFileSync(certificate, "utf8").replace(/-----[A-Z ]+-----|\s/g, "");
}

interface Access {
  readonly type: string;
  readonly name: string;
  readonly actions: readonly string[];
}

export function startTokenServer(
  certificates: TestCertificates,
  [name, password]: readonly [string, string],
): TokenServer {
  const issuer = "test issuer";
  const service = "test service";
  const identityToken = `identity-of-${name}`;
  const key = createPrivateKey(readFileSync(certificates.key, "utf8"));
  const asked: string[] = [];
  const options = { lifeSeconds: 300 };

  const tokenFor = (access: readonly Access[]): string => {
    const now = Math.floor(Date.now() / 1000);
    const header = { typ: "JWT", alg: "ES256", x5c: [derOf(certificates.certificate)] };
    const claims = {
      iss: issuer,
      sub: name,
      aud: service,
      iat: now,
      nbf: now - 10,
      exp: now + 300,
      jti: createHash("sha256").update(String(asked.length)).digest("hex"),
      access,
    };
    const text = `${base64Url(JSON.stringify(header))}.${base64Url(JSON.stringify(claims))}`;
    const signature = sign("sha256", Buffer.from(text), { key, dsaEncoding: "ieee-p1363" });
    return `${text}.${base64Url(signature)}`;
  };

  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      const url = new URL(request.url);
      const form = request.method === "POST" ? new URLSearchParams(await request.text()) : url.searchParams;
      const basic = `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
      const given = request.headers.get("authorization");
      const isUser =
        given === basic ||
        (form.get("grant_type") === "refresh_token" && form.get("refresh_token") === identityToken);
      const isWrong = (given !== null || request.method === "POST") && !isUser;
      if (isWrong || form.get("service") !== service) {
        return Response.json({ details: "incorrect username or password" }, { status: 401 });
      }
      const scopes = form.getAll("scope").flatMap((scope) => scope.split(" "));
      asked.push(`${isUser ? name : "nobody"}: ${scopes.join(" ")}`);
      const access = scopes.flatMap((scope): Access[] => {
        const [type = "", repository = "", actions = ""] = scope.split(":");
        if (type !== "repository") return [];
        const wanted = actions.split(",");
        const anybody = repository.startsWith("public/") ? wanted.filter((each) => each === "pull") : [];
        return [{ type, name: repository, actions: isUser ? wanted : anybody }];
      });
      const token = tokenFor(access);
      return Response.json({
        token,
        access_token: token,
        expires_in: options.lifeSeconds,
        ...(form.get("offline_token") === "true" && isUser ? { refresh_token: identityToken } : {}),
      });
    },
  });
  return {
    realm: `http://localhost:${server.port}/token`,
    service,
    issuer,
    asked,
    identityToken,
    get lifeSeconds() {
      return options.lifeSeconds;
    },
    set lifeSeconds(value: number) {
      options.lifeSeconds = value;
    },
    [Symbol.dispose]() {
      void server.stop(true);
    },
  };
}
