/** Certificates for one test: an authority, a server that is `localhost`, a client. Made by openssl. */
import { join } from "node:path";

export interface TestCertificates {
  readonly authority: string;
  readonly certificate: string;
  readonly key: string;
  readonly clientCertificate: string;
  readonly clientKey: string;
}

function openssl(...argv: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["openssl", ...argv], { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`openssl ${argv.join(" ")}: ${stderr.toString()}`);
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];

export function makeCertificates(directory: string, address = "127.0.0.1"): TestCertificates {
  const at = (name: string): string => join(directory, name);
  const authority = at("authority.pem");
  openssl(
    ...["req", "-x509", ...newKey, "-keyout", at("authority.key"), "-out", authority],
    ...["-subj", "/CN=test authority", "-addext", "basicConstraints=critical,CA:TRUE"],
  );
  const issue = (name: string, subject: string, extension: string): void => {
    openssl(
      ...["req", "-x509", ...newKey, "-keyout", at(`${name}.key`), "-out", at(`${name}.pem`)],
      ...["-CA", authority, "-CAkey", at("authority.key"), "-subj", subject],
      ...["-addext", "basicConstraints=critical,CA:FALSE", "-addext", extension],
    );
  };
  issue("server", "/CN=localhost", `subjectAltName=DNS:localhost,IP:${address}`);
  issue("client", "/CN=client", "extendedKeyUsage=clientAuth");
  return {
    authority,
    certificate: at("server.pem"),
    key: at("server.key"),
    clientCertificate: at("client.pem"),
    clientKey: at("client.key"),
  };
}
