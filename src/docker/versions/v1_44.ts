/** 1.44: `VirtualSize` of images is gone (it equalled `Size`); bind mounts know `ReadOnlyNonRecursive` and its opposite. */
import {
  fieldsOf,
  mapElements,
  mapFields,
  mapHostConfig,
  type VersionTranslator,
  withoutFields,
} from "./translator.ts";

export const v1_44: VersionTranslator = {
  minor: 44,
  request: {
    containerCreate: (request) =>
      mapHostConfig(request, (hostConfig) => ({
        ...hostConfig,
        Mounts: mapElements(hostConfig["Mounts"], (mount) =>
          mount["BindOptions"] === undefined
            ? mount
            : {
                ...mount,
                BindOptions: mapFields(mount["BindOptions"], (options) =>
                  withoutFields(options, "ReadOnlyNonRecursive", "ReadOnlyForceRecursive"),
                ),
              },
        ),
      })),
  },
  response: {
    imageList: (document) => mapElements(document, (image) => ({ ...image, VirtualSize: image["Size"] })),
    imageInspect: (document) => ({ ...fieldsOf(document), VirtualSize: fieldsOf(document)["Size"] }),
  },
};
