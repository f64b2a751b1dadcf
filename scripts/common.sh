# Sourced by the scripts beside it: where the tree is, and how they speak.
set -euo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
ME=$(basename "$0")
export SHOJI_CACHE=${SHOJI_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/shoji}

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '==> %s\n' "$*"; }
die() { printf '%s: %s\n' "$ME" "$*" >&2; exit 1; }

# usage FILE: the comment block that opens a script is its help text.
usage() { sed -n '2,/^[^#]/{/^#/{s/^# \{0,1\}//;p}}' "$1"; }

# Compiling on more jobs than cores, or than 2 GiB of memory each, makes a build slower.
jobs_for_this_machine() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 2097152) + 1}' /proc/meminfo)
  echo $((cores < memory ? cores : memory))
}
