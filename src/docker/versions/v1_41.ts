/**
 * 1.41: create knows `platform` and `CgroupnsMode`; before, containers saw the host's cgroup namespace. A list of images had a
 * parameter `filter`, a name, which is the filter `reference` now.
 */
import { fieldsOf, mapHostConfig, type VersionTranslator, withoutFields } from "./translator.ts";

/** The filters in JSON with one more; text that is no JSON stays, for the decoder to refuse. */
function withReference(filters: string, name: string): string {
  try {
    const given = fieldsOf(JSON.parse(filters === "" ? "{}" : filters));
    const before = given["reference"];
    const names: readonly unknown[] = Array.isArray(before) ? before : Object.keys(fieldsOf(before));
    return JSON.stringify({ ...given, reference: [...names, name] });
  } catch {
    return filters;
  }
}

export const v1_41: VersionTranslator = {
  minor: 41,
  request: {
    imageList: (request) => {
      const [name = ""] = request.query["filter"] ?? [];
      const query = withoutFields(request.query, "filter");
      if (name === "") return { ...request, query };
      return { ...request, query: { ...query, filters: [withReference(query["filters"]?.[0] ?? "", name)] } };
    },
    containerCreate: (request) =>
      mapHostConfig({ ...request, query: withoutFields(request.query, "platform") }, (hostConfig) => ({
        ...hostConfig,
        CgroupnsMode: "host",
      })),
  },
  response: {},
};
