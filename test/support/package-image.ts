/** Images of programs that the host has from Debian's packages: the packages' files and the libraries that they need. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export interface PackageImage {
  readonly name: string;
  readonly packages: readonly string[];
  /** Files that packages make only when they are installed, with their text; a name with / at its end is a directory. */
  readonly extra?: Readonly<Record<string, string>>;
}

function linesOf(...command: readonly string[]): string[] {
  const { stdout } = Bun.spawnSync([...command], { stderr: "ignore" });
  return stdout
    .toString()
    .split("\n")
    .filter((line) => line !== "");
}

const unwanted = /^\/usr\/share\/(doc|man|lintian|bug|locale)\//;

/** The packages' files, with what their programs and modules are linked with. */
function filesOf(packages: readonly string[]): string[] {
  const own = linesOf("dpkg", "-L", ...packages).filter(
    (path) =>
      path.startsWith("/") && !unwanted.test(path) && existsSync(path) && !statSync(path).isDirectory(),
  );
  if (own.length === 0) throw new Error(`packages ${packages.join(" ")} are not installed`);
  const linked = linesOf("ldd", "/bin/busybox", ...own.filter((path) => /\/s?bin\/|\.so$/.test(path)))
    .flatMap((line) => /(?:=> )?(\/\S+) \(0x/.exec(line)?.[1] ?? [])
    .filter((path) => existsSync(path));
  return [...new Set([...own, ...linked])].map((path) => path.slice(1));
}

/** The image as an archive to import. The caller consumes it and then disposes of it. */
export function packageImage({
  packages,
  extra = {},
}: PackageImage): Disposable & { readonly archive: string } {
  const directory = mkdtempSync("/tmp/tiffin-test-packages-");
  const root = join(directory, "root");
  const files: Readonly<Record<string, string>> = {
    "tmp/": "",
    "dev/": "",
    "proc/": "",
    "sys/": "",
    "run/": "",
    "etc/passwd":
      "root:x:0:0:root:/root:/bin/sh\nwww-data:x:33:33:www-data:/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n",
    "etc/group": "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n",
    ...extra,
  };
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(root, name.endsWith("/") ? name : dirname(name)), { recursive: true });
    if (!name.endsWith("/")) writeFileSync(join(root, name), text);
  }
  const list = join(directory, "list");
  writeFileSync(list, filesOf(packages).join("\n"));
  const archive = join(directory, "image.tar");
  // Links are followed, so that the image needs none of the host's merged directories.
  const child = Bun.spawnSync([
    "tar",
    "-ch",
    "--hard-dereference",
    "-f",
    archive,
    "-C",
    root,
    ".",
    "-C",
    "/",
    "-T",
    list,
  ]);
  if (child.exitCode !== 0) throw new Error(`tar: ${child.stderr}`);
  return { archive, [Symbol.dispose]: () => rmSync(directory, { recursive: true }) };
}
