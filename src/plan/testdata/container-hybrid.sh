#!/bin/sh
# Container box (c0ffee000000) by hand. Run as root on the host that wrote this, from a file: sh FILE
# It makes what tiffin explain shows, becomes the container's program, and takes all back when that ends.
# Another root file system in the place of the image's: ROOTFS=/some/directory sh FILE
# Note: network namespace: the script has no netns
set -eu
umask 022
export LC_ALL=C
fail() { echo "$0: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || fail "only root can do this"
command -v unshare > /dev/null || fail "unshare is missing: it is in Debian's util-linux"
command -v nsenter > /dev/null || fail "nsenter is missing: it is in Debian's util-linux"
command -v setpriv > /dev/null || fail "setpriv is missing: it is in Debian's util-linux"
command -v pivot_root > /dev/null || fail "pivot_root is missing: it is in Debian's util-linux"
command -v prlimit > /dev/null || fail "prlimit is missing: it is in Debian's util-linux"
command -v mount > /dev/null || fail "mount is missing: it is in Debian's mount"
command -v findmnt > /dev/null || fail "findmnt is missing: it is in Debian's util-linux"
command -v perl > /dev/null || fail "perl is missing: it is in Debian's perl-base"
echo 'note: network namespace: the script has no netns' >&2

exec 3<&0
# What is made is taken back at the end, the newest first.
taken_back=
later() {
  taken_back="$*
$taken_back"
}
main=
clean_up() {
  status=$?
  trap '' INT TERM HUP
  [ -z "$main" ] || { stop_all; wait "$main" || :; } 2> /dev/null
  printf '%s\n' "$taken_back" | while IFS= read -r line; do eval "$line" || :; done
  exit $status
}
trap clean_up EXIT
# A signal is only noted, so that it never ends the taking back.
stopped=
trap stopped=129 HUP
trap stopped=130 INT
trap stopped=143 TERM
work=$(mktemp -d)
later 'rm -rf --one-file-system "$work"'
machine=$(uname -m)
export work machine
mkdir "$work/upper" "$work/work" "$work/tools"

# Helpers.
cat > "$work/functions.sh" <<'END_OF_FUNCTIONS'
# Where path $2 is below root $1 as the container will see it: links of the image lead nowhere else.
inside() {
  inside_rest=$2 inside_at='' inside_hops=0
  while [ -n "$inside_rest" ]; do
    case $inside_rest in
      */*) inside_part=${inside_rest%%/*} inside_rest=${inside_rest#*/} ;;
      *) inside_part=$inside_rest inside_rest='' ;;
    esac
    case $inside_part in
      '' | .) continue ;;
      ..) inside_at=${inside_at%/*}; continue ;;
    esac
    if [ -L "$1$inside_at/$inside_part" ]; then
      inside_hops=$((inside_hops + 1))
      [ $inside_hops -le 40 ] || { echo "too many links on the way to $2" >&2; exit 1; }
      inside_link=$(readlink "$1$inside_at/$inside_part")
      case $inside_link in /*) inside_at='' ;; esac
      inside_rest=$inside_link/$inside_rest
    else
      inside_at=$inside_at/$inside_part
    fi
  done
  printf %s "$1$inside_at"
}
# A bind ($1 --bind or --rbind) of $2 at $3, which is made.
clone() {
  if [ -d "$2" ]; then mkdir -p "$3"; else make_file "$3"; fi
  mount "$1" "$2" "$3"
}
make_file() { [ -e "$1" ] || { mkdir -p "$(dirname "$1")"; : > "$1"; }; }
# Hides $1, if it is there: a directory under an empty one ($2), anything else under the null device ($3).
mask() {
  if [ -d "$1" ]; then mount --bind "$2" "$1"; mount -o remount,bind,ro "$1"
  elif [ -e "$1" ]; then mount --bind "$3" "$1"; fi
}
readonly_path() {
  if [ -e "$1" ]; then mount --rbind "$1" "$1"; mount -o remount,bind,ro "$1"; fi
}
# Options $1 for the mount $2 and all below it.
everywhere() {
  findmnt -rnR -o TARGET "$2" | while IFS= read -r everywhere_at; do
    mount -o "remount,bind,$1" "$(printf %b "$everywhere_at")"
  done
}
END_OF_FUNCTIONS
cat > "$work/helper.pl" <<'END_OF_HELPER'
# Steps that no program of Debian's does. usage: perl helper.pl MACHINE STEP... -- program words...
#   devices=DIRECTORY=HEX  attach this eBPF program, which says what devices may be used, to a control group (v2)
#   owners=FILE=PLACE, all-owners=FILE=PLACE
#                          shows the owners of what is mounted there through a user namespace: open_tree(2), mount_setattr(2), move_mount(2)
#   hostname=NAME, domainname=NAME
#                          the container's host name and domain name: sethostname(2), setdomainname(2)
#   keyring=NAME           a session keyring of its own: keyctl(2)
#   seccomp=FLAGS=FILE     from here on only the system calls that this filter (hexadecimal, in FILE) lets through: seccomp(2)
#   personality=NUMBER, memory=MODE=HEX   personality(2), set_mempolicy(2)
#   cd=DIRECTORY           goes there
#   session                setsid(2)
#   clear, env=NAME=VALUE  the environment of the program
#   init                   stay as process 1: pass signals on, take in orphans, end as the program does
#   close                  no descriptor but 0, 1 and 2 gets through
#   try=PATH               the program is the first of these that is there; without any it is the first word after --
my %numbers = (
  x86_64  => { close => 3, setsid => 112, personality => 135, memory => 238, keyctl => 250, seccomp => 317, bpf => 321,
               hostname => 170, domainname => 171, open_tree => 428, move_mount => 429, mount_setattr => 442 },
  aarch64 => { close => 57, setsid => 157, personality => 92, memory => 237, keyctl => 219, seccomp => 277, bpf => 280,
               hostname => 161, domainname => 162, open_tree => 428, move_mount => 429, mount_setattr => 442 },
);
my $nr = $numbers{shift()} or die "the helper knows x86_64 and aarch64 only\n";
sub call { my ($name, @rest) = @_; my $got = syscall($nr->{$name}, @rest); die "$name: $!\n" if $got < 0; $got }
sub leave { opendir(my $all, "/proc/self/fd") or die "/proc/self/fd: $!\n"; my @all = readdir $all;
  closedir $all; for (@all) { syscall($nr->{close}, $_ + 0) if /^\d+$/ && $_ > 2 } }
my (@try, $init, $close, $env, %env);
while (defined(my $step = shift)) {
  last if $step eq "--";
  my ($verb, $rest) = split /=/, $step, 2;
  if ($verb eq "devices") {
    my ($directory, $hex) = $rest =~ /^(.*)=([0-9a-f]*)$/s;
    my $code = pack "H*", $hex; my $licence = "Apache-2.0\0";
    my $load = pack("L L P P", 15, length($code) / 8, $code, $licence) . "\0" x 96;
    my $program = call("bpf", 5, $load, length $load);
    sysopen(my $group, $directory, 0) or die "$directory: $!\n";
    my $attach = pack("L L L L", fileno $group, $program, 6, 2) . "\0" x 16;
    call("bpf", 8, $attach, length $attach);
  } elsif ($verb eq "owners" || $verb eq "all-owners") {
    my ($file, $place) = split /=/, $rest, 2; my $empty = "";
    open(my $users, "<", $file) or die "$file: $!\n";
    my $below = $verb eq "owners" ? 0 : 0x8000;
    my $mount = call("open_tree", -100, $place, 0x80001 | $below);
    my $wanted = pack "Q4", 0x100000, 0, 0, fileno $users;
    call("mount_setattr", $mount, $empty, 0x1000 | $below, $wanted, length $wanted);
    call("move_mount", $mount, $empty, -100, $place, 4);
  } elsif ($verb eq "hostname" || $verb eq "domainname") { my $name = "$rest"; call($verb, $name, length $name);
  } elsif ($verb eq "keyring") { my $name = "$rest"; call("keyctl", 1, $name);
  } elsif ($verb eq "seccomp") {
    my ($flags, $file) = split /=/, $rest, 2;
    open(my $in, "<", $file) or die "$file: $!\n"; local $/; my $code = pack "H*", <$in> =~ tr/0-9a-f//cdr;
    my $filter = pack "S x![8] P", length($code) / 8, $code;
    call("seccomp", 1, $flags + 0, $filter);
  } elsif ($verb eq "personality") { call("personality", $rest + 0);
  } elsif ($verb eq "memory") {
    my ($mode, $hex) = split /=/, $rest, 2; my $nodes = pack("H*", $hex);
    $nodes eq "" ? call("memory", $mode + 0, 0, 0) : call("memory", $mode + 0, $nodes, 8 * length($nodes) + 1);
  } elsif ($verb eq "cd") { chdir $rest or die "cannot go to $rest: $!\n";
  } elsif ($verb eq "session") { syscall($nr->{setsid});
  } elsif ($verb eq "clear") { $env = 1;
  } elsif ($verb eq "env") { my ($name, $value) = split /=/, $rest, 2; $env{$name} = $value;
  } elsif ($verb eq "init") { $init = 1;
  } elsif ($verb eq "close") { $close = 1;
  } elsif ($verb eq "try") { push @try, $rest;
  } else { die "the helper knows no step $step\n" }
}
exit 0 unless @ARGV;
leave() if $close;
if ($init) {
  my $main = fork() // die "fork: $!\n";
  if ($main) {
    for my $name (qw(HUP INT QUIT TERM USR1 USR2 WINCH)) { $SIG{$name} = sub { kill $name, $main } }
    my $status;
    while ((my $ended = wait) != -1 || $! == 4) { if ($ended == $main) { $status = $?; last } }
    exit(($status & 127) ? 128 + ($status & 127) : $status >> 8);
  }
}
$SIG{$_} = "DEFAULT" for qw(HUP INT QUIT TERM PIPE);
%ENV = %env if $env;
@try = ($ARGV[0]) unless @try;
my $denied;
# 2, 13, 20: ENOENT, EACCES, ENOTDIR
for my $path (@try) { exec { $path } @ARGV or $denied ||= $! == 13; last unless $! == 2 || $! == 13 || $! == 20 }
my $why = $denied ? "permission denied" : "$!";
print STDERR "cannot become $ARGV[0]: $why (looked for @try)\n";
exit($denied ? 126 : 127);
END_OF_HELPER
# 1 instructions of the seccomp filter, 8 bytes each: struct sock_filter, linux/filter.h
cat > "$work/filter" <<'END_OF_FILTER'
060000000000ff7f
END_OF_FILTER

# == Control group: what it may use at most, and where its use is counted
# Its last process takes a moment to leave.
remove_group() {
  for _ in $(seq 100); do
    rmdir "$1" 2> /dev/null && return 0
    sleep 0.05
  done
  rmdir "$1"
}
# One word for eval.
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
# Makes a control group and those above it that are missing; in version 2 its parents pass their controllers on.
group() {
  [ ! -d "$1" ] || return 0
  group "$(dirname "$1")"
  if [ -e "$(dirname "$1")/cgroup.subtree_control" ]; then
    for controller in $(cat "$(dirname "$1")/cgroup.controllers"); do
      echo "+$controller" > "$(dirname "$1")/cgroup.subtree_control" || :
    done 2> /dev/null
  fi
  mkdir "$1"
  later "until rmdir $(quoted "$1"); do sleep 0.05; done 2> /dev/null"
}
group /sys/fs/cgroup/memory/tiffin/c0ffee
echo /sys/fs/cgroup/memory/tiffin/c0ffee/cgroup.procs >> "$work/groups"
[ "$(cat /sys/fs/cgroup/memory/tiffin/c0ffee/cgroup.procs)" = "" ] || fail "this script runs already"
group /sys/fs/cgroup/cpu/tiffin/c0ffee
echo /sys/fs/cgroup/cpu/tiffin/c0ffee/cgroup.procs >> "$work/groups"
[ "$(cat /sys/fs/cgroup/cpu/tiffin/c0ffee/cgroup.procs)" = "" ] || fail "this script runs already"
group /sys/fs/cgroup/cpuacct/tiffin/c0ffee
echo /sys/fs/cgroup/cpuacct/tiffin/c0ffee/cgroup.procs >> "$work/groups"
[ "$(cat /sys/fs/cgroup/cpuacct/tiffin/c0ffee/cgroup.procs)" = "" ] || fail "this script runs already"
group /sys/fs/cgroup/pids/tiffin/c0ffee
echo /sys/fs/cgroup/pids/tiffin/c0ffee/cgroup.procs >> "$work/groups"
[ "$(cat /sys/fs/cgroup/pids/tiffin/c0ffee/cgroup.procs)" = "" ] || fail "this script runs already"
group /sys/fs/cgroup/devices/tiffin/c0ffee
echo /sys/fs/cgroup/devices/tiffin/c0ffee/cgroup.procs >> "$work/groups"
[ "$(cat /sys/fs/cgroup/devices/tiffin/c0ffee/cgroup.procs)" = "" ] || fail "this script runs already"
group /sys/fs/cgroup/blkio/tiffin/c0ffee
echo /sys/fs/cgroup/blkio/tiffin/c0ffee/cgroup.procs >> "$work/groups"
[ "$(cat /sys/fs/cgroup/blkio/tiffin/c0ffee/cgroup.procs)" = "" ] || fail "this script runs already"
group /sys/fs/cgroup/unified/tiffin/c0ffee
echo /sys/fs/cgroup/unified/tiffin/c0ffee/cgroup.procs >> "$work/groups"
[ "$(cat /sys/fs/cgroup/unified/tiffin/c0ffee/cgroup.procs)" = "" ] || fail "this script runs already"
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

# What the new process does first, in the new namespaces.
cat > "$work/first.sh" <<'END_OF_FIRST'
set -eu
echo 0 > /sys/fs/cgroup/unified/tiffin/c0ffee/cgroup.procs
# == Control group: what it may use at most, and where its use is counted
printf %s 0 > /sys/fs/cgroup/memory/tiffin/c0ffee/tasks  # linux.cgroupsPath
printf %s 0 > /sys/fs/cgroup/cpu/tiffin/c0ffee/tasks  # linux.cgroupsPath
printf %s 0 > /sys/fs/cgroup/cpuacct/tiffin/c0ffee/tasks  # linux.cgroupsPath
printf %s 0 > /sys/fs/cgroup/pids/tiffin/c0ffee/tasks  # linux.cgroupsPath
printf %s 0 > /sys/fs/cgroup/devices/tiffin/c0ffee/tasks  # linux.cgroupsPath
printf %s 0 > /sys/fs/cgroup/blkio/tiffin/c0ffee/tasks  # linux.cgroupsPath
# == Namespaces: what the process does not share with the host: process numbers, mounts, host name, IPC, network
# The rest in a cgroup namespace whose root is the group that it is in now.
exec unshare --cgroup sh -eu "$work/rest.sh"
END_OF_FIRST
# Mounts are made inside its own mount namespace: the host sees none of them.
cat > "$work/rest.sh" <<'END_OF_REST'
. "$work/functions.sh"
# The programs that are wanted once the root is another one, on a file system that only a descriptor leads to.
mount -t tmpfs -o mode=0755 tools "$work/tools"
for program in perl setpriv umount; do
  program=$(readlink -f "$(command -v "$program")")
  ldd "$program" | while read -r library arrow file _; do
    case $library in
      /*) cp -L "$library" "$work/tools/loader" ;;
      *) if [ "$arrow" = "=>" ]; then cp -L "$file" "$work/tools/"; fi ;;
    esac
  done
done
for program in perl setpriv umount; do cp -L "$(command -v $program)" "$work/tools/"; done
cp "$work/helper.pl" "$work/tools/"
cp "$work/filter" "$work/tools/"
chmod -R a+rX,a-w "$work/tools"
exec 9< "$work/tools"
tools=/proc/self/fd/9
# == Root file system: what it sees as /: the image's layers with a writable one on top, and what is mounted into it
mkdir -p "$work"/12; mount -t overlay -o "lowerdir=/var/lib/tiffin/layers/b/diff:/var/lib/tiffin/layers/a/diff,upperdir=$work/upper,workdir=$work/work,index=off,redirect_dir=nofollow,metacopy=off" overlay "$work"/12  # root
clone --bind /sys/fs/cgroup/memory/tiffin/c0ffee "$work"/23  # mounts[4]
clone --bind /sys/fs/cgroup/cpu/tiffin/c0ffee "$work"/24  # mounts[4]
clone --bind /sys/fs/cgroup/cpuacct/tiffin/c0ffee "$work"/25  # mounts[4]
clone --bind /sys/fs/cgroup/pids/tiffin/c0ffee "$work"/26  # mounts[4]
clone --bind /sys/fs/cgroup/devices/tiffin/c0ffee "$work"/27  # mounts[4]
clone --bind /sys/fs/cgroup/blkio/tiffin/c0ffee "$work"/28  # mounts[4]
clone --bind /sys/fs/cgroup/unified/tiffin/c0ffee "$work"/29  # mounts[4]
clone --bind /sys/fs/cgroup/cpuset "$work"/30  # mounts[4]
# == Network: its own interfaces, and the files that name hosts and name servers
# Not done: network namespace: the script has no netns
# == Namespaces: what the process does not share with the host: process numbers, mounts, host name, IPC, network
mount --make-rprivate /  # linux.namespaces
# == Network: its own interfaces, and the files that name hosts and name servers
mkdir -p "$work"/14; mount -t tmpfs -o "mode=0755,size=1m,nosuid,nodev,noexec" tiffin "$work"/14  # files
printf %s '127.0.0.1 localhost
' > "$work"/14/file0; chmod 0644 "$work"/14/file0
clone --bind "$work"/14/file0 "$work"/15  # files
printf %s 'nameserver 9.9.9.9
' > "$work"/14/file1; chmod 0644 "$work"/14/file1
clone --bind "$work"/14/file1 "$work"/16  # files
# == Guards: what it may not do although it is root: capabilities, system calls, hidden files, limits
[ -d "$work"/14/empty ] || { mkdir -p -m 0555 "$work"/14/empty; }  # linux.maskedPaths
clone --bind "$work"/14/empty "$work"/17  # linux.maskedPaths
mount -o remount,bind,ro "$work"/17  # linux.maskedPaths
at17="$work"/14/empty  # linux.maskedPaths
mount -n --move "$work"/17 "$at17"
# == Root file system: what it sees as /: the image's layers with a writable one on top, and what is mounted into it
mkdir -p "$work"/18; mount -t proc -o "nosuid,nodev,noexec" proc "$work"/18  # mounts[0]
at18="$(inside "$work"/12 /proc)"  # mounts[0]
mkdir -p "$at18"
mount -n --move "$work"/18 "$at18"
# == Devices: the few device files that it has, and its terminals
mkdir -p "$work"/19; mount -t tmpfs -o "mode=755,size=65536k,nosuid,strictatime" tmpfs "$work"/19  # mounts[1]
mknod -m 0666 "$work"/19/null c 1 3  # default devices
mknod -m 0666 "$work"/19/zero c 1 5  # default devices
mknod -m 0666 "$work"/19/full c 1 7  # default devices
mknod -m 0666 "$work"/19/random c 1 8  # default devices
mknod -m 0666 "$work"/19/urandom c 1 9  # default devices
mknod -m 0666 "$work"/19/tty c 5 0  # default devices
ln -s /proc/self/fd "$work"/19/fd 2>/dev/null || true  # default devices
ln -s /proc/self/fd/0 "$work"/19/stdin 2>/dev/null || true  # default devices
ln -s /proc/self/fd/1 "$work"/19/stdout 2>/dev/null || true  # default devices
ln -s /proc/self/fd/2 "$work"/19/stderr 2>/dev/null || true  # default devices
ln -s /proc/kcore "$work"/19/core 2>/dev/null || true  # default devices
ln -s pts/ptmx "$work"/19/ptmx 2>/dev/null || true  # default devices
at19="$(inside "$work"/12 /dev)"  # mounts[1]
mkdir -p "$at19"
mount -n --move "$work"/19 "$at19"
mkdir -p "$work"/20; mount -t devpts -o "newinstance,ptmxmode=0666,mode=0620,gid=5,nosuid,noexec" devpts "$work"/20  # mounts[2]
at20="$(inside "$work"/12 /dev/pts)"  # mounts[2]
mkdir -p "$at20"
mount -n --move "$work"/20 "$at20"
# == Root file system: what it sees as /: the image's layers with a writable one on top, and what is mounted into it
mkdir -p "$work"/21; mount -t sysfs -o "nosuid,nodev,noexec" sysfs "$work"/21  # mounts[3]
mount -o remount,bind,ro "$work"/21
at21="$(inside "$work"/12 /sys)"  # mounts[3]
mkdir -p "$at21"
mount -n --move "$work"/21 "$at21"
mkdir -p "$work"/22; mount -t tmpfs -o "mode=0755,nosuid,nodev,noexec" cgroup "$work"/22  # mounts[4]
at22="$(inside "$work"/12 /sys/fs/cgroup)"  # mounts[4]
mkdir -p "$at22"
mount -n --move "$work"/22 "$at22"
at23="$at22"/memory  # mounts[4]
mkdir -p "$at23"
mount -n --move "$work"/23 "$at23"
at24="$at22"/cpu  # mounts[4]
mkdir -p "$at24"
mount -n --move "$work"/24 "$at24"
at25="$at22"/cpuacct  # mounts[4]
mkdir -p "$at25"
mount -n --move "$work"/25 "$at25"
at26="$at22"/pids  # mounts[4]
mkdir -p "$at26"
mount -n --move "$work"/26 "$at26"
at27="$at22"/devices  # mounts[4]
mkdir -p "$at27"
mount -n --move "$work"/27 "$at27"
at28="$at22"/blkio  # mounts[4]
mkdir -p "$at28"
mount -n --move "$work"/28 "$at28"
at29="$at22"/unified  # mounts[4]
mkdir -p "$at29"
mount -n --move "$work"/29 "$at29"
at30="$at22"/cpuset  # mounts[4]
mkdir -p "$at30"
mount -n --move "$work"/30 "$at30"
mount --make-rprivate "$at22"  # mounts[4]
everywhere ro,nosuid,nodev,noexec "$at22"
# == Devices: the few device files that it has, and its terminals
mkdir -p "$work"/31; mount -t mqueue -o "nosuid,nodev,noexec" mqueue "$work"/31  # mounts[5]
at31="$(inside "$work"/12 /dev/mqueue)"  # mounts[5]
mkdir -p "$at31"
mount -n --move "$work"/31 "$at31"
mkdir -p "$work"/32; mount -t tmpfs -o "mode=1777,size=67108864,nosuid,nodev,noexec" shm "$work"/32  # mounts[6]
at32="$(inside "$work"/12 /dev/shm)"  # mounts[6]
mkdir -p "$at32"
mount -n --move "$work"/32 "$at32"
# == Network: its own interfaces, and the files that name hosts and name servers
at15="$(inside "$work"/12 /etc/hosts)"  # files
make_file "$at15"
mount -n --move "$work"/15 "$at15"
at16="$(inside "$work"/12 /etc/resolv.conf)"  # files
make_file "$at16"
mount -n --move "$work"/16 "$at16"
# == Guards: what it may not do although it is root: capabilities, system calls, hidden files, limits
mask "$at18"/kcore "$at17" "$at19"/null  # linux.maskedPaths
mask "$at18"/acpi "$at17" "$at19"/null  # linux.maskedPaths
mask "$at21"/firmware "$at17" "$at19"/null  # linux.maskedPaths
readonly_path "$at18"/bus  # linux.readonlyPaths
readonly_path "$at18"/sys  # linux.readonlyPaths
# == Program: its input and output, who watches over it, and the program itself
exec 0<"$at19"/null  # no stdin
# == Identity: which user and groups it is, what the machine is called, where it stands
printf %s box > /proc/sys/kernel/hostname  # hostname
# == Root file system: what it sees as /: the image's layers with a writable one on top, and what is mounted into it
cd "$work"/12  # root
pivot_root . .
# From here on there are no programs but those of the image, and the few that were kept.
$tools/loader --library-path $tools $tools/umount -l .
cd /
# == Identity: which user and groups it is, what the machine is called, where it stands
umask 022  # process.user.umask
cd /  # process.cwd
# == Program: its input and output, who watches over it, and the program itself
exec \
  $tools/loader --library-path $tools $tools/perl $tools/helper.pl $machine keyring=tiffin-c0ffee seccomp=0=$tools/filter -- \
  $tools/loader --library-path $tools $tools/setpriv --bounding-set -all,+chown,+dac_override,+fowner,+fsetid,+kill,+setgid,+setuid,+setpcap,+net_bind_service,+net_raw,+sys_chroot,+mknod,+audit_write,+setfcap --clear-groups --reuid 0 --regid 0 --inh-caps -all --ambient-caps -all -- \
  $tools/loader --library-path $tools $tools/perl $tools/helper.pl $machine clear close session \
  env=PATH=/usr/local/bin:/usr/bin:/bin \
  env=HOME=/root \
  try=/usr/local/bin/sh \
  try=/usr/bin/sh \
  try=/bin/sh \
  -- sh -c true
END_OF_REST

stop_all() {
  # First who waits for it, or that would tell of its end.
  kill -KILL "$main" || :
  [ -e "$work/groups" ] || return 0
  while IFS= read -r group; do
    while read -r process; do kill -KILL "$process" || :; done < "$group"
  done < "$work/groups"
}
[ -z "$stopped" ] || exit "$stopped"
unshare --ipc --uts --pid --fork --mount --propagation private sh -eu "$work/first.sh" <&3 3<&- &
main=$!
while :; do
  wait "$main" && status=0 || status=$?
  [ -z "$stopped" ] || exit "$stopped"
  kill -0 "$main" 2> /dev/null || break
done
main=
exit "$status"
