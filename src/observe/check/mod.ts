/** `tiffin check`: can this machine run containers? */

import { readTextIfPossible } from "../../kernel/files.ts";
import { findChain, NetlinkSocket } from "../../kernel/netlink/mod.ts";
import { probe } from "../../kernel/probe.ts";
import type { HostFacts } from "../../linux/host-facts.ts";
import type { Json } from "../report.ts";
import { harmless } from "../report.ts";
import { type CheckGroup, verdicts, worstOf } from "./check.ts";
import { decideChecks } from "./decide-checks.ts";
import { lookAround } from "./host-surroundings.ts";
import { probeLinks } from "./link-probe.ts";

export interface CheckResult {
  readonly text: string;
  readonly json: Json;
  /** 0 all is well, 1 something is limited, 2 something is missing. */
  readonly exitCode: number;
}

export function checkMachine(colours: boolean): CheckResult {
  const host = probe();
  const groups = decideChecks({
    host,
    around: lookAround({ uid: host.identity.uid, name: nameOf(host.identity.uid) }),
    links: probeLinks(),
    forwardDrops: forwardDrops(),
  });
  const worst = worstOf(groups);
  return {
    text: textOf(groups, host, colours),
    json: {
      verdict: worst,
      groups: groups.map(({ title, checks }) => ({ title, checks: checks.map((one) => ({ ...one })) })),
    },
    exitCode: verdicts.indexOf(worst),
  };
}

function nameOf(uid: number): string | undefined {
  for (const line of (readTextIfPossible("/etc/passwd") ?? "").split("\n")) {
    const [name, , id] = line.split(":");
    if (id === String(uid)) return name;
  }
  return undefined;
}

/** Docker leaves it so. */
function forwardDrops(): boolean {
  try {
    using socket = NetlinkSocket.open("netfilter");
    return findChain(socket, { family: "ip", table: "filter" }, "FORWARD")?.policy === "drop";
  } catch {
    return false;
  }
}

const colourOf = { ok: "\u001b[32m", limited: "\u001b[33m", missing: "\u001b[31m" } as const;
const plain = "\u001b[0m";
const verdictWidth = Math.max(...verdicts.map((verdict) => verdict.length));

function textOf(groups: readonly CheckGroup[], { operatingSystem }: HostFacts, colours: boolean): string {
  const titles = groups.flatMap(({ checks }) => checks.map(({ title }) => title.length));
  const width = Math.max(...titles);
  const lines: string[] = [];
  for (const { title, checks } of groups) {
    if (lines.length > 0) lines.push("");
    lines.push(title);
    for (const one of checks) {
      const word = one.verdict.padEnd(verdictWidth);
      const shown = colours ? `${colourOf[one.verdict]}${word}${plain}` : word;
      lines.push(`  ${shown}  ${one.title.padEnd(width)}  ${harmless(one.found)}`);
      if (one.verdict === "ok") continue;
      const indent = " ".repeat(verdictWidth + 4);
      lines.push(`${indent}so: ${one.consequence}`, `${indent}try: ${one.remedy}`);
    }
  }
  const all = groups.flatMap(({ checks }) => checks);
  const count = (verdict: (typeof verdicts)[number]): number =>
    all.filter((one) => one.verdict === verdict).length;
  const conclusions = {
    ok: "This machine can run containers, with everything.",
    limited: "This machine can run containers; what is limited is named above.",
    missing: "This machine lacks something that containers need; it is named above.",
  };
  lines.push(
    "",
    `${harmless(operatingSystem)}: ${count("ok")} ok, ${count("limited")} limited, ${count("missing")} missing. ${conclusions[worstOf(groups)]}`,
  );
  return `${lines.join("\n")}\n`;
}
