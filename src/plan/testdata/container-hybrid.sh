#!/bin/sh
# What this container is, step by step. Made from its plan; run as root, at your own risk.
set -eu

# NETNS: the caller's netns
# CGROUP: the caller's cgroup
# LOGS: the caller's logs
# RECORD: the caller's record
# OOM: the caller's oom
# ATTACH_0: the caller's attach:0
work=$(mktemp -d)
export work

# On the host
mkdir -p /sys/fs/cgroup/memory/tiffin/c0ffee
mkdir -p /sys/fs/cgroup/cpu/tiffin/c0ffee
mkdir -p /sys/fs/cgroup/cpuacct/tiffin/c0ffee
mkdir -p /sys/fs/cgroup/pids/tiffin/c0ffee
mkdir -p /sys/fs/cgroup/devices/tiffin/c0ffee
mkdir -p /sys/fs/cgroup/blkio/tiffin/c0ffee
mkdir -p /sys/fs/cgroup/unified/tiffin/c0ffee
printf %s a > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.deny
printf %s 'c 1:3 rwm' > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.allow
printf %s 'c *:* m' > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.allow
printf %s 'b *:* m' > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.allow
printf %s 'c 1:5 rwm' > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.allow
printf %s 'c 1:7 rwm' > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.allow
printf %s 'c 1:8 rwm' > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.allow
printf %s 'c 1:9 rwm' > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.allow
printf %s 'c 5:0 rwm' > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.allow
printf %s 'c 5:1 rwm' > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.allow
printf %s 'c 5:2 rwm' > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.allow
printf %s 'c 136:* rwm' > /sys/fs/cgroup/devices/tiffin/c0ffee/devices.allow
printf %s 67108864 > /sys/fs/cgroup/memory/tiffin/c0ffee/memory.limit_in_bytes

# The supervisor's part
# not in a shell: supervise (supervise)

# In the new process. Mounts that a plan prepares on the host are made in here, because a shell
# cannot hold a mount that is attached nowhere.
exec unshare --ipc --uts --pid --fork --kill-child --mount sh -eu <<'CONTAINER'
mkdir -p "$work"/12; mount -t overlay -o lowerdir=/var/lib/tiffin/layers/b/diff:/var/lib/tiffin/layers/a/diff,upperdir=/var/lib/tiffin/containers/c0ffee/upper,workdir=/var/lib/tiffin/containers/c0ffee/work,index=off,redirect_dir=nofollow,metacopy=off overlay "$work"/12  # root
if [ -d /sys/fs/cgroup/memory/tiffin/c0ffee ]; then mkdir -p "$work"/23; else [ -e "$work"/23 ] || : > "$work"/23; fi; mount --bind /sys/fs/cgroup/memory/tiffin/c0ffee "$work"/23  # mounts[4]
if [ -d /sys/fs/cgroup/cpu/tiffin/c0ffee ]; then mkdir -p "$work"/24; else [ -e "$work"/24 ] || : > "$work"/24; fi; mount --bind /sys/fs/cgroup/cpu/tiffin/c0ffee "$work"/24  # mounts[4]
if [ -d /sys/fs/cgroup/cpuacct/tiffin/c0ffee ]; then mkdir -p "$work"/25; else [ -e "$work"/25 ] || : > "$work"/25; fi; mount --bind /sys/fs/cgroup/cpuacct/tiffin/c0ffee "$work"/25  # mounts[4]
if [ -d /sys/fs/cgroup/pids/tiffin/c0ffee ]; then mkdir -p "$work"/26; else [ -e "$work"/26 ] || : > "$work"/26; fi; mount --bind /sys/fs/cgroup/pids/tiffin/c0ffee "$work"/26  # mounts[4]
if [ -d /sys/fs/cgroup/devices/tiffin/c0ffee ]; then mkdir -p "$work"/27; else [ -e "$work"/27 ] || : > "$work"/27; fi; mount --bind /sys/fs/cgroup/devices/tiffin/c0ffee "$work"/27  # mounts[4]
if [ -d /sys/fs/cgroup/blkio/tiffin/c0ffee ]; then mkdir -p "$work"/28; else [ -e "$work"/28 ] || : > "$work"/28; fi; mount --bind /sys/fs/cgroup/blkio/tiffin/c0ffee "$work"/28  # mounts[4]
if [ -d /sys/fs/cgroup/unified/tiffin/c0ffee ]; then mkdir -p "$work"/29; else [ -e "$work"/29 ] || : > "$work"/29; fi; mount --bind /sys/fs/cgroup/unified/tiffin/c0ffee "$work"/29  # mounts[4]
if [ -d /sys/fs/cgroup/cpuset ]; then mkdir -p "$work"/30; else [ -e "$work"/30 ] || : > "$work"/30; fi; mount --bind /sys/fs/cgroup/cpuset "$work"/30  # mounts[4]
# not in a shell: pipe #35 <- #36  # stdout
# not in a shell: pipe #37 <- #38  # stderr
printf %s 0 > /sys/fs/cgroup/memory/tiffin/c0ffee/tasks  # linux.cgroupsPath
printf %s 0 > /sys/fs/cgroup/cpu/tiffin/c0ffee/tasks  # linux.cgroupsPath
printf %s 0 > /sys/fs/cgroup/cpuacct/tiffin/c0ffee/tasks  # linux.cgroupsPath
printf %s 0 > /sys/fs/cgroup/pids/tiffin/c0ffee/tasks  # linux.cgroupsPath
printf %s 0 > /sys/fs/cgroup/devices/tiffin/c0ffee/tasks  # linux.cgroupsPath
printf %s 0 > /sys/fs/cgroup/blkio/tiffin/c0ffee/tasks  # linux.cgroupsPath
# not in a shell: a new cgroup namespace for this process alone  # linux.namespaces
# not in a shell: enter the network namespace of "$NETNS" (start with nsenter)  # network
mount --make-rprivate /  # linux.namespaces
mkdir -p "$work"/14; mount -t tmpfs -o mode=0755,size=1m,nosuid,nodev,noexec tiffin "$work"/14  # files
printf %s '127.0.0.1 localhost
' > "$work"/14/file0; chmod 0644 "$work"/14/file0  # files
if [ -d "$work"/14/file0 ]; then mkdir -p "$work"/15; else [ -e "$work"/15 ] || : > "$work"/15; fi; mount --bind "$work"/14/file0 "$work"/15  # files
printf %s 'nameserver 9.9.9.9
' > "$work"/14/file1; chmod 0644 "$work"/14/file1  # files
if [ -d "$work"/14/file1 ]; then mkdir -p "$work"/16; else [ -e "$work"/16 ] || : > "$work"/16; fi; mount --bind "$work"/14/file1 "$work"/16  # files
mkdir -p -m 0555 "$work"/14/empty  # linux.maskedPaths
if [ -d "$work"/14/empty ]; then mkdir -p "$work"/17; else [ -e "$work"/17 ] || : > "$work"/17; fi; mount --bind "$work"/14/empty "$work"/17  # linux.maskedPaths
mount -o remount,bind,ro "$work"/17  # linux.maskedPaths
mount --move "$work"/17 "$work"/14/empty  # linux.maskedPaths
mkdir -p "$work"/18; mount -t proc -o nosuid,nodev,noexec proc "$work"/18  # mounts[0]
mkdir -p "$work"/12/proc; mount --move "$work"/18 "$work"/12/proc  # mounts[0]
mkdir -p "$work"/19; mount -t tmpfs -o mode=755,size=65536k,nosuid,strictatime tmpfs "$work"/19  # mounts[1]
mknod -m 0666 "$work"/19/null c 1 3  # default devices
mknod -m 0666 "$work"/19/zero c 1 5  # default devices
mknod -m 0666 "$work"/19/full c 1 7  # default devices
mknod -m 0666 "$work"/19/random c 1 8  # default devices
mknod -m 0666 "$work"/19/urandom c 1 9  # default devices
mknod -m 0666 "$work"/19/tty c 5 0  # default devices
ln -s /proc/self/fd "$work"/19/fd || true  # default devices
ln -s /proc/self/fd/0 "$work"/19/stdin || true  # default devices
ln -s /proc/self/fd/1 "$work"/19/stdout || true  # default devices
ln -s /proc/self/fd/2 "$work"/19/stderr || true  # default devices
ln -s /proc/kcore "$work"/19/core || true  # default devices
ln -s pts/ptmx "$work"/19/ptmx || true  # default devices
mkdir -p "$work"/12/dev; mount --move "$work"/19 "$work"/12/dev  # mounts[1]
mkdir -p "$work"/20; mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5,nosuid,noexec devpts "$work"/20  # mounts[2]
mkdir -p "$work"/12/dev/pts; mount --move "$work"/20 "$work"/12/dev/pts  # mounts[2]
mkdir -p "$work"/21; mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$work"/21  # mounts[3]
mkdir -p "$work"/12/sys; mount --move "$work"/21 "$work"/12/sys  # mounts[3]
mkdir -p "$work"/22; mount -t tmpfs -o mode=0755,nosuid,nodev,noexec cgroup "$work"/22  # mounts[4]
mkdir -p "$work"/12/sys/fs/cgroup; mount --move "$work"/22 "$work"/12/sys/fs/cgroup  # mounts[4]
mkdir -p "$work"/12/sys/fs/cgroup/memory; mount --move "$work"/23 "$work"/12/sys/fs/cgroup/memory  # mounts[4]
mkdir -p "$work"/12/sys/fs/cgroup/cpu; mount --move "$work"/24 "$work"/12/sys/fs/cgroup/cpu  # mounts[4]
mkdir -p "$work"/12/sys/fs/cgroup/cpuacct; mount --move "$work"/25 "$work"/12/sys/fs/cgroup/cpuacct  # mounts[4]
mkdir -p "$work"/12/sys/fs/cgroup/pids; mount --move "$work"/26 "$work"/12/sys/fs/cgroup/pids  # mounts[4]
mkdir -p "$work"/12/sys/fs/cgroup/devices; mount --move "$work"/27 "$work"/12/sys/fs/cgroup/devices  # mounts[4]
mkdir -p "$work"/12/sys/fs/cgroup/blkio; mount --move "$work"/28 "$work"/12/sys/fs/cgroup/blkio  # mounts[4]
mkdir -p "$work"/12/sys/fs/cgroup/unified; mount --move "$work"/29 "$work"/12/sys/fs/cgroup/unified  # mounts[4]
mkdir -p "$work"/12/sys/fs/cgroup/cpuset; mount --move "$work"/30 "$work"/12/sys/fs/cgroup/cpuset  # mounts[4]
mount --make-rprivate "$work"/12/sys/fs/cgroup  # mounts[4]
mount -o remount,bind,ro,nosuid,nodev,noexec "$work"/12/sys/fs/cgroup # and every mount below
mkdir -p "$work"/31; mount -t mqueue -o nosuid,nodev,noexec mqueue "$work"/31  # mounts[5]
mkdir -p "$work"/12/dev/mqueue; mount --move "$work"/31 "$work"/12/dev/mqueue  # mounts[5]
mkdir -p "$work"/32; mount -t tmpfs -o mode=1777,size=67108864,nosuid,nodev,noexec shm "$work"/32  # mounts[6]
mkdir -p "$work"/12/dev/shm; mount --move "$work"/32 "$work"/12/dev/shm  # mounts[6]
[ -e "$work"/12/etc/hosts ] || : > "$work"/12/etc/hosts; mount --move "$work"/15 "$work"/12/etc/hosts  # files
[ -e "$work"/12/etc/resolv.conf ] || : > "$work"/12/etc/resolv.conf; mount --move "$work"/16 "$work"/12/etc/resolv.conf  # files
[ -d "$work"/12/proc/kcore ] && mount --bind -o ro "$work"/14/empty "$work"/12/proc/kcore || { [ -e "$work"/12/proc/kcore ] && mount --bind "$work"/12/dev/null "$work"/12/proc/kcore; } || true  # linux.maskedPaths
[ -d "$work"/12/proc/acpi ] && mount --bind -o ro "$work"/14/empty "$work"/12/proc/acpi || { [ -e "$work"/12/proc/acpi ] && mount --bind "$work"/12/dev/null "$work"/12/proc/acpi; } || true  # linux.maskedPaths
[ -d "$work"/12/sys/firmware ] && mount --bind -o ro "$work"/14/empty "$work"/12/sys/firmware || { [ -e "$work"/12/sys/firmware ] && mount --bind "$work"/12/dev/null "$work"/12/sys/firmware; } || true  # linux.maskedPaths
if [ -e "$work"/12/proc/bus ]; then mount --rbind "$work"/12/proc/bus "$work"/12/proc/bus; mount -o remount,bind,ro "$work"/12/proc/bus; fi  # linux.readonlyPaths
if [ -e "$work"/12/proc/sys ]; then mount --rbind "$work"/12/proc/sys "$work"/12/proc/sys; mount -o remount,bind,ro "$work"/12/proc/sys; fi  # linux.readonlyPaths
# not in a shell: dup2 fd 0  # no stdin
# not in a shell: dup2 fd 1  # stdout
# not in a shell: dup2 fd 2  # stderr
hostname box  # hostname
cd "$work"/12  # root
pivot_root . .
umount -l .
cd /
# From here on the tools are the image's own.
# not in a shell: keyring tiffin-c0ffee  # a session keyring of its own
umask 022  # process.user.umask
cd /  # process.cwd
# not in a shell: closeFrom fd 3 and above  # no descriptor leaks in
# not in a shell: seccomp filter of 1 instructions  # linux.seccomp
privileges="${privileges-} --bounding-set -all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap"  # process.capabilities
privileges="${privileges-} --clear-groups"  # process.user.additionalGids
privileges="${privileges-} --reuid 0 --regid 0"  # process.user
privileges="${privileges-} --inh-caps -all --ambient-caps -all"  # process.capabilities
# not in a shell: setsid the process  # a session of its own
exec setpriv ${privileges-} -- sh -c true  # process.args
CONTAINER
