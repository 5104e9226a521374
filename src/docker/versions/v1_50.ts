/** 1.50: an image's `Config` loses what only containers have; info loses the bridge netfilter flags. */
import { fieldsOf, type VersionTranslator } from "./translator.ts";

const containerOnly = {
  Hostname: "",
  Domainname: "",
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Image: "",
} as const;

export const v1_50: VersionTranslator = {
  minor: 50,
  request: {},
  response: {
    info: (document) => ({ ...fieldsOf(document), BridgeNfIptables: false, BridgeNfIp6tables: false }),
    imageInspect: (document) => {
      const image = fieldsOf(document);
      return { ...image, Config: { ...containerOnly, ...fieldsOf(image["Config"]) } };
    },
  },
};
