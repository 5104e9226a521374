/** `tiffin manifest annotate`. */
import { defineCommand } from "../command.ts";
import { strings, text } from "../flags/flag.ts";
import { fullName, ManifestStore } from "../manifest/manifest-store.ts";

/** What Docker lets a manifest be for. */
const architecturesOf: Readonly<Record<string, string>> = {
  darwin: "386 amd64 arm arm64",
  dragonfly: "amd64",
  freebsd: "386 amd64 arm",
  linux: "386 amd64 arm arm64 mips64 mips64le ppc64le riscv64 s390x",
  netbsd: "386 amd64 arm",
  openbsd: "386 amd64 arm",
  plan9: "386 amd64",
  solaris: "amd64",
  windows: "386 amd64",
};

export const command = defineCommand({
  names: ["manifest annotate"],
  usage: "[OPTIONS] MANIFEST_LIST MANIFEST",
  summary: "Say what a manifest of a list is for",
  flags: {
    arch: text("", "Set the architecture"),
    os: text("", "Set the operating system"),
    "os-features": strings("", "Add features of the operating system"),
    "os-version": text("", "Set the version of the operating system"),
    variant: text("", "Set the variant of the architecture"),
  },
  least: 2,
  most: 2,
  async run({ values, positionals, context }) {
    const [list = "", name = ""] = positionals.map(fullName);
    const store = new ManifestStore(context.io);
    const manifest = store.manifest(list, name);
    if (manifest === undefined) throw new Error(`manifest for image ${name} does not exist in ${list}`);
    const before = manifest.Descriptor.platform ?? { architecture: "", os: "" };
    const platform = {
      ...before,
      os: values.os || before.os,
      architecture: values.arch || before.architecture,
      variant: values.variant || before.variant,
      "os.version": values["os-version"] || before["os.version"],
      "os.features": [...new Set([...(before["os.features"] ?? []), ...values["os-features"]])],
    };
    const known = Object.entries(architecturesOf).find(([os]) => os === platform.os)?.[1] ?? "";
    if (!known.split(" ").includes(platform.architecture)) {
      throw new Error(
        `manifest entry for image has unsupported os/arch combination: ${platform.os}/${platform.architecture}`,
      );
    }
    store.keep(list, name, { ...manifest, Descriptor: { ...manifest.Descriptor, platform } });
    return 0;
  },
});
