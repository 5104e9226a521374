# Sourced by the scripts of this folder: makes sure that the tools of the build are there, says what it
# installs, and puts the pinned Bun on PATH. Needs Node, npm and, for missing Debian packages, root.

tiffin_missing_packages() {
  local need=()
  command -v gcc >/dev/null || need+=(gcc libc6-dev)
  [[ -e /usr/include/linux/mount.h ]] || need+=(linux-libc-dev libc6-dev)
  command -v make >/dev/null || need+=(make)
  [[ -x /bin/busybox ]] || need+=(busybox-static)
  compgen -G '/usr/lib/*/libseccomp.so.2' >/dev/null || compgen -G '/lib/*/libseccomp.so.2' >/dev/null || need+=(libseccomp2)
  echo "${need[@]}"
}

tiffin_need=$(tiffin_missing_packages)
if [[ -n $tiffin_need ]]; then
  if [[ $(id -u) != 0 ]]; then
    echo "tiffin: these Debian packages are missing: $tiffin_need (run as root, or install them)" >&2
    exit 1
  fi
  echo "tiffin: installing Debian packages: $tiffin_need" >&2
  export DEBIAN_FRONTEND=noninteractive
  # shellcheck disable=SC2086
  apt-get install -yq --no-install-recommends $tiffin_need >/dev/null 2>&1 ||
    { apt-get update -q >/dev/null && apt-get install -yq --no-install-recommends $tiffin_need >/dev/null; }
fi

# npm leaves this file behind after a complete install; older than the lock file means: install again.
if [[ ! -e node_modules/.package-lock.json || package-lock.json -nt node_modules/.package-lock.json ]]; then
  echo "tiffin: installing npm packages" >&2
  # The lock file names the packages of all platforms, so that it fits on each; only this one's are fetched.
  npm ci --no-audit --no-fund --loglevel=error >&2
  touch node_modules/.package-lock.json
fi
export PATH="$PWD/node_modules/.bin:$PATH"
if ! bun --version >/dev/null 2>&1; then
  # npm may skip install scripts; Bun's only picks the binary that fits this processor.
  node node_modules/bun/install.js >&2
fi
