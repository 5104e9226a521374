#!/usr/bin/env bash
# tools/debian-root.sh [web|systemd]: prints the path of an archive of a Debian, made by debootstrap once and then kept: with nginx and
# redis, or one that boots. Fails with the reason when there is no debootstrap or no mirror. In memory, because dpkg syncs every
# file; several callers wait for one.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .build
case ${1:-web} in
web) archive=$PWD/.build/debian-root.tar packages=nginx-light,redis-server ;;
systemd) archive=$PWD/.build/debian-systemd.tar packages=systemd,systemd-sysv,dbus,iproute2,nftables,busybox-static ;;
*) echo "no Debian called $1: web or systemd" >&2; exit 2 ;;
esac
mirror=${TIFFIN_DEBIAN_MIRROR:-http://deb.debian.org/debian}
exec 9>"${archive%.tar}.lock"
flock 9
if [[ ! -s $archive ]]; then
  command -v debootstrap >/dev/null || { echo "no debootstrap" >&2; exit 1; }
  place=$(mktemp -d)
  trap 'rm -rf "$place" "$archive.part"' EXIT
  timeout 300 unshare -m sh -ec '
    mount -t tmpfs -o size=1g none "$1"
    debootstrap --variant=minbase --include="$4" bookworm "$1/root" "$2" >"$3.log" 2>&1
    rm -rf "$1"/root/var/cache/apt/archives/*.deb "$1"/root/var/lib/apt/lists/*
    tar -C "$1/root" --numeric-owner --xattrs -cf "$3.part" .
  ' sh "$place" "$mirror" "$archive" "$packages" || { tail -n 3 "$archive.log" >&2; exit 1; }
  mv "$archive.part" "$archive"
fi
echo "$archive"
