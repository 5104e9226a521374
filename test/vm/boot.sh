#!/usr/bin/env bash
# Runs `bun test FILES...` of this checkout inside a small virtual machine with a Debian cloud kernel, which has what
# many hosts lack: a pure cgroup v2 hierarchy with every controller, 802.1Q, ipvlan, AppArmor, an older kernel.
#   test/vm/boot.sh [--kernel 6.12|6.1] [--init busybox|systemd|systemd-hybrid] src/kernel/cgroup.v2.test.ts ...
#   test/vm/boot.sh [--kernel 6.12|6.1] --prepare       only downloads what that needs
# With systemd, PID 1 is Debian's, with a message bus; hybrid: its controllers are cgroup v1 (not with 6.12, which has none).
# The tests run dist/tiffin and dist/tiffin-runtime when they are as new as the sources (twice as fast), else the sources.
# The processor is emulated, so any host will do; several machines may run at once. Standard output is the console
# with the tests' own report; the exit status is theirs. 77: this distribution has no such kernel, or no network.
set -euo pipefail
cd "$(dirname "$0")/../.."
kernel=6.12 init=busybox
while [[ ${1-} == --kernel || ${1-} == --init ]]; do
  declare "${1#--}=$2"
  shift 2
done
. tools/prepare.sh >/dev/null
cache=$PWD/.build/vm
mkdir -p "$cache"

install_tools() {
  local need=()
  command -v qemu-system-x86_64 >/dev/null || need+=(qemu-system-x86 seabios)
  command -v cpio >/dev/null || need+=(cpio)
  command -v xz >/dev/null || need+=(xz-utils)
  [[ -x /sbin/mkfs.ext4 ]] || need+=(e2fsprogs)
  [[ -x /sbin/depmod ]] || need+=(kmod)
  [[ -x /usr/sbin/criu ]] || need+=(criu)
  [[ -x /usr/sbin/ip || -x /bin/ip ]] || need+=(iproute2)
  [[ -x /usr/sbin/xtables-nft-multi ]] || need+=(iptables)
  ((${#need[@]})) || return 0
  export DEBIAN_FRONTEND=noninteractive
  apt-get install -yq --no-install-recommends "${need[@]}" >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null && apt-get install -yq --no-install-recommends "${need[@]}" >/dev/null; }
}

# Debian names them 6.12.117+deb12-cloud-amd64 and 6.1.0-56-cloud-amd64; the newest of the series is taken.
find_kernel() {
  apt-cache search --names-only "^linux-image-${kernel//./\\.}\.[0-9.]+[+-].*cloud-amd64\$" |
    awk '{print $1}' | sort -V | tail -1
}

# The package's kernel and modules, unpacked; complete once the directory has its final name.
fetch_kernel() {
  local package partial=$cache/kernel-$kernel.partial
  [[ ! -d $cache/kernel-$kernel ]] || return 0
  package=$(find_kernel)
  [[ -n $package ]] || { apt-get update -q >/dev/null 2>&1 && package=$(find_kernel); }
  [[ -n $package ]] || return 1
  rm -rf "$partial" && mkdir -p "$partial/deb"
  # As root: the user _apt may not write here.
  (cd "$partial/deb" && apt-get -o APT::Sandbox::User=root download -q "$package" >/dev/null 2>&1) ||
    (apt-get update -q >/dev/null 2>&1 && package=$(find_kernel) && cd "$partial/deb" &&
      apt-get -o APT::Sandbox::User=root download -q "$package" >/dev/null 2>&1) || return 1
  dpkg -x "$partial"/deb/*.deb "$partial" && rm -r "$partial/deb" &&
    PATH=$PATH:/sbin:/usr/sbin depmod -b "$partial" "$(ls "$partial/lib/modules")" || return 1
  mv "$partial" "$cache/kernel-$kernel"
}

# Programs that the guest gets besides this machine's own: an init with a message bus, the parser of AppArmor profiles, and a
# peer that proves the cases of the OCI runtime.
guest_packages=(systemd libsystemd-shared libsystemd0 dbus-daemon dbus-bin dbus-system-bus-common dbus libdbus-1-3 libexpat1 libapparmor1
  libaudit1 libcap-ng0 libacl1 libblkid1 libmount1 libselinux1 libpcre2-8-0 libcrypt1 libkmod2 libpam0g libssl3 libcap2
  libgcrypt20 libgpg-error0 liblz4-1 liblzma5 libzstd1 libip4tc2 crun libyajl2 apparmor)
guest_programs=(lib/systemd/systemd bin/systemctl usr/bin/busctl usr/bin/dbus-daemon usr/bin/crun sbin/apparmor_parser)
fetch_packages() {
  local archive=$1 partial=$cache/packages.partial package program library
  rm -rf "$partial" && mkdir -p "$partial"/{deb,all,root/system}
  (cd "$partial/deb" && apt-get -o APT::Sandbox::User=root download -q "${guest_packages[@]}" >/dev/null 2>&1) ||
    (apt-get update -q >/dev/null 2>&1 && cd "$partial/deb" &&
      apt-get -o APT::Sandbox::User=root download -q "${guest_packages[@]}" >/dev/null 2>&1) || return 1
  for package in "$partial"/deb/*.deb; do dpkg -x "$package" "$partial/all"; done
  local from=$partial/all to=$partial/root/system libraries
  libraries=$from/lib/x86_64-linux-gnu:$from/usr/lib/x86_64-linux-gnu:$from/usr/lib/x86_64-linux-gnu/systemd:$from/lib/systemd
  mkdir -p "$to"/{etc/systemd/system,etc/apparmor.d,usr/share,lib/systemd/system,usr/lib,lib/x86_64-linux-gnu}
  for program in "${guest_programs[@]}"; do
    mkdir -p "$to/$(dirname "$program")" && cp "$from/$program" "$to/$program"
    for library in $(LD_LIBRARY_PATH=$libraries ldd "$from/$program" | grep -o '/[^ ]*\.so[^ ]*'); do
      cp -Ln "$library" "$to/lib/x86_64-linux-gnu/"
    done
  done
  cp -r "$from/usr/share/dbus-1" "$to/usr/share/"
  cp "$from"/lib/systemd/system/{dbus.service,dbus.socket,*.slice,{basic,sockets,sysinit,shutdown,umount,final,slices,paths,timers}.target} \
    "$to/lib/systemd/system/"
  cat >"$to/etc/systemd/system/tests.service" <<'UNIT'
[Unit]
DefaultDependencies=no
Requires=dbus.socket
After=dbus.socket
[Service]
Type=simple
ExecStart=/bin/sh /run-tests
TasksMax=infinity
LimitNOFILE=65536
UNIT
  # Nothing of a distribution's boot is needed, so nothing of it is waited for.
  mkdir "$to/etc/systemd/system/dbus.socket.d"
  printf '[Unit]\nDefaultDependencies=no\n' | tee "$to/etc/systemd/system/dbus.socket.d/early.conf" >/dev/null
  cp -r "$to/etc/systemd/system/dbus.socket.d" "$to/etc/systemd/system/dbus.service.d"
  (cd "$partial/root" && find . | cpio --quiet -o -H newc) >"$partial/archive"
  rm -f "$cache"/packages-*.cpio
  mv "$partial/archive" "$archive" && rm -rf "$partial"
}

# Modules in an order that satisfies their dependencies, from modules.dep; those that a kernel lacks are left out.
wanted_modules=(virtio_blk virtio_pci ext4 overlay erofs loop veth bridge 8021q macvlan ipvlan tun vxlan dummy nf_tables nft_chain_nat nft_nat
  nft_masq nft_ct nft_fib_inet nft_fib_ipv4 nft_fib_ipv6 nft_reject_inet nf_conntrack_netlink
  unix_diag inet_diag tcp_diag udp_diag raw_diag netlink_diag af_packet af_packet_diag
  nft_compat xt_mark)
ordered=()
add_module() {
  local path=$1 dependency
  for dependency in $(grep "^$path:" "$2/modules.dep" | cut -d: -f2); do add_module "$dependency" "$2"; done
  [[ " ${ordered[*]-} " == *" $path "* ]] || ordered+=("$path")
}
copy_modules() {
  local from=$1 to=$2 name path file
  mkdir -p "$to"
  for name in "${wanted_modules[@]}"; do
    path=$(grep -oE "^[^:]*/${name}\.ko(\.xz)?:" "$from/modules.dep" | head -1 | tr -d : || true)
    [[ -z $path ]] || add_module "$path" "$from"
  done
  for path in "${ordered[@]}"; do
    file=$(basename "$path" .xz)
    if [[ $path == *.xz ]]; then xz -dc "$from/$path" >"$to/$file"; else cp "$from/$path" "$to/$file"; fi
    echo "$file"
  done >"$to/order"
}

# What does not change with the sources: system, runtime, modules. One archive for each kernel and runtime.
make_base() {
  local archive=$1 bun=$2 root=$work/base library applet program
  mkdir -p "$root/system"/{bin,dev,etc,proc,sys,tmp,run,root,lib/x86_64-linux-gnu,lib64,project/executor,var/lib}
  mkdir -p "$root/bin" "$root/system/project/node_modules"
  cp /bin/busybox "$root/bin/busybox"
  cp /bin/busybox "$root/system/bin/busybox"
  for applet in $(/bin/busybox --list); do
    [[ $applet == busybox ]] || ln -sf busybox "$root/system/bin/$applet"
  done
  cp "$bun" "$root/system/bin/bun"
  for library in $(ldd "$bun" | grep -o '/lib/[^ ]*') $(/sbin/ldconfig -p | awk '$1 == "libseccomp.so.2" && /x86-64/ {print $NF; exit}'); do
    cp -L "$library" "$root/system/lib/x86_64-linux-gnu/"
  done
  cp -L "$(ldd "$bun" | grep -o '/lib64/[^ ]*')" "$root/system/lib64/"
  # criu, and what it and the engine call, which busybox has in a smaller form or not at all.
  for program in criu ip tar gzip mke2fs xtables-nft-multi; do
    program=$(PATH=$PATH:/usr/sbin:/sbin command -v "$program")
    rm -f "$root/system/bin/${program##*/}"
    cp -L "$program" "$root/system/bin/"
    for library in $(ldd "$program" | grep -o '/[^ ]*/[^ /]*\.so[^ ]*' | grep -v ld-linux); do
      cp -L "$library" "$root/system/lib/x86_64-linux-gnu/"
    done
  done
  for program in iptables iptables-save iptables-restore ip6tables ip6tables-save ip6tables-restore; do
    ln -sf xtables-nft-multi "$root/system/bin/$program"
  done
  mkdir -p "$root/system/usr/lib/x86_64-linux-gnu/xtables"
  cp /usr/lib/x86_64-linux-gnu/xtables/libxt_{mark,standard}.so "$root/system/usr/lib/x86_64-linux-gnu/xtables/"
  printf '%s\n' root:x:0:0:root:/root:/bin/sh messagebus:x:100:100::/:/bin/false plain:x:1000:1000::/tmp:/bin/sh >"$root/system/etc/passwd"
  printf '%s\n' root:x:0: messagebus:x:100: plain:x:1000: >"$root/system/etc/group"
  copy_modules "$(ls -d "$cache/kernel-$kernel"/lib/modules/*)" "$root/system/modules"
  # pivot_root(2) does not leave the initial root, but it does leave a mount that covers it.
  cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox mkdir -p /proc
/bin/busybox mount -t proc proc /proc
/bin/busybox mount --bind /system /system
cd /system
/bin/busybox mount --move . /
case $(/bin/busybox cat /proc/cmdline) in
  *vm.init=systemd*) exec /bin/busybox chroot . /lib/systemd/systemd --unit=tests.service --log-target=console --show-status=0 ;;
  *) exec /bin/busybox chroot . /bin/sh /run-tests ;;
esac
INIT
  chmod +x "$root/init"
  (cd "$root" && find . | cpio --quiet -o -H newc) >"$archive.partial"
  mv "$archive.partial" "$archive"
}

add_project() {
  local root=$1 dependency program=
  shift
  mkdir -p "$root/system/project/executor"
  cp package.json tsconfig.json "$root/system/project/"
  cp -r src test "$root/system/project/"
  mkdir -p "$root/system/project/executor/build"
  cp executor/build/tiffin-executor "$root/system/project/executor/build/"
  for dependency in $(node -p 'Object.keys(require("./package.json").dependencies).filter(n => n !== "bun").join(" ")'); do
    (cd "$root/system/project" && mkdir -p "node_modules/$(dirname "$dependency")")
    cp -rL "node_modules/$dependency" "$root/system/project/node_modules/$dependency"
  done
  if [[ -x dist/tiffin && -z $(find src package.json executor -newer dist/tiffin -type f -not -path '*/build/*' -print -quit) ]]; then
    mkdir "$root/system/project/dist"
    cp -L dist/tiffin-runtime "$root/system/project/dist/"
    # Each is a hundred megabytes, and tests of the OCI runtime use only one.
    if [[ $(printf '%s\n' "$@") =~ (^|$'\n')(src|executor|test/[^r]) ]]; then cp dist/tiffin "$root/system/project/dist/"; fi
    program="TIFFIN_BIN=/project/dist/tiffin"
  fi
  cat >"$root/system/run-tests" <<TESTS
export PATH=/bin:/usr/bin:/sbin HOME=/root TIFFIN_VM=1 TIFFIN_VM_INIT=$init NO_COLOR=1 TIFFIN_RUNTIMES=${TIFFIN_RUNTIMES-} $program
if [ $init = busybox ]; then
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  mount -t devtmpfs dev /dev
  mkdir -p /dev/pts /dev/shm
  mount -t devpts devpts /dev/pts
  mount -t tmpfs tmpfs /dev/shm
  mount -t tmpfs tmpfs /run
  mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
exec </dev/null >/dev/console 2>&1
mount -t securityfs securityfs /sys/kernel/security
[ $init = systemd-hybrid ] || for controller in \$(cat /sys/fs/cgroup/cgroup.controllers); do echo "+\$controller" >/sys/fs/cgroup/cgroup.subtree_control; done
while read -r module; do insmod "/modules/\$module" || echo "vm: cannot load \$module"; done </modules/order
# What most hosts have, and what idmapped mounts need on older kernels.
mount -t ext4 /dev/vda /tmp
ip link set lo up
cd /project
bun test --timeout 300000 $* 2>&1
echo "vm-exit-status: \$?"
poweroff -f
TESTS
}

prepare_cache() {
  # The guest runs this machine's own programs.
  [[ $(uname -m) == x86_64 ]] || exit 77
  install_tools
  fetch_kernel || exit 77
  local bun
  bun=$(readlink -f node_modules/.bin/bun)
  base=$cache/base-$kernel-$({ stat -c '%s %Y' "$bun" /bin/busybox; cat test/vm/boot.sh; } | sha256sum | cut -c1-12).cpio
  [[ -e $base ]] || { rm -f "$cache/base-$kernel-"*; make_base "$base" "$bun"; }
  packages=$cache/packages-$({ echo "${guest_packages[@]}"; declare -f fetch_packages; } | sha256sum | cut -c1-12).cpio
  [[ -e $packages ]] || fetch_packages "$packages" || exit 77
}

work=$(mktemp -d "$cache/run.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Machines that start at once share the cache; one of them fills it.
exec 9>"$cache/lock"
flock 9
prepare_cache
[[ -x executor/build/tiffin-executor ]] || make -s -C executor
flock -u 9
exec 9>&-
[[ ${1-} != --prepare ]] || exit 0

mkdir "$work/tree"
add_project "$work/tree" "$@"
# The kernel unpacks archives one after the other.
{
  cat "$base" "$packages"
  cd "$work/tree" && find . | cpio --quiet -o -H newc
} >"$work/initramfs"

case $init in
  systemd) options=vm.init=systemd ;;
  systemd-hybrid) options="vm.init=systemd systemd.unified_cgroup_hierarchy=0" ;;
  *) options= ;;
esac
truncate -s 2G "$work/disk"
/sbin/mkfs.ext4 -q "$work/disk"
timeout 1400 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 3072 -nographic -no-reboot -nic none \
  -drive "file=$work/disk,format=raw,if=virtio,cache=unsafe" \
  -kernel "$cache/kernel-$kernel"/boot/vmlinuz-* -initrd "$work/initramfs" \
  -append "console=ttyS0 quiet panic=-1 no_timer_check mitigations=off apparmor=1 security=apparmor $options" </dev/null |
  stdbuf -oL tr -d '\r' | tee "$work/console" || true
status=$(sed -n 's/^vm-exit-status: //p' "$work/console" | tail -1)
exit "${status:-1}"
