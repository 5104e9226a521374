/** What a step says, in English and in Chinese. `{x}` stands for a value; both languages have the same ones. */
export const reachLanguages = ["en", "zh"] as const;
export type ReachLanguage = (typeof reachLanguages)[number];

type Sentence = readonly [en: string, zh: string];

export const sentences = {
  // What goes well.
  nameFound: ["the name {name} is {address}, says {by}", "名字 {name} 是 {address}（由 {by} 回答）"],
  nameAlso: [
    "{name} is {addresses} as well: that way is followed when it is asked for by its address",
    "{name}还有地址 {addresses}：用该地址来问，就跟踪那条路",
  ],
  machine: ["{name} is this machine, at {address}", "{name} 是本机，地址为 {address}"],
  route: ["{who} sends it from {source} through {link} to {hop}", "{who} 从 {source} 经 {link} 发往 {hop}"],
  routeLocal: ["{address} is an address of {who} itself", "{address} 是 {who} 自己的地址"],
  neighbour: ["{hop} is {owner}, with the MAC {mac}", "{hop} 是 {owner}，MAC 为 {mac}"],
  bridge: [
    "{port} is a port of the bridge {bridge}, both are up",
    "{port} 是网桥 {bridge} 的端口，两者都已启用",
  ],
  mtu: [
    "packets of up to {bytes} bytes pass all links between them",
    "最大 {bytes} 字节的包可以通过两者之间的所有链路",
  ],
  rulesNone: ["no firewall rule of {who} looks at it at {hook}", "{who} 在 {hook} 处没有防火墙规则检查它"],
  rulesPass: ["the firewall of {who} lets it pass at {hook}", "{who} 的防火墙在 {hook} 处放行"],
  rulesAccept: [
    "the firewall of {who} accepts it at {hook}: {rule}",
    "{who} 的防火墙在 {hook} 处接受：{rule}",
  ],
  rewritten: ["{hook} of {who} rewrites it to {to}: {rule}", "{who} 在 {hook} 处把它改写为 {to}：{rule}"],
  hidden: ["{who} sends it on with the source {source}: {rule}", "{who} 以源地址 {source} 转发：{rule}"],
  unreadable: [
    "a rule that cannot be read may end it here: {rule}",
    "有一条无法解读的规则可能在此拦下它：{rule}",
  ],
  notFollowed: [
    "the chain {chain} of table {table} is of the family {family}, whose rules are not followed here",
    "表 {table} 的链 {chain} 属于 {family} 族，这里不跟踪它的规则",
  ],
  conntrack: ["{count} of {max} connections are followed", "已跟踪 {count} 条连接，上限 {max}"],
  forwarded: ["the host passes it on from {input} to {output}", "主机把它从 {input} 转发到 {output}"],
  arrives: ["it arrives at {who} through {link}", "它经 {link} 到达 {who}"],
  relay: ["the engine listens at port {port} and passes on to {to}", "引擎在端口 {port} 监听，并转接到 {to}"],
  listens: ["{who} listens at {address}:{port}", "{who} 在 {address}:{port} 监听"],
  wayBack: ["answers go back through {link}", "应答经 {link} 返回"],
  leaves: [
    "it leaves this machine through {link}; what is beyond cannot be seen",
    "它经 {link} 离开本机；之后的情况无法看到",
  ],
  probeAnswered: ["a real packet was answered: {answer}", "真实的包得到了应答：{answer}"],
  probeSilent: [
    "a real packet was sent, and nothing came back within {ms} ms",
    "发出了真实的包，{ms} 毫秒内没有应答",
  ],
  probeSeen: ["a packet from outside came in", "收到了来自外部的包"],
  probeWaited: [
    "no packet from outside came within {seconds} s: send one from there while this waits, say with: {command}",
    "{seconds} 秒内没有来自外部的包：在等待期间从外部发一个，例如：{command}",
  ],
  probeFailed: ["a real packet could not be sent: {error}", "无法发出真实的包：{error}"],
  traced: ["trace of {who}: {rule}: {verdict}", "{who} 的跟踪：{rule}：{verdict}"],
  // What stops it.
  notRunning: ["{who} does not run ({status})", "{who} 没有运行（{status}）"],
  isPaused: [
    "{who} is paused: its processes stand still and answer nothing",
    "{who} 已暂停：其进程停住，不会应答",
  ],
  nameUnknown: ["{by} knows no {name}", "{by} 不认识名字 {name}"],
  nameNotShared: [
    "{who} and {name} share no network, so {by} does not tell the name",
    "{who} 与 {name} 没有共同的网络，因此 {by} 不给出这个名字",
  ],
  nameOfOther: [
    "{name} lives in the network of {holder}, and {by} knows it by that name alone",
    "{name} 用的是 {holder} 的网络，{by} 只认识后者的名字",
  ],
  nameOfHost: [
    "{name} uses the network of the host, so {by} does not tell the name",
    "{name} 用的是主机的网络，因此 {by} 不给出这个名字",
  ],
  nameNotThere: [
    "containers of the network {network} do not know each other by name",
    "网络 {network} 的容器不能用名字互相访问",
  ],
  nameSilent: ["the name server {by} does not answer", "名字服务器 {by} 没有应答"],
  linkDown: ["the link {link} of {who} is down", "{who} 的链路 {link} 没有启用"],
  noCarrier: [
    "the link {link} of {who} has no carrier: its other end is down",
    "{who} 的链路 {link} 没有载波：对端没有启用",
  ],
  noLinks: ["{who} is in no network", "{who} 不在任何网络中"],
  noOutside: ["the host has no link to anywhere outside", "主机没有通往外部的链路"],
  noRoute: ["{who} has no route to {address}", "{who} 没有到 {address} 的路由"],
  isInternal: [
    "the network {network} is internal: nothing leaves or enters it",
    "网络 {network} 是内部网络：不进不出",
  ],
  notForwarding: [
    "the host forwards no packets (net.ipv4.ip_forward is 0)",
    "主机不转发包（net.ipv4.ip_forward 为 0）",
  ],
  sourceRefused: [
    "the kernel of the host refuses the source {source} at {link} (reverse path filter)",
    "主机内核在 {link} 上拒绝源地址 {source}（反向路径过滤）",
  ],
  ownParent: [
    "{target} is a {kind} on the link {link} of the host, and the kernel passes nothing between such a one and its host",
    "{target} 是主机链路 {link} 上的 {kind}，内核不在它与主机之间传递任何东西",
  ],
  ownAddress: [
    "the network {network} publishes no ports on the host: {target} is reached at its own address, through the link that it stands on",
    "网络 {network} 不在主机上发布端口：{target} 要经它所在的链路，用它自己的地址访问",
  ],
  noPort: ["the host's end of {link} is a port of no bridge", "{link} 在主机上的一端不是任何网桥的端口"],
  nobody: ["nobody at {link} has the address {address}", "{link} 上没有谁拥有地址 {address}"],
  conflict: ["{address} is used by more than one: {owners}", "地址 {address} 被多方使用：{owners}"],
  wrongMac: [
    "{who} sends frames for {address} to the MAC {mac}, but {owner} has {wanted}",
    "{who} 把发给 {address} 的帧送到 MAC {mac}，而 {owner} 的是 {wanted}",
  ],
  tooBig: [
    "{link} takes packets of {bytes} bytes only, {who} sends up to {sent}: small ones pass, large ones are lost",
    "{link} 只接受 {bytes} 字节的包，而 {who} 最多发送 {sent} 字节：小包能过，大包会丢",
  ],
  closedWithin: [
    "containers of the network {network} do not reach each other",
    "网络 {network} 的容器之间不互通",
  ],
  conntrackFull: [
    "the host follows {count} connections, and {max} is the most: new ones are dropped",
    "主机已跟踪 {count} 条连接，达到上限 {max}：新连接被丢弃",
  ],
  dropped: ["the firewall of {who} drops it at {hook}: {rule}", "{who} 的防火墙在 {hook} 处丢弃：{rule}"],
  rejected: ["the firewall of {who} rejects it at {hook}: {rule}", "{who} 的防火墙在 {hook} 处拒绝：{rule}"],
  wrongNetwork: [
    "{who} and {target} share no network, and the host passes nothing on between networks: {rule}",
    "{who} 与 {target} 没有共同的网络，主机不在网络之间转发：{rule}",
  ],
  notPublished: ["port {port} of {target} is not published", "{target} 的端口 {port} 没有发布"],
  publishedHere: [
    "port {inner} of {target} is published at {address}:{port} only, not at {wanted}",
    "{target} 的端口 {inner} 只发布在 {address}:{port}，而不在 {wanted}",
  ],
  noListener: [
    "nothing in {who} listens at {protocol} port {port} (there: {there})",
    "{who} 中没有程序在 {protocol} 端口 {port} 监听（现有：{there}）",
  ],
  loopbackOnly: [
    "{who} listens at {address}:{port} only, which is reached from within {who} alone",
    "{who} 只在 {address}:{port} 监听，只有 {who} 内部能访问",
  ],
  otherAddressOnly: [
    "{who} listens at {address}:{port} only, not at {wanted}",
    "{who} 只在 {address}:{port} 监听，而不在 {wanted}",
  ],
  noWayBack: ["{who} has no route back to {address}", "{who} 没有返回 {address} 的路由"],
  otherFamily: ["{target} has no address that {who} can use", "{target} 没有 {who} 能用的地址"],
  // What to do.
  doStart: ["{program} start {who}", "{program} start {who}"],
  doUnpause: ["{program} unpause {who}", "{program} unpause {who}"],
  doConnect: ["{program} network connect {network} {who}", "{program} network connect {network} {who}"],
  doRunIn: [
    "{who} was made for no network: make it anew with {program} run --network {network}",
    "{who} 创建时没有网络：用 {program} run --network {network} 重新创建",
  ],
  doAsk: ["ask for {place}", "改为访问 {place}"],
  doWhyHost: [
    "use an address of this machine: {program} why {who} host:{port} says which",
    "改用本机的地址：{program} why {who} host:{port} 会给出它",
  ],
  doPublishAgain: [
    "{program} update --publish-rm {inner}/{protocol} {target}, then {program} update --publish-add {port}:{inner}/{protocol} {target}",
    "先 {program} update --publish-rm {inner}/{protocol} {target}，再 {program} update --publish-add {port}:{inner}/{protocol} {target}",
  ],
  doOtherMachine: [
    "ask from another machine or container there, or give both a network with a bridge: {program} network connect NETWORK {target}",
    "从那里的其他机器或容器访问，或让双方加入带网桥的网络：{program} network connect NETWORK {target}",
  ],
  doPublish: [
    "{program} update --publish-add {hostPort}:{port}/{protocol} {who}",
    "{program} update --publish-add {hostPort}:{port}/{protocol} {who}",
  ],
  doName: [
    "check the name, or give it as an alias: {program} network connect --alias {name} NETWORK CONTAINER",
    "检查名字，或把它设为别名：{program} network connect --alias {name} NETWORK CONTAINER",
  ],
  doNamedNetwork: [
    "{program} network create NETWORK, then {program} network connect NETWORK {who} and {program} network connect NETWORK {target}",
    "{program} network create NETWORK，然后 {program} network connect NETWORK {who} 和 {program} network connect NETWORK {target}",
  ],
  doServer: [
    "check /etc/resolv.conf of {who}; {program} restart {who} writes it anew",
    "检查 {who} 的 /etc/resolv.conf；{program} restart {who} 会重写它",
  ],
  doHostLinkUp: ["ip link set {link} up", "ip link set {link} up"],
  doRestart: ["{program} restart {who}", "{program} restart {who}"],
  doRoute: [
    "add a route to {address} at {who}, or {program} restart {who}",
    "在 {who} 添加到 {address} 的路由，或执行 {program} restart {who}",
  ],
  doHostRoute: [
    "ip route add {address} via GATEWAY (on the host)",
    "ip route add {address} via GATEWAY（在主机上）",
  ],
  doForward: ["sysctl -w net.ipv4.ip_forward=1", "sysctl -w net.ipv4.ip_forward=1"],
  doMaster: [
    "{program} network disconnect {network} {who} and connect it again",
    "先 {program} network disconnect {network} {who}，再重新连接",
  ],
  doNeighbour: ["{inside}ip neigh del {address} dev {link}", "{inside}ip neigh del {address} dev {link}"],
  doAddress: [
    "give one of them another address: {program} network disconnect, then network connect --ip ADDRESS",
    "给其中一方换地址：{program} network disconnect，再 network connect --ip ADDRESS",
  ],
  doMtu: ["ip link set {link} mtu {sent}", "ip link set {link} mtu {sent}"],
  doOpenWithin: [
    "a network with com.docker.network.bridge.enable_icc=true (the default network: a daemon without --icc=false)",
    "使用 com.docker.network.bridge.enable_icc=true 的网络（默认网络：守护进程不带 --icc=false）",
  ],
  doConntrack: [
    "sysctl -w net.netfilter.nf_conntrack_max={more}",
    "sysctl -w net.netfilter.nf_conntrack_max={more}",
  ],
  doDeleteRule: [
    "{inside}nft delete rule {family} {table} {chain} handle {handle}, or one before it: {inside}nft insert rule {family} {table} {chain} {protocol} dport {port} accept",
    "{inside}nft delete rule {family} {table} {chain} handle {handle}，或在它前面加一条：{inside}nft insert rule {family} {table} {chain} {protocol} dport {port} accept",
  ],
  doAcceptRule: [
    "{inside}nft insert rule {family} {table} {chain} {protocol} dport {port} accept",
    "{inside}nft insert rule {family} {table} {chain} {protocol} dport {port} accept",
  ],
  doListen: [
    "start the program that listens at port {port} in {who}",
    "在 {who} 中启动监听端口 {port} 的程序",
  ],
  doListenAll: [
    "have the program in {who} listen at 0.0.0.0:{port}",
    "让 {who} 中的程序在 0.0.0.0:{port} 监听",
  ],
  doReversePath: ["sysctl -w net.ipv4.conf.{link}.rp_filter=2", "sysctl -w net.ipv4.conf.{link}.rp_filter=2"],
  doOtherNetwork: [
    "a network that is not internal: {program} network connect NETWORK {who}",
    "改用非内部网络：{program} network connect NETWORK {who}",
  ],
  doLook: ["{program} inspect {who}", "{program} inspect {who}"],
  // The last sentence.
  yes: ["yes: {from} reaches {target}", "能：{from} 可以到达 {target}"],
  yesOutside: [
    "yes as far as this machine: {from} reaches {target} unless something beyond stops it",
    "就本机而言能：{from} 可以到达 {target}，除非本机之外有阻碍",
  ],
  no: [
    "no: {from} does not reach {target}, because {reason}; to open it: {remedy}",
    "不能：{from} 到不了 {target}，因为{reason}；打开的办法：{remedy}",
  ],
  noByProbe: [
    "no: by the rules {from} reaches {target}, but the packet that was sent was not answered",
    "不能：按规则 {from} 可以到达 {target}，但发出的包没有得到应答",
  ],
} as const satisfies Record<string, Sentence>;

export type SentenceName = keyof typeof sentences;
export type Values = Readonly<Record<string, string | number>>;

export interface Said {
  readonly say: SentenceName;
  readonly values: Values;
}

export function sentence({ say, values }: Said, language: ReachLanguage): string {
  const text: string = sentences[say][reachLanguages.indexOf(language)] ?? "";
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
