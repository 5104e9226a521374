/**
 * The certificates of the TCP listener: read and checked together before anything uses them, so that what is wrong is told by the
 * file's name and not by every client in turn.
 */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { statSync } from "node:fs";
import { nowMs } from "../lib/clock.ts";
import { readConfiguration } from "../lib/configuration.ts";
import type { Decoder } from "../lib/decoders.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";
import { FileFault } from "../lib/file-fault.ts";

/** Files with PEM text. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  /** Who signs the certificates of clients; without it anybody is let in. */
  readonly authority: string | undefined;
}

export interface Pems {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
}

type Warn = (sentence: string) => void;

const code = "api.certificate";
const exitCode = 125;
const othersMayRead = 0o004;
const block = /-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs;

/** The text, once `check` has found nothing wrong with it. */
function readPem(path: string, what: string, check: (text: string) => void): string {
  const decode: Decoder<string> = (value) => {
    if (typeof value !== "string" || !value.includes("-----BEGIN "))
      throw new FileFault(`found nothing in PEM form, wanted the ${what}`);
    try {
      check(value);
    } catch (thrown) {
      if (thrown instanceof FileFault) throw thrown;
      throw new FileFault(`found no sound ${what}: ${messageOf(thrown)}`);
    }
    return value;
  };
  const parse = (text: string): string => text;
  const found = readConfiguration(path, { code, exitCode, trusted: true, decode, parse });
  if (found !== undefined) return found;
  throw new TiffinError("invalid", code, `${path}: there is no such file, wanted the ${what}`, { exitCode });
}

function warnOfTimes(path: string, text: string, warn: Warn): void {
  const blocks = text.match(block);
  if (blocks === null) throw new FileFault("found no certificate in it");
  for (const found of blocks) {
    const { subject, validFrom, validTo } = new X509Certificate(found);
    const name = subject.replaceAll("\n", ", ");
    if (Date.parse(validTo) < nowMs())
      warn(`${path}: the certificate of ${name} has expired at ${validTo}: nobody trusts it any more`);
    if (Date.parse(validFrom) > nowMs())
      warn(`${path}: the certificate of ${name} is valid from ${validFrom} on: nobody trusts it yet`);
  }
}

function checkKey(text: string, certificatePath: string, certificate: string): void {
  if (/ENCRYPTED/.test(text))
    throw new FileFault(
      "found a key that wants a passphrase, wanted one without: nobody is there to give it",
    );
  if (!new X509Certificate(certificate).checkPrivateKey(createPrivateKey(text)))
    throw new FileFault(`the key does not belong to the certificate in ${certificatePath}`);
}

/** Throws `invalid`; warns of what works, and should not be. */
export function readTls({ certificate, key, authority }: TlsFiles, warn: Warn): Pems {
  const cert = readPem(certificate, "certificate", (text) => warnOfTimes(certificate, text, warn));
  const pems = {
    cert,
    key: readPem(key, "key", (text) => checkKey(text, certificate, cert)),
    ...(authority !== undefined && {
      ca: readPem(authority, "authority", (text) => warnOfTimes(authority, text, warn)),
    }),
  };
  if ((statSync(key).mode & othersMayRead) !== 0)
    warn(`${key}: everybody may read the key, and pass for this engine: chmod o-r`);
  return pems;
}
