/**
 * Requests that are sent to this engine and to Docker's own, whose answers must be alike: test/compat/docker-routes.test.ts sends
 * them, and the page of the API takes from them what shows that a route works.
 */
import { pathMatcher } from "../src/docker/route.ts";
import { routes } from "../src/docker/routes.ts";

/** A request: method and target without the version, then its body, JSON or a text that is sent as it is. */
export type RouteStep = readonly [request: string, body?: unknown];

export interface RouteCase {
  readonly what: string;
  readonly steps: readonly RouteStep[];
  /** Requests of which these paths of the document are compared by value; of all others the names at its top alone. */
  readonly values?: Readonly<Record<string, readonly string[]>>;
  /** Requests of which the words of the error are not compared, and why. */
  readonly words?: Readonly<Record<string, string>>;
  /** Requests that are answered otherwise here: with which status, and why. */
  readonly differs?: Readonly<Record<string, readonly [status: number, why: string]>>;
}

/** Docker's own words have changed since the engine of the tests; ours are the newer ones. */
const newer = "said as newer Docker engines say it";
/** The engine of the tests calls a client's mistake its own. */
const mistake = "a client's mistake is 400, as newer Docker engines have it";

const sleeper = { Image: "base", Cmd: ["sleep", "1000"], HostConfig: { NetworkMode: "none" } };
const speaker = {
  Image: "base",
  Cmd: ["sh", "-c", "echo said; echo aloud >&2; exit 3"],
  HostConfig: { NetworkMode: "none" },
};
const made = (body: object): RouteStep => ["POST /containers/create?name=made", body];
const gone: RouteStep = ["DELETE /containers/made?force=1"];

const ofContainers: readonly RouteCase[] = [
  {
    what: "a container is made, or not",
    steps: [
      made(speaker),
      made(speaker),
      ["POST /containers/create?name=x", speaker],
      ["POST /containers/create?name=-bad", speaker],
      ["POST /containers/create?", { Image: "no-such" }],
      ["POST /containers/create", {}],
      ["POST /containers/create", "{"],
      ["POST /containers/create", "[]"],
      ["POST /containers/create"],
      ["POST /containers/create", { Image: "base" }],
      ["POST /containers/create", { Image: "base", Cmd: 7 }],
      ["POST /containers/create", { Image: "base", Cmd: ["true"], HostConfig: { Memory: 1 } }],
      ["POST /containers/create", { Image: "base", Cmd: ["true"], HostConfig: { NetworkMode: "no-such" } }],
      gone,
    ],
    differs: { "POST /containers/create": [400, mistake] },
  },
  {
    what: "keys of a body are taken whatever their letters' case",
    steps: [
      [
        "POST /containers/create?name=made",
        { image: "base", CMD: ["true"], hostconfig: { networkmode: "none", memory: 67108864 } },
      ],
      ["GET /containers/made/json"],
      gone,
    ],
    values: { "GET /containers/made/json": ["Config.Cmd", "HostConfig.Memory", "HostConfig.NetworkMode"] },
  },
  {
    what: "a life",
    steps: [
      made(sleeper),
      ["POST /containers/made/start"],
      ["POST /containers/made/start"],
      ["POST /containers/no-such/start"],
      ["POST /containers/made/pause"],
      ["POST /containers/made/pause"],
      ["POST /containers/made/unpause?"],
      ["POST /containers/made/unpause"],
      ["GET /containers/made/top?ps_args=-o%20pid,args"],
      ["POST /containers/made/restart?t=0"],
      ["POST /containers/made/resize?h=10&w=20"],
      ["POST /containers/made/resize?h=x&w=20"],
      ["POST /containers/made/kill?signal=NONE"],
      ["POST /containers/made/kill?signal=KILL"],
      ["POST /containers/made/wait?"],
      ["POST /containers/made/wait?condition=not-running"],
      ["POST /containers/made/wait?condition=sometime"],
      ["POST /containers/made/kill"],
      ["POST /containers/made/stop"],
      ["POST /containers/made/stop?t=x"],
      ["POST /containers/made/pause"],
      ["POST /containers/made/restart?t=0"],
      ["DELETE /containers/made"],
      gone,
      gone,
      ["POST /containers/made/wait"],
    ],
    values: { "POST /containers/made/wait?": ["StatusCode"] },
    words: {
      "POST /containers/made/resize?h=x&w=20": newer,
      "POST /containers/made/kill?signal=NONE": newer,
      "POST /containers/made/kill": newer,
      "POST /containers/made/pause": newer,
      "DELETE /containers/made": newer,
    },
    differs: {
      "POST /containers/made/unpause": [
        409,
        "one that is not paused is a conflict, and no fault of the engine",
      ],
      "POST /containers/made/wait?condition=not-running": [200, newer],
      "POST /containers/made/wait?condition=sometime": [400, mistake],
      "POST /containers/made/stop?t=x": [400, mistake],
    },
  },
  {
    what: "what is told of one",
    steps: [
      made(speaker),
      ["POST /containers/made/start"],
      ["POST /containers/made/wait"],
      ["GET /containers/made/json"],
      ["GET /containers/made/json?size=1"],
      ["GET /containers/no-such/json"],
      ["GET /containers/json"],
      ["GET /containers/json?all=1&limit=1"],
      ['GET /containers/json?all=1&filters={"status":["exited"]}'],
      ['GET /containers/json?filters={"colour":["red"]}'],
      ["GET /containers/json?filters={"],
      ["GET /containers/json?limit=x"],
      ["GET /containers/made/logs"],
      ["GET /containers/made/logs?stdout=1&tail=x"],
      ["GET /containers/no-such/logs?stdout=1"],
      ["GET /containers/made/top"],
      ["GET /containers/made/changes"],
      ["GET /containers/made/stats?stream=0"],
      ["GET /containers/no-such/stats?stream=0"],
      ["GET /containers/no-such/top"],
      ["GET /containers/no-such/changes"],
      ["GET /containers/no-such/export"],
      ["POST /containers/made/attach?logs=1&stdout=1"],
      gone,
    ],
    values: {
      "GET /containers/made/json": [
        "State.Status",
        "State.ExitCode",
        "Path",
        "Args",
        "Name",
        "RestartCount",
        "Platform",
      ],
      "GET /containers/made/json?size=1": ["SizeRw"],
      "POST /containers/made/wait": ["StatusCode"],
    },
    words: {
      'GET /containers/json?filters={"colour":["red"]}': newer,
      "GET /containers/made/top": newer,
    },
    differs: {
      "GET /containers/json?filters={": [400, mistake],
      "GET /containers/json?limit=x": [400, mistake],
      "GET /containers/made/logs?stdout=1&tail=x": [200, newer],
      "GET /containers/made/changes": [200, "no change is an empty list, and not null"],
    },
  },
  {
    what: "changed",
    steps: [
      made(sleeper),
      ["POST /containers/made/update", { Memory: 67108864, MemorySwap: 134217728 }],
      ["POST /containers/made/update", { RestartPolicy: { Name: "sometimes" } }],
      ["POST /containers/made/update", {}],
      ["POST /containers/no-such/update", {}],
      ["POST /containers/made/rename?name=other"],
      ["POST /containers/other/rename?name="],
      ["POST /containers/other/rename?name=-"],
      ["POST /containers/no-such/rename?name=more"],
      ["POST /containers/other/rename?name=made"],
      gone,
    ],
    words: { "POST /containers/made/update": newer },
  },
  {
    what: "archives",
    steps: [
      made(speaker),
      ["HEAD /containers/made/archive?path=/bin"],
      ["HEAD /containers/made/archive?path=/no-such"],
      ["HEAD /containers/made/archive"],
      ["GET /containers/made/archive?path=/bin/sh"],
      ["GET /containers/made/archive?path=/no-such"],
      ["GET /containers/made/archive?path="],
      ["GET /containers/no-such/archive?path=/"],
      ["PUT /containers/made/archive?path=/no-such", "x"],
      ["PUT /containers/made/archive?path=/bin/sh", "x"],
      ["PUT /containers/made/archive?path=/tmp", ""],
      ["PUT /containers/no-such/archive?path=/", ""],
      ["GET /containers/made/export"],
      gone,
    ],
    words: { "GET /containers/made/archive?path=": newer },
    differs: { "PUT /containers/made/archive?path=/bin/sh": [400, mistake] },
  },
  {
    what: "programs in one",
    steps: [
      made(sleeper),
      ["POST /containers/made/exec", { Cmd: ["true"] }],
      ["POST /containers/made/start"],
      ["POST /containers/made/exec", { Cmd: [] }],
      ["POST /containers/made/exec", {}],
      ["POST /containers/no-such/exec", { Cmd: ["true"] }],
      ["POST /containers/made/exec", { Cmd: ["true"] }],
      ["POST /exec/no-such/start", { Detach: true }],
      ["POST /exec/no-such/resize?h=1&w=1"],
      ["GET /exec/no-such/json"],
      gone,
    ],
    words: { "POST /containers/made/exec": newer },
  },
  {
    what: "those that have ended go",
    steps: [
      made(speaker),
      ['POST /containers/prune?filters={"label":["none"]}'],
      ['POST /containers/prune?filters={"colour":["red"]}'],
      ["POST /containers/prune"],
      ["GET /containers/json?all=1"],
    ],
    words: { 'POST /containers/prune?filters={"colour":["red"]}': newer },
  },
  {
    what: "an image of one",
    steps: [
      made(speaker),
      ["POST /commit?container=made&repo=committed&tag=1&comment=said", {}],
      ["POST /commit?container=no-such&repo=committed", {}],
      ["POST /commit?repo=committed", {}],
      ["GET /images/committed:1/json"],
      ["DELETE /images/committed:1"],
      gone,
    ],
    values: { "GET /images/committed:1/json": ["Comment", "RepoTags", "Config.Cmd"] },
  },
];

const ofImages: readonly RouteCase[] = [
  {
    what: "images: told of, named, removed",
    steps: [
      ["GET /images/json"],
      ['GET /images/json?filters={"reference":["none"]}'],
      ['GET /images/json?filters={"colour":["red"]}'],
      ["GET /images/base/json"],
      ["GET /images/no-such/json"],
      ["GET /images/base/history"],
      ["GET /images/no-such/history"],
      ["POST /images/base/tag?repo=other&tag=1"],
      ["POST /images/base/tag?repo=UPPER"],
      ["POST /images/no-such/tag?repo=other"],
      ["DELETE /images/other:1"],
      ["DELETE /images/no-such"],
      ["POST /images/prune"],
      ['POST /images/prune?filters={"colour":["red"]}'],
      ["GET /images/base/get"],
      ["GET /images/get?names=base"],
      ["GET /images/no-such/get"],
      ["POST /images/load", "no archive"],
      ["POST /images/create?fromSrc=-&repo=bad", "no archive"],
      ["POST /images/create"],
      ["POST /images/no-such/push"],
    ],
    words: {
      'GET /images/json?filters={"colour":["red"]}': newer,
      "GET /images/no-such/json": newer,
      'POST /images/prune?filters={"colour":["red"]}': newer,
      "GET /images/no-such/get": newer,
    },
    differs: {
      "POST /images/base/tag?repo=UPPER": [400, mistake],
      "POST /images/load": [
        400,
        "what is no archive at all is refused before there is a stream to say it in",
      ],
      "POST /images/create?fromSrc=-&repo=bad": [400, mistake],
      "POST /images/create": [400, mistake],
      "POST /images/no-such/push": [200, newer],
    },
  },
];

const ofVolumes: readonly RouteCase[] = [
  {
    what: "volumes",
    steps: [
      ["POST /volumes/create", { Name: "kept", Labels: { a: "b" } }],
      ["POST /volumes/create", { name: "kept" }],
      ["POST /volumes/create", { Name: "-bad" }],
      ["POST /volumes/create", { Name: "other", DriverOpts: { colour: "red" } }],
      ["POST /volumes/create", "{"],
      ["GET /volumes"],
      ['GET /volumes?filters={"label":["a=b"]}'],
      ['GET /volumes?filters={"colour":["red"]}'],
      ["GET /volumes/kept"],
      ["GET /volumes/no-such"],
      ["DELETE /volumes/kept"],
      ["DELETE /volumes/kept"],
      ["DELETE /volumes/kept?force=1"],
      ['POST /volumes/prune?filters={"colour":["red"]}'],
      ["POST /volumes/prune"],
    ],
    values: { "GET /volumes/kept": ["Name", "Driver", "Labels", "Options", "Scope"] },
    words: {
      "POST /volumes/create": newer,
      'GET /volumes?filters={"colour":["red"]}': newer,
      'POST /volumes/prune?filters={"colour":["red"]}': newer,
    },
  },
];

const ofSystem: readonly RouteCase[] = [
  {
    what: "the engine",
    steps: [
      ["GET /_ping"],
      ["HEAD /_ping"],
      ["GET /version"],
      ["GET /info"],
      ["GET /system/df"],
      ["GET /events?since=1&until=2"],
      ["GET /events?since=x&until=2"],
      ["GET /events?since=1&until=2&filters={"],
      ['GET /events?since=1&until=2&filters={"colour":["red"]}'],
    ],
    values: {
      "GET /info": ["OSType", "NCPU", "Containers", "MemTotal", "LoggingDriver", "Swarm.LocalNodeState"],
    },
    differs: {
      "GET /events?since=x&until=2": [400, mistake],
      "GET /events?since=1&until=2&filters={": [400, mistake],
      'GET /events?since=1&until=2&filters={"colour":["red"]}': [400, newer],
    },
  },
  {
    what: "builds that there are not",
    steps: [
      ["POST /build/cancel"],
      ["POST /build/cancel?id=none"],
      ["POST /build/prune"],
      ['POST /build/prune?filters={"colour":["red"]}'],
    ],
    words: { 'POST /build/prune?filters={"colour":["red"]}': newer },
    differs: {
      "POST /build/cancel": [400, mistake],
      "POST /build/cancel?id=none": [200, newer],
    },
  },
  {
    what: "networks of every engine",
    steps: [
      ["GET /networks"],
      ['GET /networks?filters={"name":["none"]}'],
      ['GET /networks?filters={"colour":["red"]}'],
      ["GET /networks/none"],
      ["GET /networks/no-such"],
      ["GET /networks/none?scope=swarm"],
      ["POST /networks/create", { Name: "none" }],
      ["POST /networks/no-such/connect", { Container: "x" }],
      ["POST /networks/no-such/disconnect", { Container: "x" }],
      ["POST /networks/none/connect", { Container: "no-such" }],
      ["DELETE /networks/none"],
      ["DELETE /networks/no-such"],
      ['POST /networks/prune?filters={"colour":["red"]}'],
    ],
    values: {
      "GET /networks": [],
      'GET /networks?filters={"name":["none"]}': [],
      "GET /networks/none": ["Name", "Driver", "Scope", "Internal"],
      "GET /networks/none?scope=swarm": [],
    },
    words: {
      'GET /networks?filters={"colour":["red"]}': newer,
      'POST /networks/prune?filters={"colour":["red"]}': newer,
    },
    differs: {
      "POST /networks/create": [403, "the words of the engine of the tests end in a space"],
      "POST /networks/no-such/connect": [404, newer],
      "POST /networks/no-such/disconnect": [404, newer],
    },
  },
  {
    what: "no routes, other methods, slashes behind names, versions",
    steps: [
      ["GET /no-such"],
      ["GET /networks/"],
      ["GET /containers/json/"],
      ["GET /containers/"],
      ["GET /images/"],
      ["GET /volumes/"],
      ["GET //containers/json"],
      ["PUT /containers/json"],
      ["DELETE /version"],
      ["POST /_ping"],
      ["GET /containers//json"],
      ["HEAD /containers/json"],
      ["OPTIONS /containers/json"],
      ["GET /swarm"],
      ["GET /nodes"],
      ["GET /services"],
      ["GET /tasks"],
      ["GET /secrets"],
      ["GET /configs"],
      ["POST /swarm/leave"],
      ["GET /nodes/one"],
      ["GET /plugins"],
      ["GET /plugins/no-such/json"],
    ],
    values: { "GET /networks/": [] },
    words: { "GET /volumes/": "Docker takes it for a volume without a name" },
  },
];

export const routeCases: readonly RouteCase[] = [...ofContainers, ...ofImages, ...ofVolumes, ...ofSystem];

const matchers = Object.entries(routes).map(
  ([name, { method, path }]) => ({ name, method, match: pathMatcher(path) }) as const,
);

/** The name of the route that takes a request. */
export function routeOf(request: string): string | undefined {
  const [method = "", target = ""] = request.split(" ");
  const path = target.replace(/\?.*$/s, "");
  return matchers.find((row) => row.method === method && row.match(path) !== undefined)?.name;
}

export interface RouteProof {
  readonly verdict: "works" | "differs" | "not yet";
  /** How it differs, or what shows that it works. */
  readonly how: string;
}

/** Routes that are shown elsewhere: a file, and what in it asks them, or has a client ask. */
const elsewhere: Readonly<Record<string, readonly [file: string, words: string]>> = {
  auth: ["test/compat/docker-registry.test.ts", '"login"'],
  build: ["test/compat/docker-build.test.ts", '"build"'],
  buildControl: ["test/compat/buildkit.test.ts", "DOCKER_BUILDKIT"],
  buildSession: ["test/compat/buildkit.test.ts", "DOCKER_BUILDKIT"],
  containerAttach: ["test/compat/programs/dockerode.mjs", "container.attach("],
  containerAttachWebsocket: ["test/scenario/websocket.test.ts", "/attach/ws"],
  distributionInspect: ["test/compat/docker-registry.test.ts", "/distribution/"],
  execInspect: ["test/compat/programs/dockerode.mjs", "each.inspect()"],
  execResize: ["src/engine/meeting-end.kernel.test.ts", "execs.resize("],
  execStart: ["test/compat/programs/dockerode.mjs", "exec"],
  imageCreate: ["test/compat/docker-routes.test.ts", "/images/create?fromSrc=-"],
  imageSearch: ["test/compat/docker-registry.test.ts", '"search"'],
  metrics: ["test/scenario/metrics.test.ts", "/metrics"],
  networkConnect: ["test/compat/network-inspect.test.ts", "connect"],
  networkCreate: ["test/compat/network-inspect.test.ts", "network create"],
  networkDisconnect: ["test/compat/network-inspect.test.ts", "disconnect"],
  networkPrune: ["test/compat/network-inspect.test.ts", "prune"],
  networkRemove: ["test/compat/network-inspect.test.ts", '"network", "rm"'],
};

/** What is known of a route of Docker's; additions have none. */
export function proofOfRoute(name: string): RouteProof {
  const succeeds = routeCases.filter(({ steps }) => steps.some(([request]) => routeOf(request) === name));
  const otherwise = routeCases.flatMap(({ differs: found = {} }) =>
    Object.entries(found).flatMap(([request, [, why]]) =>
      routeOf(request) === name && why !== mistake && why !== newer ? [why] : [],
    ),
  );
  if (otherwise.length > 0) return { verdict: "differs", how: [...new Set(otherwise)].join("; ") };
  const [file] = elsewhere[name] ?? [];
  if (succeeds.length > 0 && file === undefined) return { verdict: "works", how: "case" };
  if (file !== undefined) return { verdict: "works", how: file };
  return { verdict: "not yet", how: "" };
}

/** Routes of which a case is all that shows that they work. */
export function routesByCase(): string[] {
  return Object.keys(routes).filter((name) => proofOfRoute(name).how === "case");
}

/** Tests that are named and are not there, one sentence each. `textOf` reads a file, or is undefined for none. */
export function missingProofs(textOf: (file: string) => string | undefined): string[] {
  return Object.entries(elsewhere).flatMap(([name, [file, words]]) => {
    const text = textOf(file);
    if (text === undefined) return [`${name}: there is no ${file}`];
    return text.includes(words) ? [] : [`${name}: nothing in ${file} says ${JSON.stringify(words)}`];
  });
}
