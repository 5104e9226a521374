/** 1.43: create knows `Annotations`; an image without names has empty lists (before: `<none>` names). */
import { mapElements, mapHostConfig, type VersionTranslator, withoutFields } from "./translator.ts";

const isEmptyList = (value: unknown): boolean => Array.isArray(value) && value.length === 0;

export const v1_43: VersionTranslator = {
  minor: 43,
  request: {
    containerCreate: (request) =>
      mapHostConfig(request, (hostConfig) => withoutFields(hostConfig, "Annotations")),
  },
  response: {
    imageList: (document) =>
      mapElements(document, (image) =>
        isEmptyList(image["RepoTags"]) && isEmptyList(image["RepoDigests"])
          ? { ...image, RepoTags: ["<none>:<none>"], RepoDigests: ["<none>@<none>"] }
          : image,
      ),
  },
};
