/**
 * 1.44: `VirtualSize` of images is gone (it equalled `Size`); read-only binds are so with all that is mounted below, unless
 * `ReadOnlyNonRecursive` says otherwise, which older clients do not know and mean.
 */
import { TiffinError } from "../../lib/errors.ts";
import {
  type Fields,
  fieldsOf,
  mapElements,
  mapFields,
  mapHostConfig,
  type VersionTranslator,
  withoutFields,
} from "./translator.ts";

function asOlderMount(mount: Fields): Fields {
  const isReadOnlyBind = mount["Type"] === "bind" && mount["ReadOnly"] === true;
  const given = mount["BindOptions"];
  if ((given === undefined || given === null) && !isReadOnlyBind) return mount;
  const BindOptions = mapFields(given ?? {}, (options) => {
    if (options["ReadOnlyForceRecursive"] === true) {
      throw new TiffinError(
        "invalid",
        "api.newer-field",
        "BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer",
      );
    }
    const known = withoutFields(options, "ReadOnlyNonRecursive", "ReadOnlyForceRecursive");
    return { ...known, ...(isReadOnlyBind && { ReadOnlyNonRecursive: true }) };
  });
  return { ...mount, BindOptions };
}

export const v1_44: VersionTranslator = {
  minor: 44,
  request: {
    containerCreate: (request) =>
      mapHostConfig(request, (hostConfig) => ({
        ...hostConfig,
        Mounts: mapElements(hostConfig["Mounts"], asOlderMount),
      })),
  },
  response: {
    imageList: (document) => mapElements(document, (image) => ({ ...image, VirtualSize: image["Size"] })),
    imageInspect: (document) => ({ ...fieldsOf(document), VirtualSize: fieldsOf(document)["Size"] }),
  },
};
