/** 1.41: create knows `platform` and `CgroupnsMode`; before, containers saw the host's cgroup namespace. */
import { mapHostConfig, type VersionTranslator, withoutFields } from "./translator.ts";

export const v1_41: VersionTranslator = {
  minor: 41,
  request: {
    containerCreate: (request) =>
      mapHostConfig({ ...request, query: withoutFields(request.query, "platform") }, (hostConfig) => ({
        ...hostConfig,
        CgroupnsMode: "host",
      })),
  },
  response: {},
};
