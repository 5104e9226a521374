import { expect, test } from "bun:test";
import { type ContainerSpecification, plainSpecification } from "../specification/mod.ts";
import { richSpecification as rich } from "../specification/testing/rich-specification.ts";
import { decodeCreateBody } from "./create-body.ts";
import { documentsOf } from "./documents-of.ts";

const around = {
  id: "c0ffee".padEnd(64, "0"),
  image: {},
  hostname: "host",
  remove: false,
  cgroupMode: "v1" as const,
};

/** The specification of a client that asks for what inspect shows. */
function throughDocuments(specification: ContainerSpecification): ContainerSpecification {
  const { config, host } = documentsOf(specification);
  const network = specification.network;
  const [endpoint] = network.kind === "networks" ? network.endpoints : [];
  return decodeCreateBody(
    {
      ...config,
      HostConfig: host,
      ...(endpoint !== undefined && {
        NetworkingConfig: {
          EndpointsConfig: {
            [endpoint.network]: { IPAMConfig: { IPv4Address: endpoint.address }, MacAddress: endpoint.mac },
          },
        },
      }),
    },
    around,
  ).specification;
}

const plain: ContainerSpecification = {
  ...plainSpecification,
  hostname: "own",
  process: { ...plainSpecification.process, arguments: ["sh", "-c", "true"] },
};

test.each([
  ["a plain one", plain],
  ["one with everything", rich],
  [
    "one of the host",
    { ...plain, network: { kind: "host" }, namespaces: { ...plain.namespaces, uts: "private" } },
  ],
  ["one without a log and a network", { ...plain, log: { kind: "none" }, network: { kind: "none" } }],
] satisfies [string, ContainerSpecification][])(
  "the documents of a specification say all of it: %s",
  (_what, specification) => {
    expect(throughDocuments(specification)).toEqual(specification);
  },
);
