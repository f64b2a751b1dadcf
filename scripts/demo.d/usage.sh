# Sourced by scripts/demo: a partition's figures, wherever the host keeps them: cgroup v2, or v1 per controller.

# The directory of controller $2 for process $1.
group_of() {
  local id controllers path mount
  while IFS=: read -r id controllers path; do
    [[ ,$controllers, = *,$2,* ]] || continue
    mount=$(awk -v c="$2" '$3 == "cgroup" && "," $4 "," ~ "," c "," {print $2; exit}' /proc/self/mounts)
    echo "$mount$path"
    return
  done <"/proc/$1/cgroup"
  mount=$(awk '$3 == "cgroup2" {print $2; exit}' /proc/self/mounts)
  echo "$mount$(sed -n 's/^0:://p' "/proc/$1/cgroup")"
}

# The number after word $2 in file $1.
word_of() { awk -v w="$2" '$1 == w {print $2}' "$1"; }

figure() { # process, name
  local group
  case $2 in
    memory.*) group=$(group_of "$1" memory) ;;
    pids.*) group=$(group_of "$1" pids) ;;
    cpu.usage_us) group=$(group_of "$1" cpuacct) ;;
    *) group=$(group_of "$1" cpu) ;;
  esac
  case $2 in
    memory.current) cat "$group/memory.current" 2>/dev/null || cat "$group/memory.usage_in_bytes" ;;
    memory.max) cat "$group/memory.max" 2>/dev/null || cat "$group/memory.limit_in_bytes" ;;
    memory.oom_kills)
      if [ -e "$group/memory.events" ]; then word_of "$group/memory.events" oom_kill; else word_of "$group/memory.oom_control" oom_kill; fi ;;
    pids.current | pids.max) cat "$group/$2" ;;
    pids.refused) word_of "$group/pids.events" max ;;
    cpu.usage_us)
      if [ -e "$group/cpuacct.usage" ]; then echo $(($(cat "$group/cpuacct.usage") / 1000)); else word_of "$group/cpu.stat" usage_usec; fi ;;
    cpu.percent)
      if [ -e "$group/cpu.max" ]; then awk '{print int($1 * 100 / $2)}' "$group/cpu.max"
      else echo $(($(cat "$group/cpu.cfs_quota_us") * 100 / $(cat "$group/cpu.cfs_period_us"))); fi ;;
    cpu.throttled) word_of "$group/cpu.stat" nr_throttled ;;
  esac
}

mib() { awk -v n="$1" 'BEGIN {printf "%.1f MiB\n", n / 1048576}'; }

cgroup_kind() {
  if [ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ]; then echo "cgroup v2"; else echo "cgroup v1 controllers (hybrid host)"; fi
}
