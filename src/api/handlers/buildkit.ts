/** BuildKit's protocol: connections that become something else than HTTP/1, and builds of clients that have a session. */
import { decodeJson, list, mapOf, object, optional, text } from "../../docker/decode.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { BuildKitBackend, SessionBuildRequest, TakeConnection } from "../backend.ts";
import type { Call, Handlers, HijackAnswer } from "../handler.ts";

const answer = (take: TakeConnection): HijackAnswer => ({ tty: false, take });

/** The key beyond ASCII is escaped as in a query, and a further field says so. */
function sharedKey(raw: string, encoded: string | undefined): string {
  if (encoded !== "1" && encoded !== "true") return raw;
  try {
    return decodeURIComponent(raw.replaceAll("+", " "));
  } catch (thrown) {
    if (thrown instanceof URIError) return raw;
    throw thrown;
  }
}

type Names = "buildSession" | "buildControl" | "buildCancel";

export function buildkitHandlers(buildkit: BuildKitBackend): Pick<Handlers, Names> {
  return {
    async buildCancel({ query: { id = "" } }) {
      if (id === "") throw new TiffinError("invalid", "build.no-id", "build ID not provided");
      await buildkit.cancel(id);
    },
    buildSession: async ({ headers }) => {
      const {
        "x-docker-expose-session-uuid": id = "",
        "x-docker-expose-session-sharedkey": key = "",
        "x-docker-expose-session-sharedkey-encoded": encoded,
        "x-docker-expose-session-grpc-method": methods = "",
      } = headers;
      return answer(
        await buildkit.openSession({
          id,
          sharedKey: sharedKey(key, encoded),
          methods: methods.split(",").flatMap((method) => (method.trim() === "" ? [] : [method.trim()])),
        }),
      );
    },
    buildControl: async () => answer(await buildkit.openControl()),
  };
}

type Query = Call<"build">["query"];

/** What comes before the id of a build whose context this request brings. */
const uploadPrefix = "upload-request:";
const uploadedContext = "upload-request";
const sessionContext = "client-session";

/** The build whose context this is; undefined: it is no context. */
export function uploadedFor({ buildid = "" }: Query): string | undefined {
  return buildid.startsWith(uploadPrefix) ? buildid.slice(uploadPrefix.length) : undefined;
}

const outputList = list(object({ Type: text, Attrs: optional(mapOf(text)) }));

function exportersOf({ outputs = "", t = [] }: Query): SessionBuildRequest["exporters"] {
  const asked = ["", "null", "[]"].includes(outputs) ? [] : decodeJson(outputs, outputList);
  if (asked.length > 1) {
    throw new TiffinError("invalid", "build.outputs", "multiple outputs currently unsupported");
  }
  const name = t.filter((tag) => tag !== "").join(",");
  const [{ Type: type, Attrs: attrs = {} } = { Type: "moby" }] = asked;
  const attributes = new Map(Object.entries(attrs));
  if (type !== "moby" && type !== "docker" && type !== "image") return [{ type, attributes }];
  return [{ type: "moby", attributes: attributes.set("name", attributes.get("name") ?? name) }];
}

/** A request in the words of BuildKit's frontend. Errors: `build.outputs`, `build.network`. */
export function sessionBuildOf(query: Query): SessionBuildRequest {
  const { remote = "", networkmode = "", extrahosts = [], buildargs = {} } = query;
  const attributes = new Map<string, string>();
  const say = (name: string, value: string | undefined): void => {
    if (value !== undefined && value !== "") attributes.set(name, value);
  };
  say("filename", query.dockerfile);
  say("target", query.target);
  say("platform", query.platform);
  if (query.nocache === true) attributes.set("no-cache", "");
  if (query.pull === true) attributes.set("image-resolve-mode", "pull");
  if (!["", "default", "bridge", "none", "host"].includes(networkmode)) {
    throw new TiffinError(
      "invalid",
      "build.network",
      `network mode ${JSON.stringify(networkmode)} not supported by buildkit`,
    );
  }
  if (networkmode === "none" || networkmode === "host") attributes.set("force-network-mode", networkmode);
  // `name:address` here, `name=address` there.
  say("add-hosts", extrahosts.map((host) => host.replace(/[:=]/, "=")).join(","));
  say("cgroup-parent", query.cgroupparent);
  if (query.shmsize !== undefined && query.shmsize > 0) attributes.set("shm-size", String(query.shmsize));
  say("cache-from", (query.cachefrom ?? []).join(","));
  for (const [name, value] of Object.entries(buildargs)) attributes.set(`build-arg:${name}`, value);
  for (const [name, value] of Object.entries(query.labels ?? {})) attributes.set(`label:${name}`, value);
  if (remote !== sessionContext && remote !== uploadedContext) say("context", remote);
  return {
    id: query.buildid ?? "",
    sessionId: query.session ?? "",
    attributes,
    exporters: exportersOf(query),
    uploaded: remote === uploadedContext,
    inlineCache: buildargs["BUILDKIT_INLINE_CACHE"] === "1",
    quiet: query.q ?? false,
  };
}
