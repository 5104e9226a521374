/**
 * What is in the image `base`, as data: a small Linux whose programs are all one busybox. Pure and deterministic,
 * because the image's id is the digest of it.
 *
 * Files that an engine covers with its own (`/etc/hosts`, `/etc/hostname`, `/etc/resolv.conf`) and directories it
 * mounts on are there already, so that a start writes nothing into the container's upper directory.
 */

export type TreeEntry =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | { readonly kind: "file"; readonly path: string; readonly mode: number; readonly content: Uint8Array }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string };

const directories: readonly (readonly [path: string, mode: number])[] = [
  ["bin", 0o755],
  ["dev", 0o755],
  ["etc", 0o755],
  ["home", 0o755],
  ["mnt", 0o755],
  ["opt", 0o755],
  ["proc", 0o555],
  ["root", 0o700],
  ["run", 0o755],
  ["srv", 0o755],
  ["sys", 0o555],
  ["tmp", 0o1777],
  ["usr", 0o755],
  ["usr/lib", 0o755],
  ["usr/local", 0o755],
  ["usr/local/bin", 0o755],
  ["usr/local/sbin", 0o755],
  ["usr/share", 0o755],
  ["var", 0o755],
  ["var/cache", 0o755],
  ["var/lib", 0o755],
  ["var/log", 0o755],
  ["var/spool", 0o755],
  ["var/tmp", 0o1777],
];

/** One directory of programs under the four names that scripts expect. */
const links: readonly (readonly [path: string, target: string])[] = [
  ["sbin", "bin"],
  ["usr/bin", "../bin"],
  ["usr/sbin", "../bin"],
  ["var/run", "../run"],
];

const files: readonly (readonly [path: string, mode: number, lines: readonly string[]])[] = [
  [
    "etc/passwd",
    0o644,
    [
      "root:x:0:0:root:/root:/bin/sh",
      "daemon:x:1:1:daemon:/usr/sbin:/bin/false",
      "bin:x:2:2:bin:/bin:/bin/false",
      "mail:x:8:8:mail:/var/mail:/bin/false",
      "www-data:x:33:33:www-data:/var/www:/bin/false",
      "nobody:x:65534:65534:nobody:/home:/bin/false",
    ],
  ],
  [
    "etc/group",
    0o644,
    [
      "root:x:0:",
      "daemon:x:1:",
      "bin:x:2:",
      "tty:x:5:",
      "disk:x:6:",
      "mail:x:8:",
      "wheel:x:10:root",
      "www-data:x:33:",
      "users:x:100:",
      "nogroup:x:65534:",
    ],
  ],
  ["etc/shadow", 0o600, ["root:*:::::::", "daemon:*:::::::", "bin:*:::::::", "nobody:*:::::::"]],
  ["etc/hosts", 0o644, ["127.0.0.1\tlocalhost", "::1\tlocalhost"]],
  ["etc/hostname", 0o644, ["base"]],
  ["etc/resolv.conf", 0o644, []],
  ["etc/nsswitch.conf", 0o644, ["passwd: files", "group: files", "hosts: files dns"]],
  ["etc/profile", 0o644, ["export PS1='\\u@\\h:\\w\\$ '"]],
  [
    "etc/os-release",
    0o644,
    ['NAME="Tiffin base"', "ID=tiffin-base", 'PRETTY_NAME="Tiffin base"', 'VERSION_ID="1"'],
  ],
];

const encoder = new TextEncoder();

/** The tree over `busybox` (the program's bytes) offering `applets`; parents precede what is in them. */
export function baseTree(busybox: Uint8Array, applets: readonly string[]): TreeEntry[] {
  const entries: TreeEntry[] = [
    ...directories.map(([path, mode]) => ({ kind: "directory", path, mode }) as const),
    ...links.map(([path, target]) => ({ kind: "symlink", path, target }) as const),
    ...files.map(
      ([path, mode, lines]) =>
        ({
          kind: "file",
          path,
          mode,
          content: encoder.encode(lines.map((line) => `${line}\n`).join("")),
        }) as const,
    ),
    { kind: "file", path: "bin/busybox", mode: 0o755, content: busybox },
  ];
  for (const applet of applets) {
    if (applet !== "busybox") entries.push({ kind: "symlink", path: `bin/${applet}`, target: "busybox" });
  }
  return entries.sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}
