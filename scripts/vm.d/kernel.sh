# Sourced by scripts/vm: a stock Debian kernel, made ready to boot, in $SHOJI_CACHE/vm/VERSION.
# The package is unpacked, never installed: the host gets no /boot, no initramfs and no new boot entry.

# The package that Debian's meta package for kernel series $1 names today; nothing when there is none.
kernel_package() {
  local meta found
  for meta in "linux-image-$1-$ARCH" "linux-image-$ARCH"; do
    found=$(apt-cache depends "$meta" 2>/dev/null | sed -n "s/^ *Depends: \(linux-image-$1[.+0-9].*\)/\1/p" | head -1)
    [ -z "$found" ] || { echo "$found"; return; }
  done
}

# Downloads the kernel package of series $1 into directory $2 and prints the file's name.
download_kernel() {
  local package file
  package=$(kernel_package "$1")
  for _ in 1 2; do
    if [ -n "$package" ] && (cd "$2" && apt-get -qq -o APT::Sandbox::User=root download "$package" </dev/null >&2); then
      file=$(ls "$2"/*.deb)
      echo "$file"
      return
    fi
    apt-get -qq update </dev/null >&2 || :  # lists absent, or older than the archive
    package=$(kernel_package "$1")
  done
  die "no Debian package of kernel $1 for $ARCH can be downloaded here"
}

# vmlinux: an uncompressed kernel boots two to three seconds sooner under TCG than the compressed one. $1: vmlinuz, $2: result.
extract_vmlinux() {
  local magic tool offset
  while read -r magic tool; do
    for offset in $(LC_ALL=C grep -aobP "$magic" "$1" | cut -d: -f1); do
      # shellcheck disable=SC2086 # the tool with its options
      tail -c "+$((offset + 1))" "$1" | $tool >"$2.part" 2>/dev/null || :  # trailing bytes are no error here
      if [ "$(head -c 4 "$2.part" | tail -c 3)" = ELF ]; then mv "$2.part" "$2"; return; fi
    done
  done <<'MAGICS'
\x28\xb5\x2f\xfd zstd -dcq
\xfd7zXZ\x00 xz -dcq --single-stream
\x1f\x8b\x08 gzip -dcq
MAGICS
  die "no kernel image inside \"$1\""
}

# Copies module $1 after everything it depends on to $root/mod, and appends the names to $root/mod/order.
add_module() {
  local line file name files
  line=$(grep -E "/${1//_/[-_]}\.ko(\.xz|\.zst)?:" "$modules/modules.dep" | head -1) || return 0
  [ -n "$line" ] || return 0
  files=$(echo "${line%%:*} ${line#*:}" | tr ' ' '\n' | tac)
  for file in $files; do
    name=$(basename "$file"); name=${name%.xz}; name=${name%.zst}
    [ ! -e "$root/mod/$name" ] || continue
    case $file in
      *.xz) xz -dc "$modules/$file" >"$root/mod/$name" ;;
      *.zst) zstd -dcq "$modules/$file" >"$root/mod/$name" ;;
      *) cp "$modules/$file" "$root/mod/$name" ;;
    esac
    echo "$name" >>"$root/mod/order"
  done
}

# The part of the initramfs that is the same for every run: a static busybox and the modules that find the root.
make_initramfs() {  # $1: modules directory, $2: result
  local modules=$1 root module applet
  root=$(mktemp -d "$2.XXXXXX")
  mkdir -p "$root"/{bin,dev,proc,sys,mod,newroot}
  cp "$(command -v busybox)" "$root/bin/busybox"
  for applet in sh mount umount mkdir ln cat sleep insmod switch_root reboot cp ip hostname uname setsid; do
    ln -s busybox "$root/bin/$applet"
  done
  : >"$root/mod/order"
  for module in virtio_pci virtio_console virtio_rng 9pnet_virtio 9p overlay virtio_blk crc32c_generic ext4 \
    virtio_net af_packet; do
    add_module "$module"
  done
  (cd "$root" && find . -print0 | cpio -0 -o -H newc --quiet) >"$2"
  rm -rf "$root"
}

# Leaves vmlinux, initrd.base, modules/ and release in $1 for kernel series $2.
prepare_kernel() {
  local out=$1 part deb release
  part=$(mktemp -d "$out.part.XXXXXX")
  deb=$(download_kernel "$2" "$part")
  # What no virtual machine has hardware for is half of the package.
  dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$part" --exclude='*/drivers/gpu' --exclude='*/drivers/media' \
    --exclude='*/sound' --exclude='*/drivers/net/wireless' --exclude='*/drivers/infiniband' --exclude='*/doc'
  release=$(cd "$part/boot" && ls vmlinuz-*); release=${release#vmlinuz-}
  [ -d "$part/lib/modules" ] || ln -s usr/lib "$part/lib"
  depmod -b "$part" "$release"
  extract_vmlinux "$part/boot/vmlinuz-$release" "$part/vmlinux"
  mv "$part/lib/modules/$release" "$part/modules"
  make_initramfs "$part/modules" "$part/initrd.base"
  echo "$release" >"$part/release"
  rm -rf "$part/boot" "$part/lib" "$part/usr" "$deb"
  mv -T "$part" "$out"
}

# Prints the directory of kernel series $1; makes it when it is not there. One at a time: the cache is shared.
kernel_directory() {
  local directory=$SHOJI_CACHE/vm/$1
  if [ ! -e "$directory/release" ]; then
    mkdir -p "$SHOJI_CACHE/vm"
    (flock 9
     [ -e "$directory/release" ] || { rm -rf "$directory" "$directory".part.*; prepare_kernel "$directory" "$1"; }
    ) 9>"$SHOJI_CACHE/vm/lock" || exit 2
  fi
  echo "$directory"
}
