/** 1.40: the IPC namespace is private unless asked otherwise (before: shareable); `PidsLimit` 0 and below mean unlimited. */
import { mapHostConfig, type VersionTranslator, withoutFields } from "./translator.ts";

export const v1_40: VersionTranslator = {
  minor: 40,
  request: {
    containerCreate: (request) =>
      mapHostConfig(request, (hostConfig) => {
        const ipcMode = hostConfig["IpcMode"];
        const limit = hostConfig["PidsLimit"];
        const kept =
          (typeof limit === "number" || typeof limit === "bigint") && limit <= 0
            ? withoutFields(hostConfig, "PidsLimit")
            : hostConfig;
        return ipcMode === undefined || ipcMode === "" ? { ...kept, IpcMode: "shareable" } : kept;
      }),
  },
  response: {},
};
