/** Which proxy a request goes through, from the variables that all programs share. Pure. */

/** The proxy's address, or undefined for none. */
export type ProxyChoice = (url: URL) => string | undefined;

type Environment = Readonly<Record<string, string | undefined>>;

function variable(environment: Environment, name: string): string {
  return environment[name] ?? environment[name.toLowerCase()] ?? "";
}

const addressPattern = /^\d{1,3}(?:\.\d{1,3}){3}$/;

function addressNumber(address: string): number | undefined {
  if (!addressPattern.test(address)) return undefined;
  const parts = address.split(".").map(Number);
  return parts.some((part) => part > 255) ? undefined : parts.reduce((sum, part) => sum * 256 + part, 0);
}

/** Whether `host`, an IPv4 address, lies in `10.0.0.0/8`. */
export function inBlock(host: string, block: string): boolean {
  const [base = "", bits = ""] = block.split("/");
  const from = addressNumber(base);
  const address = addressNumber(host);
  const length = Number(bits);
  if (from === undefined || address === undefined || !/^\d{1,2}$/.test(bits) || length > 32) return false;
  const size = 2 ** (32 - length);
  return Math.floor(from / size) === Math.floor(address / size);
}

/** A URL's host without brackets, port, and letter case. */
export function bareHost(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "").toLowerCase();
}

export function isLoopback(host: string): boolean {
  return (
    host === "localhost" || host.endsWith(".localhost") || host === "::1" || inBlock(host, "127.0.0.0/8")
  );
}

/** One entry of NO_PROXY: `*`, a host and what is below it, an address, a block, each with a port or without. */
function excepts(entry: string, url: URL): boolean {
  if (entry === "*") return true;
  const host = bareHost(url);
  const port = url.port === "" ? (url.protocol === "https:" ? "443" : "80") : url.port;
  const [, name = "", wantedPort] = /^(.*?)(?::(\d+))?$/.exec(entry) ?? [];
  const plain = entry.includes("::") ? entry : name;
  if (!entry.includes("::") && wantedPort !== undefined && wantedPort !== port) return false;
  if (plain.includes("/")) return inBlock(host, plain);
  const domain = plain.replace(/^\*?\./, "").replace(/^\[|\]$/g, "");
  if (domain === "") return false;
  const below = host.endsWith(`.${domain}`);
  return plain.startsWith(".") || plain.startsWith("*.") ? below : below || host === domain;
}

/** As Go's programs choose: never for loopback, `NO_PROXY` first. */
export function proxyChoice(environment: Environment): ProxyChoice {
  const proxies = {
    "http:": variable(environment, "HTTP_PROXY"),
    "https:": variable(environment, "HTTPS_PROXY"),
  };
  const exceptions = variable(environment, "NO_PROXY")
    .split(/[\s,]+/)
    .filter((entry) => entry !== "")
    .map((entry) => entry.toLowerCase());
  return (url) => {
    const proxy = url.protocol === "https:" ? proxies["https:"] : proxies["http:"];
    if (proxy === "" || isLoopback(bareHost(url))) return undefined;
    if (exceptions.some((entry) => excepts(entry, url))) return undefined;
    return /^[a-z0-9]+:\/\//i.test(proxy) ? proxy : `http://${proxy}`;
  };
}
