/** What Debian wants to lie beside a program: who made it, what has changed, and what lintian (which has nothing else to complain about) is told of our ways. */
import packageFile from "../../package.json";

export const maintainer = "The founders of Tiffin <tiffin@example.org>";

/** As RFC 5322 writes it, which Debian's changelogs do. */
function dateText(time: string): string {
  return new Date(Number(time) * 1000).toUTCString().replace("GMT", "+0000");
}

const copyright = `Tiffin, a container engine for Linux.

Copyright 2026 the founders of Tiffin, and who has contributed to it
License: ${packageFile.license}
 The text is in /usr/share/common-licenses/${packageFile.license}.
`;

/** Both are meant: a program that stands alone, with the runtime of its language in it. */
const overrides = `tiffin: statically-linked-binary [usr/bin/tiffin]
tiffin: embedded-library * [usr/bin/tiffin]
# Units are switched by what dpkg leaves of systemd, and roots without one are served, too.
tiffin: maintainer-script-calls-systemctl *
tiffin: maintainer-script-should-not-parse-etc-passwd-or-group *
`;

/** Path below the root, and content. `time`: of the last change of the sources, in seconds. */
export function papersOf(
  name: string,
  version: string,
  time: string,
): ReadonlyMap<string, string | Uint8Array> {
  const changelog = `${name} (${version}) stable; urgency=medium

  * Version ${version}; what is different is told by the commits of the sources.

 -- ${maintainer}  ${dateText(time)}
`;
  const place = `usr/share/doc/${name}`;
  return new Map<string, string | Uint8Array>([
    [`${place}/copyright`, copyright],
    [`${place}/changelog.gz`, Bun.gzipSync(Buffer.from(changelog), { level: 9 })],
    ...(name === "tiffin" ? ([[`usr/share/lintian/overrides/${name}`, overrides]] as const) : []),
  ]);
}
