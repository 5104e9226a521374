/** Addresses of message buses (D-Bus specification, "Server Addresses"): `unix:path=/run/dbus/system_bus_socket;...`. */

/** Paths of the unix sockets of an address list, in order; other transports and abstract names are left out. */
export function socketPathsOf(addresses: string): string[] {
  return addresses.split(";").flatMap((address) => {
    const [transport, options = ""] = splitOnce(address, ":");
    if (transport !== "unix") return [];
    const path = options
      .split(",")
      .map((option) => splitOnce(option, "="))
      .find(([key]) => key === "path")?.[1];
    const plain = path === undefined ? undefined : unescapeValue(path);
    return plain?.startsWith("/") === true ? [plain] : [];
  });
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** `%2f` is a slash; undefined when the value is malformed. */
function unescapeValue(value: string): string | undefined {
  try {
    return decodeURIComponent(value);
  } catch {
    return undefined;
  }
}
