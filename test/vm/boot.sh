#!/usr/bin/env bash
# Runs `bun test ARGS...` of this checkout inside a small virtual machine with a Debian cloud kernel, which has
# what many hosts lack: a pure cgroup v2 hierarchy with every controller, 802.1Q, ipvlan, AppArmor. Software emulation
# is enough. Usage: test/vm/boot.sh src/kernel/cgroup.v2.test.ts ...
# The tests' own report lines appear on standard output; the exit status is theirs.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tools/prepare.sh
cache=$PWD/.build/vm
mkdir -p "$cache"

need=()
command -v qemu-system-x86_64 >/dev/null || need+=(qemu-system-x86)
command -v cpio >/dev/null || need+=(cpio)
command -v xz >/dev/null || need+=(xz-utils)
command -v depmod >/dev/null || [[ -x /sbin/depmod ]] || need+=(kmod)
if ((${#need[@]})); then
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -yq --no-install-recommends "${need[@]}" >/dev/null
fi

if [[ ! -e $cache/kernel/ready ]]; then
  rm -rf "$cache/kernel" && mkdir -p "$cache/kernel/deb"
  find_kernel() { apt-cache search --names-only '^linux-image-6\.[0-9.]+.*cloud-amd64$' | awk '{print $1}' | sort -V | tail -1; }
  package=$(find_kernel)
  [[ -n $package ]] || { apt-get update -q >/dev/null; package=$(find_kernel); }
  (cd "$cache/kernel/deb" && apt-get download -q "$package" >/dev/null 2>&1)
  dpkg -x "$cache"/kernel/deb/*.deb "$cache/kernel"
  touch "$cache/kernel/ready"
fi
vmlinuz=$(ls "$cache"/kernel/boot/vmlinuz-*)
modules=$(ls -d "$cache"/kernel/lib/modules/*)

root=$cache/root
rm -rf "$root"
mkdir -p "$root"/{bin,dev,etc,proc,sys,tmp,run,root,lib/x86_64-linux-gnu,usr/lib/x86_64-linux-gnu,lib64,modules,project,newroot,var/lib}
cp /bin/busybox "$root/bin/busybox"
for applet in $(/bin/busybox --list); do [[ $applet == busybox ]] || ln -sf busybox "$root/bin/$applet"; done
bun=$(readlink -f node_modules/.bin/bun)
cp "$bun" "$root/bin/bun"
for library in $(ldd "$bun" | grep -o '/[^ ]*'); do cp -L "$library" "$root/lib/x86_64-linux-gnu/"; done
cp -L "$(ldd "$bun" | grep -o '/lib64/[^ ]*')" "$root/lib64/"
for library in libseccomp.so.2 libc.so.6; do cp -L "$(/sbin/ldconfig -p | awk -v l="$library" '$1 == l && /x86-64/ {print $NF; exit}')" "$root/lib/x86_64-linux-gnu/"; done
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
cp package.json tsconfig.json "$root/project/"
cp -r src test "$root/project/"
mkdir -p "$root/project/executor" "$root/project/node_modules"
cp -r executor/build executor/generated "$root/project/executor/" 2>/dev/null || true
for dependency in $(node -p 'Object.keys(require("./package.json").dependencies).filter(n => n !== "bun").join(" ")'); do
  cp -rL --parents "node_modules/$dependency" "$root/project/"
done

# Modules in an order that satisfies their dependencies, from modules.dep of the package's own files.
PATH=$PATH:/sbin:/usr/sbin depmod -b "$cache/kernel" "$(basename "$modules")" 2>/dev/null || true
wanted=(overlay erofs veth bridge 8021q macvlan ipvlan tun vxlan dummy nf_tables nft_chain_nat nft_nat nft_masq nft_ct nft_fib_inet nft_fib_ipv4 nft_fib_ipv6 nft_reject_inet nf_conntrack_netlink)
order=()
add_module() {
  local path=$1 dependency
  for dependency in $(grep "^$path:" "$modules/modules.dep" | cut -d: -f2); do add_module "$dependency"; done
  [[ " ${order[*]-} " == *" $path "* ]] || order+=("$path")
}
for name in "${wanted[@]}"; do
  path=$(grep -oE "^[^:]*/${name}\.ko(\.xz)?:" "$modules/modules.dep" | head -1 | tr -d :)
  [[ -z $path ]] || add_module "$path"
done
: >"$root/modules/order"
for path in "${order[@]}"; do
  file=$(basename "$path" .xz)
  if [[ $path == *.xz ]]; then xz -dc "$modules/$path" >"$root/modules/$file"; else cp "$modules/$path" "$root/modules/$file"; fi
  echo "$file" >>"$root/modules/order"
done

cat >"$root/init" <<'INIT'
#!/bin/sh
# First stage: pivot_root(2) does not leave an initramfs, so everything moves to a tmpfs.
export PATH=/bin
mount -t tmpfs -o size=2g tmpfs /newroot
cp -a /bin /lib /lib64 /usr /etc /modules /project /root /stage2 /var /newroot/
mkdir -p /newroot/dev /newroot/proc /newroot/sys /newroot/tmp /newroot/run
exec switch_root /newroot /stage2
INIT
cat >"$root/stage2" <<STAGE2
#!/bin/sh
export PATH=/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
for controller in \$(cat /sys/fs/cgroup/cgroup.controllers); do echo "+\$controller" >/sys/fs/cgroup/cgroup.subtree_control; done
while read -r module; do insmod "/modules/\$module" || echo "vm: cannot load \$module"; done </modules/order
ip link set lo up
cd /project
export TIFFIN_VM=1 NO_COLOR=1
bun test --timeout 300000 $* 2>&1
echo "vm-exit-status: \$?"
sync
poweroff -f
STAGE2
chmod +x "$root/init" "$root/stage2"
(cd "$root" && find . | cpio --quiet -o -H newc) >"$cache/initramfs"

log=$cache/console.log
timeout 900 qemu-system-x86_64 -accel tcg,thread=multi -cpu max -smp 2 -m 4096 -nographic -no-reboot -nic none \
  -kernel "$vmlinuz" -initrd "$cache/initramfs" \
  -append "console=ttyS0 quiet panic=-1 mitigations=off apparmor=1 security=apparmor" </dev/null | tr -d '\r' >"$log" || true
cat "$log"
status=$(sed -n 's/^vm-exit-status: //p' "$log" | tail -1)
exit "${status:-1}"
