/**
 * Comments, notes and complaints of scripts: English, and beside it Chinese. They stand in comments, and in double quotes of a shell
 * and of Perl, so there is nothing in them that either acts on.
 */
export const scriptSayings = {
  // Of every script.
  "Note: {0}": "说明:{0}",
  "note: {0}": "说明:{0}",
  "only root can do this": "只有 root 能做",
  "{0} is missing: it is in Debian's {1}": "缺少 {0}:它在 Debian 的 {1} 里",
  "What is made is taken back at the end, the newest first.": "建立的一切最后都会收回,后建立的先收回。",
  "A signal is only noted, so that it never ends the taking back.": "信号只是记下来,这样它不会打断收回。",
  // Of a container.
  "Container {0} ({1}) by hand. Run as root on the host that wrote this, from a file: sh FILE":
    "手工建立容器 {0} ({1})。在写出它的主机上以 root 运行,放在文件里:sh FILE",
  "It makes what tiffin explain shows, becomes the container's program, and takes all back when that ends.":
    "它建立 tiffin explain 所示的一切,变成容器的程序,程序结束后全部收回。",
  "Another root file system in the place of the image's: ROOTFS=/some/directory sh FILE":
    "用另一个根文件系统代替镜像的:ROOTFS=/some/directory sh FILE",
  "the container runs: stop it first, as its addresses and ports would be there twice":
    "容器正在运行:先停止它,否则它的地址和端口会出现两次",
  "what is mounted at {0} is masked here: set {1} to its path":
    "挂载到 {0} 的来源在这里被遮住:把 {1} 设为它的路径",
  "word {0} of the command is masked here: set {1} to it": "命令的第 {0} 个词在这里被遮住:把 {1} 设为它",
  "words of this container are masked here: explain --show-secrets writes them in":
    "这个容器的一些词在这里被遮住:explain --show-secrets 会写出来",
  "values of {0} environment variables are masked and taken from who runs this; explain --show-secrets writes them in":
    "{0} 个环境变量的值被遮住,取自运行脚本的人;explain --show-secrets 会写出来",
  "{0} is not set: its value is masked here": "{0} 没有设置:它的值在这里被遮住",
  "{0} is left out: no shell has a variable of such a name; explain --show-secrets writes it in":
    "省去 {0}:任何 shell 都没有这种名字的变量;explain --show-secrets 会写出来",
  "Helpers.": "辅助部分。",
  "First who waits for it, or that would tell of its end.": "先结束等待它的一方,否则它会报告结束。",
  "What the new process does first, in the new namespaces.": "新进程在新的命名空间里首先做的事。",
  "Mounts are made inside its own mount namespace: the host sees none of them.":
    "挂载都在它自己的挂载命名空间里进行:主机一个也看不到。",
  "The programs that are wanted once the root is another one, on a file system that only a descriptor leads to.":
    "换了根以后还需要的程序,放在只有一个描述符能通到的文件系统里。",
  // A user namespace of its own.
  "A process that only sleeps holds the user namespace, and those that belong to it, until the container is in them.":
    "一个只睡眠的进程留住用户命名空间和属于它的命名空间,直到容器进入。",
  "the kernel makes no user namespace: see sysctl user.max_user_namespaces":
    "内核不建立用户命名空间:看 sysctl user.max_user_namespaces",
  "Which users inside are which of the host: first inside, first outside, how many.":
    "里面的哪些用户是主机的哪些用户:里面的第一个,外面的第一个,多少个。",
  "What the host's root does, in a mount namespace of its own: the host sees none of it.":
    "主机的 root 在自己的挂载命名空间里做的事:主机一点也看不到。",
  "Everything that the container's root is to reach lies in a folder that it may enter; nobody else can, as that above is closed.":
    "容器的 root 要用的一切放在它能进入的文件夹里;上一级不开放,别人进不来。",
  "From here on by another name, which the container's root reaches.":
    "从这里开始用另一个名字,容器的 root 能通到。",
  "What the container's root does. It may not move mounts of the host's root, so it binds them anew.":
    "容器的 root 做的事。它不能移动主机的 root 的挂载,所以重新绑定。",
  "the container's host name and domain name: sethostname(2), setdomainname(2)":
    "容器的主机名和域名:sethostname(2), setdomainname(2)",
  "shows the owners of what is mounted there through a user namespace: open_tree(2), mount_setattr(2), move_mount(2)":
    "让挂载在那里的文件的属主经过用户命名空间映射:open_tree(2), mount_setattr(2), move_mount(2)",
  // What a script brings along.
  "The image's layers: files that hold EROFS file systems, in the engine's directory. Mounted before the control groups are":
    "镜像的各层:引擎目录里的文件,内容是 EROFS 文件系统。在加入控制组之前挂载,",
  "joined, as those allow no loop device.": "因为控制组不允许使用 loop 设备。",
  "layer {0} is not here: run this where it was written, or say ROOTFS=/some/directory":
    "这里没有层 {0}:请在写出脚本的主机上运行,或者给出 ROOTFS=/some/directory",
  "{0} instructions of the seccomp filter, 8 bytes each: struct sock_filter, linux/filter.h":
    "seccomp 过滤器的 {0} 条指令,每条 8 字节:struct sock_filter, linux/filter.h",
  // Control groups.
  "Its last process takes a moment to leave.": "最后一个进程要过一会儿才离开。",
  "One word for eval.": "给 eval 的一个词。",
  "Makes a control group and those above it that are missing; in version 2 its parents pass their controllers on.":
    "建立控制组和它上面缺少的各级;在第 2 版里上级把控制器交给下级。",
  "this script runs already": "这个脚本已经在运行",
  "{0} is tolerated": "容许 {0}",
  // Functions.
  "Where path {0} is below root {1} as the container will see it: links of the image lead nowhere else.":
    "容器看到的根 {1} 之下的路径 {0} 在哪里:镜像里的链接不会通到别处。",
  "too many links on the way to {0}": "通往 {0} 的链接太多",
  "A bind ({0} --bind or --rbind) of {1} at {2}, which is made.":
    "把 {1} 绑定到 {2} ({0} 是 --bind 或 --rbind),需要时先建立它。",
  "Hides {0}, if it is there: a directory under an empty one ({1}), anything else under the null device ({2}).":
    "如果有 {0} 就遮住它:目录用空目录 ({1}) 盖住,其他用空设备 ({2}) 盖住。",
  "Options {0} for the mount {1} and all below it.": "把选项 {0} 用于挂载 {1} 和它下面的一切。",
  // The helper.
  "Steps that no program of Debian's does. usage: perl helper.pl MACHINE STEP... -- program words...":
    "Debian 的程序都不做的步骤。用法:perl helper.pl 机器 步骤... -- 程序 词...",
  "attach this eBPF program, which says what devices may be used, to a control group (v2)":
    "把决定可用设备的这段 eBPF 程序挂到控制组上 (v2)",
  "a session keyring of its own: keyctl(2)": "自己的会话密钥环:keyctl(2)",
  "from here on only the system calls that this filter (hexadecimal, in FILE) lets through: seccomp(2)":
    "从此只有这个过滤器 (FILE 里的十六进制) 放行的系统调用:seccomp(2)",
  "goes there": "进入那个目录",
  "the environment of the program": "程序的环境变量",
  "stay as process 1: pass signals on, take in orphans, end as the program does":
    "留作 1 号进程:转发信号,接收孤儿进程,随程序结束",
  "no descriptor but 0, 1 and 2 gets through": "只有描述符 0、1、2 传给程序",
  "the program is the first of these that is there; without any it is the first word after --":
    "程序是其中第一个存在的;一个也没有时是 -- 之后的第一个词",
  "the helper knows x86_64 and aarch64 only": "辅助程序只认识 x86_64 和 aarch64",
  "cannot go to {0}": "不能进入 {0}",
  "the helper knows no step {0}": "辅助程序没有步骤 {0}",
  "permission denied": "没有权限",
  "cannot become {0}: {1} (looked for {2})": "不能变成 {0}:{1} (找过 {2})",
  // Single operations.
  "Not done: {0}": "没有做:{0}",
  "{0}: the script has no {1}": "{0}:脚本没有 {1}",
  "chroot after a root that was moved: this host runs from its initial ram disk":
    "移动根之后的 chroot:这台主机从初始内存盘运行",
  "the hook {0} is not run: it wants the container's state on its standard input":
    "没有运行钩子 {0}:它要从标准输入读取容器的状态",
  "The rest in a cgroup namespace whose root is the group that it is in now.":
    "其余的在一个新的 cgroup 命名空间里进行,它的根就是现在所在的控制组。",
  "a terminal of its own (-t): the program has yours, and there is no /dev/console":
    "自己的终端 (-t):程序使用你的终端,没有 /dev/console",
  "another runtime makes this container, and is not called here": "这个容器由另一个运行时建立,这里没有调用它",
  "the seccomp filter's listener is handed to nobody": "seccomp 过滤器的监听端没有交给任何人",
  "the script has no {0}: an empty directory is in its place": "脚本没有 {0}:用空目录代替",
  "From here on there are no programs but those of the image, and the few that were kept.":
    "从这里开始,只有镜像里的程序和留下的几个程序。",
  "owners of files are not shown through another mapping of users than the container's":
    "文件的属主只经过容器自己的用户映射显示,不经过别的映射",
  "descriptor {0} is not handed over": "描述符 {0} 没有传过去",
  "the scheduling policy {0} is not set": "没有设置调度策略 {0}",
  "what is at {0} is another container's: an empty file system is in its place":
    "{0} 处的内容属于另一个容器:用空的文件系统代替",
  // Exec.
  "A further process in container {0} ({1}) by hand. Run as root while it runs, from a file: sh FILE":
    "手工在容器 {0} ({1}) 里再启动一个进程。在它运行时以 root 运行,放在文件里:sh FILE",
  "nsenter, which waits for the process, is in the container's control groups too":
    "等待这个进程的 nsenter 也在容器的控制组里",
  "the container does not run any more": "容器已经不在运行",
  "A mount namespace for the programs that come along: it goes with this script.":
    "给随脚本带来的程序用的挂载命名空间:脚本结束就消失。",
  "Into its control groups, then into its namespaces, then it gives up what it may not have.":
    "先进入它的控制组,再进入它的命名空间,然后放弃它不能有的权利。",
  // Networks.
  "Sets a switch of the kernel, and back at the end.": "拨动内核的一个开关,最后拨回来。",
  "nobody answers for names of other containers: the engine's name server is not by hand":
    "没有人应答其他容器的名字:引擎的域名服务器不是手工能做的",
  "ports in the mode socket are rewritten by the firewall instead": "socket 方式的端口改由防火墙改写",
  "Network {0} ({1}) by hand. Run as root: sh FILE; the end of its input takes all back.":
    "手工建立网络 {0} ({1})。以 root 运行:sh FILE;输入结束时全部收回。",
  "A signal is only noted, so that it never ends the taking back; what waits below ends with it.":
    "信号只是记下来,这样它不会打断收回;下面的等待随之结束。",
  "network {0} is there until this ends": "网络 {0} 已建立,直到脚本结束",
  // Removals.
  "What tiffin rm does to container {0}, by hand. Run as root.":
    "手工对容器 {0} 做 tiffin rm 所做的事。以 root 运行。",
  "the engine's own record of the container stays: only the engine can forget it":
    "引擎自己对容器的记录还在:只有引擎能忘掉它",
  "Nothing to do: the kernel does it with the last process.": "不用做什么:内核随最后一个进程完成。",
  "Nothing to do: the pair of links went with the namespace that one of them was in.":
    "不用做什么:一端所在的命名空间消失,整对接口也就没有了。",
  "{0}: an element of the engine's table: nft list map inet tiffin published_any":
    "{0}:引擎的表里的一个元素:nft list map inet tiffin published_any",
} as const;
