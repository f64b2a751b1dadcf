# Sourced by scripts/demo: root file systems, made once and kept in $ROOTS.

make_nginx_root() { # target
  local suite
  suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
  say "making a root file system with nginx from Debian $suite (once)"
  # What the server needs and no more: no kernel, no init, no recommended packages.
  mmdebstrap --quiet --mode=root --variant=essential --include=nginx-light --aptopt='Acquire::Retries "3"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' "$suite" "$1" || die "mmdebstrap exited with $?"
  echo "Hello from nginx in a partition of its own." >"$1/var/www/html/index.html"
}

make_busybox_root() { # target
  local busybox applet
  busybox=$(command -v busybox) || die "busybox is not installed"
  mkdir -p "$1"/{bin,proc,sys,dev,tmp,etc}
  cp "$busybox" "$1/bin/busybox"
  for applet in $("$busybox" --list | grep -vx busybox); do ln -s busybox "$1/bin/$applet"; done
}

# A root appears under its final name only when it is whole.
make_roots() {
  local name part
  mkdir -p "$ROOTS"
  for name in nginx busybox; do
    [ ! -d "$ROOTS/$name" ] || continue
    part=$ROOTS/.$name.$$
    rm -rf "$part"
    "make_${name}_root" "$part"
    mv -T "$part" "$ROOTS/$name" 2>/dev/null || rm -rf "$part"  # another demo was quicker
  done
}

# A partition's root is a layer over the cached one, so that nothing it does reaches the cache.
mount_root() { # cached root, bundle
  mkdir -p "$2"/{rootfs,upper,work}
  mount -t overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" shoji-demo "$2/rootfs"
}
