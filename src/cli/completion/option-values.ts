/** The values of options that are one of a few words, or the name of something. An option that is not here takes anything. */
import { own } from "../../lib/own.ts";
import { listed, type Offer, words } from "./offer.ts";

const signals = words(
  ..."HUP INT QUIT TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS".split(
    " ",
  ),
);

const capabilities = words(
  ..."ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM".split(
    " ",
  ),
);

/** `bridge`, `host` and `none` are among those that the engine lists. */
const networks: Offer = { ...listed("networks"), words: ["container:"] };

/** By the long name of the option, wherever it occurs. */
const everywhere: Readonly<Record<string, Offer>> = {
  "cap-add": capabilities,
  "cap-drop": capabilities,
  cgroupns: words("host", "private"),
  ipc: words("container:", "host", "none", "private", "shareable"),
  isolation: words("default"),
  link: listed("containers"),
  "log-driver": words("fluentd", "gelf", "journald", "json-file", "local", "none", "syslog"),
  net: networks,
  network: networks,
  pid: words("container:", "host"),
  pull: words("always", "missing", "never"),
  restart: words("always", "no", "on-failure", "on-unhealthy", "unless-stopped"),
  runtime: words("crun", "runc", "tiffin"),
  "security-opt": words(
    "apparmor=",
    "no-new-privileges",
    "seccomp=",
    "systempaths=unconfined",
    "writable-cgroups=true",
  ),
  signal: signals,
  "stop-signal": signals,
  userns: words("host", "private"),
  uts: words("host"),
  volume: listed("volumes"),
  "volumes-from": listed("containers"),
};

const document = words("json");
const table = words("json", "table");
const containerFilters = words(
  ..."ancestor= before= exited= expose= health=healthy health=none health=starting health=unhealthy id= is-task= isolation= label= name= network= publish= since= volume=".split(
    " ",
  ),
  ...["created", "dead", "exited", "paused", "removing", "restarting", "running"].map(
    (status) => `status=${status}`,
  ),
);
const imageFilters = words(..."before= dangling= label= reference= since= until=".split(" "));
const pruneFilters = words("dangling=", "label=", "label!=", "until=");
const networkFilters = words(..."dangling= driver= id= label= name= scope= type=".split(" "));
const streams = words("stderr", "stdin", "stdout");

/** By the shortest name of a command and the long name of its option. */
const inCommand: Readonly<Record<string, Offer>> = {
  "create attach": streams,
  "explain format": words("json", "markdown", "plain", "sh", "text"),
  "explain lang": words("en", "zh"),
  "trace lang": words("en", "zh"),
  "why format": words("json", "text"),
  "why lang": words("en", "zh"),
  "ns type": words("user", "mnt", "pid", "net", "uts", "ipc", "cgroup", "time"),
  "history format": table,
  "image prune filter": pruneFilters,
  "images filter": imageFilters,
  "images format": table,
  "info format": document,
  "inspect format": document,
  "inspect type": words("container", "image", "network", "volume"),
  "events filter": words(
    ..."config= container= daemon= event= image= label= network= node= plugin= scope= secret= service= type= volume=".split(
      " ",
    ),
  ),
  "events format": document,
  "volume inspect format": document,
  "volume list filter": words("dangling=", "driver=", "label=", "name="),
  "volume list format": table,
  "context list format": table,
  "builder prune filter": words(
    "description=",
    "id=",
    "inuse=",
    "private=",
    "shared=",
    "type=",
    "until=",
    "unused-for=",
  ),
  "volume prune filter": words("all=", "label=", "label!="),
  "container inspect format": document,
  "image inspect format": document,
  "network create driver": words("bridge"),
  "network inspect format": document,
  "network ls filter": networkFilters,
  "network ls format": table,
  "network prune filter": words("label=", "label!=", "until="),
  "ps filter": containerFilters,
  "ps format": table,
  "run attach": streams,
  "stats format": table,
  "system df format": table,
  "system prune filter": words("label=", "label!=", "until="),
  "container prune filter": words("label=", "label!=", "until="),
  "search filter": words("is-automated=", "is-official=", "stars="),
  "search format": table,
  "version format": document,
};

/** What to offer for the value of `option`, if that is known. */
export function valuesOf(command: string, option: string): Offer | undefined {
  return inCommand[`${command} ${option}`] ?? own(everywhere, option);
}
