# Sourced by scripts/demo: images from templates, kept in a store of the demo's own, and writable roots of them.

shoji() { "$SHOJI" --config "$WORK/images.json" "$@"; }

# Roots lie on overlayfs, whose upper directory must not be on overlayfs itself (a virtual machine's root is): then the
# roots get a store of their own, and the images come from the other one, read-only.
choose_store() {
  local store=$SHOJI_CACHE/images
  mkdir -p "$store"
  if [ "$(stat -f -c %T "$store")" = overlayfs ]; then
    printf '{"store": "%s", "sharedStores": ["%s"]}\n' "$WORK/images" "$store" >"$WORK/images.json"
  else
    printf '{"store": "%s"}\n' "$store" >"$WORK/images.json"
  fi
}

make_images() { # template...
  local template
  for template in "$@"; do
    if shoji inspect "localhost/$template" >/dev/null 2>&1; then continue; fi
    say "building the image localhost/$template from Debian's packages (once)"
    shoji template build "$template" 2>&1 | tail -1 | indent
    [ "${PIPESTATUS[0]}" = 0 ] || die "the template \"$template\" was not built"
  done
}

# A partition's root: the image below, a layer of its own above, so that nothing it does reaches the image.
make_root() { # image, root, bundle
  mkdir -p "$3/rootfs"
  shoji root create "$1" "$2" >/dev/null
  shoji root mount "$2" "$3/rootfs" >/dev/null
}
