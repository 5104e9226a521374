/** What was asked for and cannot be had, as a plan says it: English, and beside it Chinese. Another sentence does not compile. */
import type { CgroupWarning, CgroupWarningSaying } from "../../linux/cgroup-warnings.ts";
import type { Filled } from "./filled.ts";

const cgroupSayings = {
  "No cgroup is mounted: no limit is enforced": "没有挂载控制组:任何限制都不会生效",
  "linux.resources.unified needs cgroup v2: not applied": "linux.resources.unified 需要 cgroup v2:没有执行",
  "linux.resources.network needs cgroup v1: not applied": "linux.resources.network 需要 cgroup v1:没有执行",
  "Your kernel does not support the {0} cgroup or the cgroup is not mounted. Limits of it are discarded.":
    "内核不支持控制组 {0},或者没有挂载:它的限制被忽略",
  "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.":
    "内核不支持限制交换空间,或者没有挂载控制组:只限制内存,不限制交换空间",
  "OomKillDisable is discarded: cgroup v2 has no way to disable the OOM killer":
    "OomKillDisable 被忽略:cgroup v2 无法关闭内存不足时的终止",
  "MemorySwappiness is discarded: cgroup v2 has no swappiness of its own":
    "MemorySwappiness 被忽略:cgroup v2 没有自己的交换倾向",
  "CPU real-time limits are discarded: cgroup v2 has none": "处理器的实时限制被忽略:cgroup v2 没有这种限制",
} as const satisfies Readonly<Record<CgroupWarningSaying, string>>;

const planSayings = {
  "{0} hard limit {1} is above the engine's own {2}: {3} is used":
    "{0} 的硬限制 {1} 超过引擎自己的 {2}:改用 {3}",
  "process.capabilities.{0} has the unknown capability {1}: ignored":
    "process.capabilities.{0} 里有未知的能力 {1}:被忽略",
  "{0} cannot be given: the engine does not have it": "不能给予 {0}:引擎自己没有",
  "{0} cannot be given: the kernel does not know it": "不能给予 {0}:内核不认识",
  "{0}: {1} is restricted by the host's mount, which stays in force":
    "{0}:{1} 受主机上挂载的限制,这些限制仍然有效",
  "{0}: group {1} is not mapped in the user namespace, gid= is left out":
    "{0}:组 {1} 在用户命名空间里没有映射,省去 gid=",
  "{0}: the container has no cgroup, {1} is left as it is": "{0}:容器没有控制组,{1} 保持原样",
  "oom_score_adj {0} is below the engine's own {1} and needs CAP_SYS_RESOURCE: not applied":
    "oom_score_adj {0} 低于引擎自己的 {1},需要 CAP_SYS_RESOURCE:没有执行",
  "oom_score_adj {0} needs CAP_SYS_RESOURCE: not applied": "oom_score_adj {0} 需要 CAP_SYS_RESOURCE:没有执行",
  "groups {0} are left out: setgroups is forbidden in the user namespace":
    "省去组 {0}:用户命名空间里禁止 setgroups",
} as const;

export const warningSayings = { ...cgroupSayings, ...planSayings } as const;

/** One sentence about something that was asked for and cannot be had here. */
export type PlanWarning = CgroupWarning | Filled<keyof typeof planSayings>;
