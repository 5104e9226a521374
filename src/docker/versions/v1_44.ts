/**
 * 1.44: `VirtualSize` of images is gone (it equalled `Size`); read-only binds are so with all that is mounted below, unless
 * `ReadOnlyNonRecursive` says otherwise, which older clients do not know and mean; a hardware address belongs to an endpoint;
 * checks of health have an interval of their own while a container starts.
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

const bridgeModes: readonly unknown[] = [undefined, null, "", "default", "bridge"];

/** The hardware address was the container's; now it is that of its place in the default network. */
function withEndpointAddress(body: Fields): Fields {
  const { MacAddress, ...rest } = body;
  const mode = fieldsOf(body["HostConfig"])["NetworkMode"];
  if (MacAddress === undefined || MacAddress === null || MacAddress === "") return rest;
  if (!bridgeModes.includes(mode)) return body;
  const name = typeof mode === "string" && mode !== "" ? mode : "default";
  return {
    ...rest,
    NetworkingConfig: mapFields(body["NetworkingConfig"], (config) => ({
      ...config,
      EndpointsConfig: mapFields(config["EndpointsConfig"], (endpoints) => {
        // The default network has two names; the one that the client used is the one.
        const [key = name] = Object.keys(endpoints);
        return {
          ...endpoints,
          [key]: mapFields(endpoints[key], (endpoint) => ({ MacAddress, ...endpoint })),
        };
      }),
    })),
  };
}

function withVirtualSize(image: Fields): Fields {
  return { ...image, VirtualSize: image["Size"] };
}

function asOlderBody(body: Fields): Fields {
  const check = body["Healthcheck"];
  if (check === undefined || check === null) return withEndpointAddress(body);
  const Healthcheck = mapFields(check, (fields) => withoutFields(fields, "StartInterval"));
  return withEndpointAddress({ ...body, Healthcheck });
}

export const v1_44: VersionTranslator = {
  minor: 44,
  request: {
    containerCreate: (request) =>
      mapHostConfig({ ...request, body: mapFields(request.body, asOlderBody) }, (hostConfig) => ({
        ...hostConfig,
        Mounts: mapElements(hostConfig["Mounts"], asOlderMount),
      })),
  },
  response: {
    imageList: (document) => mapElements(document, withVirtualSize),
    diskUsage: (document) =>
      mapFields(document, (usage) => ({ ...usage, Images: mapElements(usage["Images"], withVirtualSize) })),
    imageInspect: (document) => ({ ...fieldsOf(document), VirtualSize: fieldsOf(document)["Size"] }),
  },
};
