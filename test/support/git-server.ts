/** Repositories over http, by git's own CGI program, and a port of the kernel's choice; files beside them are served as they are. */
export interface GitServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly host: string;
  /** Headers of the requests for git, as they came. */
  readonly asked: Headers[];
}

const executables = Bun.spawnSync(["git", "--exec-path"]).stdout.toString().trim();

/** What is in `root`: `NAME.git` are repositories. */
export function serveGit(root: string): GitServer {
  const asked: Headers[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const url = new URL(request.url);
      if (!/\.git\//.test(url.pathname)) {
        const file = Bun.file(`${root}${url.pathname}`);
        return (await file.exists()) ? new Response(file) : new Response("no", { status: 404 });
      }
      asked.push(request.headers);
      return await backend(root, request, url);
    },
  });
  return {
    url: `http://127.0.0.1:${server.port}`,
    host: `127.0.0.1:${server.port}`,
    asked,
    async [Symbol.asyncDispose]() {
      await server.stop(true);
    },
  };
}

async function backend(root: string, request: Request, url: URL): Promise<Response> {
  const child = Bun.spawn([`${executables}/git-http-backend`], {
    env: {
      ...process.env,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: "safe.directory",
      GIT_CONFIG_VALUE_0: "*",
      PATH_INFO: url.pathname,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers.get("content-type") ?? "",
      HTTP_CONTENT_ENCODING: request.headers.get("content-encoding") ?? "",
    },
    stdin: new Blob([await request.arrayBuffer()]),
    stdout: "pipe",
    stderr: "ignore",
  });
  const answer = Buffer.from(await new Response(child.stdout).arrayBuffer());
  const end = answer.indexOf("\r\n\r\n");
  const lines = answer.subarray(0, end).toString().split("\r\n");
  const headers = new Headers(lines.map((line) => line.split(": ", 2) as [string, string]));
  const status = Number.parseInt(headers.get("status") ?? "200", 10);
  headers.delete("status");
  return new Response(answer.subarray(end + 4), { status, headers });
}
