/** 1.45: images lose `Container` and `ContainerConfig`; a container's `Aliases` no longer hold its short id. */
import { shortId } from "../../lib/ids.ts";
import { fieldsOf, type VersionTranslator } from "./translator.ts";

const emptyConfig = {
  Hostname: "",
  Domainname: "",
  User: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Env: null,
  Cmd: null,
  Image: "",
  Volumes: null,
  WorkingDir: "",
  Entrypoint: null,
  OnBuild: null,
  Labels: null,
} as const;

function withShortId(endpoint: unknown, id: unknown): unknown {
  const fields = fieldsOf(endpoint);
  const aliases: readonly unknown[] = Array.isArray(fields["Aliases"]) ? fields["Aliases"] : [];
  if (typeof id !== "string") return fields;
  return { ...fields, Aliases: [...aliases, shortId(id)] };
}

export const v1_45: VersionTranslator = {
  minor: 45,
  request: {},
  response: {
    imageInspect: (document) => ({ ...fieldsOf(document), Container: "", ContainerConfig: emptyConfig }),
    containerInspect: (document) => {
      const container = fieldsOf(document);
      const settings = fieldsOf(container["NetworkSettings"]);
      const networks = Object.entries(fieldsOf(settings["Networks"])).map(([name, endpoint]) => [
        name,
        // Docker's default networks never had aliases.
        ["bridge", "host", "none"].includes(name) ? endpoint : withShortId(endpoint, container["Id"]),
      ]);
      return { ...container, NetworkSettings: { ...settings, Networks: Object.fromEntries(networks) } };
    },
  },
};
