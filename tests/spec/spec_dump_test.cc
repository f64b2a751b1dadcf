#include "tests/spec/spec_dump.h"

#include "base/json.h"

namespace shoji {
namespace {

using W = JsonWriter;

// An absent optional, string or vector prints nothing.
template <typename T>
void put(W& w, const char* name, const T& value) {
  w.member(name, value);
}
void put(W& w, const char* name, const std::string& value) {
  if (!value.empty()) w.member(name, std::string_view(value));
}
void put(W& w, const char* name, uint16_t value) {
  w.member(name, uint32_t{value});
}
void put(W& w, const char* name, const std::vector<std::string>& values) {
  if (values.empty()) return;
  w.key(name).begin_array();
  for (const std::string& each : values) w.value(std::string_view(each));
  w.end_array();
}
void put(W& w, const char* name, const std::vector<std::pair<std::string, std::string>>& values) {
  if (values.empty()) return;
  w.key(name).begin_object();
  for (const auto& [key, value] : values) w.member(key, std::string_view(value));
  w.end_object();
}
template <typename T>
void put(W& w, const char* name, const std::optional<T>& value) {
  if (value) put(w, name, *value);
}
template <typename T>
void put_all(W& w, const char* name, const std::vector<T>& values, void (*print)(W&, const T&)) {
  if (values.empty()) return;
  w.key(name).begin_array();
  for (const T& each : values) {
    w.begin_object();
    print(w, each);
    w.end_object();
  }
  w.end_array();
}

void put_mappings(W& w, const char* name, const std::vector<IdMapping>& mappings) {
  put_all<IdMapping>(w, name, mappings, [](W& o, const IdMapping& m) {
    put(o, "containerID", m.container_id);
    put(o, "hostID", m.host_id);
    put(o, "size", m.size);
  });
}

void put_hooks(W& w, const char* name, const std::vector<Hook>& hooks) {
  put_all<Hook>(w, name, hooks, [](W& o, const Hook& h) {
    put(o, "path", h.path);
    put(o, "args", h.args);
    put(o, "env", h.env);
    put(o, "timeout", h.timeout);
  });
}

void dump_user(W& w, const User& u) {
  w.key("user").begin_object();
  put(w, "uid", u.uid);
  put(w, "gid", u.gid);
  put(w, "umask", u.umask);
  w.key("additionalGids").begin_array();
  for (uint32_t gid : u.additional_gids) w.value(gid);
  w.end_array();
  put(w, "username", u.username);
  w.end_object();
}

void dump_scheduling(W& w, const Process& p) {
  w.key("scheduler").begin_object();
  put(w, "policy", p.scheduler->policy);
  if (p.scheduler->nice) w.member("nice", int64_t{*p.scheduler->nice});
  if (p.scheduler->priority) w.member("priority", int64_t{*p.scheduler->priority});
  put(w, "flags", p.scheduler->flags);
  put(w, "runtime", p.scheduler->runtime);
  put(w, "deadline", p.scheduler->deadline);
  put(w, "period", p.scheduler->period);
  w.end_object();
  w.key("ioPriority").begin_object();
  put(w, "class", p.io_priority->priority_class);
  put(w, "priority", p.io_priority->priority);
  w.end_object();
  w.key("execCPUAffinity").begin_object();
  put(w, "initial", p.exec_cpu_affinity->initial);
  put(w, "final", p.exec_cpu_affinity->final);
  w.end_object();
}

void dump_process(W& w, const Process& p) {
  w.key("process").begin_object();
  put(w, "terminal", p.terminal);
  w.key("consoleSize").begin_object();
  put(w, "height", p.console_size->height);
  put(w, "width", p.console_size->width);
  w.end_object();
  dump_user(w, p.user);
  put(w, "args", p.args);
  put(w, "env", p.env);
  put(w, "cwd", p.cwd);
  w.key("capabilities").begin_object();
  put(w, "bounding", p.capabilities->bounding);
  put(w, "permitted", p.capabilities->permitted);
  put(w, "effective", p.capabilities->effective);
  put(w, "inheritable", p.capabilities->inheritable);
  put(w, "ambient", p.capabilities->ambient);
  w.end_object();
  put_all<Rlimit>(w, "rlimits", p.rlimits, [](W& o, const Rlimit& r) {
    put(o, "type", r.type);
    put(o, "hard", r.hard);
    put(o, "soft", r.soft);
  });
  put(w, "noNewPrivileges", p.no_new_privileges);
  put(w, "apparmorProfile", p.apparmor_profile);
  put(w, "oomScoreAdj", p.oom_score_adj);
  put(w, "selinuxLabel", p.selinux_label);
  dump_scheduling(w, p);
  w.end_object();
}

void dump_memory(W& w, const MemoryResources& m) {
  w.key("memory").begin_object();
  put(w, "limit", m.limit);
  put(w, "reservation", m.reservation);
  put(w, "swap", m.swap);
  put(w, "kernel", m.kernel);
  put(w, "kernelTCP", m.kernel_tcp);
  put(w, "swappiness", m.swappiness);
  put(w, "disableOOMKiller", m.disable_oom_killer);
  put(w, "useHierarchy", m.use_hierarchy);
  put(w, "checkBeforeUpdate", m.check_before_update);
  w.end_object();
}

void dump_cpu(W& w, const CpuResources& c) {
  w.key("cpu").begin_object();
  put(w, "shares", c.shares);
  put(w, "quota", c.quota);
  put(w, "burst", c.burst);
  put(w, "period", c.period);
  put(w, "realtimeRuntime", c.realtime_runtime);
  put(w, "realtimePeriod", c.realtime_period);
  put(w, "cpus", c.cpus);
  put(w, "mems", c.mems);
  put(w, "idle", c.idle);
  w.end_object();
}

void put_throttle(W& w, const char* name, const std::vector<ThrottleDevice>& devices) {
  put_all<ThrottleDevice>(w, name, devices, [](W& o, const ThrottleDevice& d) {
    put(o, "major", d.major);
    put(o, "minor", d.minor);
    put(o, "rate", d.rate);
  });
}

void dump_block_io(W& w, const BlockIoResources& b) {
  w.key("blockIO").begin_object();
  put(w, "weight", b.weight);
  put(w, "leafWeight", b.leaf_weight);
  put_all<WeightDevice>(w, "weightDevice", b.weight_device, [](W& o, const WeightDevice& d) {
    put(o, "major", d.major);
    put(o, "minor", d.minor);
    put(o, "weight", d.weight);
    put(o, "leafWeight", d.leaf_weight);
  });
  put_throttle(w, "throttleReadBpsDevice", b.throttle_read_bps_device);
  put_throttle(w, "throttleWriteBpsDevice", b.throttle_write_bps_device);
  put_throttle(w, "throttleReadIOPSDevice", b.throttle_read_iops_device);
  put_throttle(w, "throttleWriteIOPSDevice", b.throttle_write_iops_device);
  w.end_object();
}

void dump_resources(W& w, const Resources& r) {
  w.key("resources").begin_object();
  put(w, "unified", r.unified);
  put_all<DeviceRule>(w, "devices", r.devices, [](W& o, const DeviceRule& d) {
    put(o, "allow", d.allow);
    put(o, "type", d.type);
    put(o, "major", d.major);
    put(o, "minor", d.minor);
    put(o, "access", d.access);
  });
  w.key("pids").begin_object();
  put(w, "limit", r.pids_limit);
  w.end_object();
  dump_memory(w, *r.memory);
  dump_cpu(w, *r.cpu);
  dump_block_io(w, *r.block_io);
  put_all<HugepageLimit>(w, "hugepageLimits", r.hugepage_limits, [](W& o, const HugepageLimit& h) {
    put(o, "pageSize", h.page_size);
    put(o, "limit", h.limit);
  });
  w.key("network").begin_object();
  put(w, "classID", r.network->class_id);
  put_all<InterfacePriority>(w, "priorities", r.network->priorities, [](W& o, const InterfacePriority& i) {
    put(o, "name", i.name);
    put(o, "priority", i.priority);
  });
  w.end_object();
  w.key("rdma").begin_object();
  for (const RdmaLimit& limit : r.rdma) {
    w.key(limit.device).begin_object();
    put(w, "hcaHandles", limit.hca_handles);
    put(w, "hcaObjects", limit.hca_objects);
    w.end_object();
  }
  w.end_object();
  w.end_object();
}

void dump_seccomp(W& w, const Seccomp& s) {
  w.key("seccomp").begin_object();
  put(w, "defaultAction", s.default_action);
  put(w, "defaultErrnoRet", s.default_errno_ret);
  put(w, "architectures", s.architectures);
  put(w, "flags", s.flags);
  put_all<SeccompSyscall>(w, "syscalls", s.syscalls, [](W& o, const SeccompSyscall& c) {
    put(o, "names", c.names);
    put(o, "action", c.action);
    put(o, "errnoRet", c.errno_ret);
    put_all<SeccompArg>(o, "args", c.args, [](W& a, const SeccompArg& g) {
      put(a, "index", g.index);
      put(a, "value", g.value);
      put(a, "valueTwo", g.value_two);
      put(a, "op", g.op);
    });
  });
  w.end_object();
}

void put_offset(W& w, const char* name, const TimeOffset& offset) {
  w.key(name).begin_object();
  put(w, "secs", offset.secs);
  put(w, "nanosecs", offset.nanosecs);
  w.end_object();
}

void dump_linux(W& w, const Linux& l) {
  w.key("linux").begin_object();
  put_all<Namespace>(w, "namespaces", l.namespaces, [](W& o, const Namespace& n) {
    put(o, "type", n.type);
    put(o, "path", n.path);
  });
  put_mappings(w, "uidMappings", l.uid_mappings);
  put_mappings(w, "gidMappings", l.gid_mappings);
  w.key("timeOffsets").begin_object();
  put_offset(w, "monotonic", *l.monotonic_offset);
  put_offset(w, "boottime", *l.boottime_offset);
  w.end_object();
  put_all<Device>(w, "devices", l.devices, [](W& o, const Device& d) {
    put(o, "type", d.type);
    put(o, "path", d.path);
    put(o, "major", d.major);
    put(o, "minor", d.minor);
    put(o, "fileMode", d.file_mode);
    put(o, "uid", d.uid);
    put(o, "gid", d.gid);
  });
  w.key("netDevices").begin_object();
  for (const NetDevice& device : l.net_devices) {
    w.key(device.name).begin_object();
    put(w, "name", device.new_name);
    w.end_object();
  }
  w.end_object();
  put(w, "cgroupsPath", l.cgroups_path);
  put(w, "rootfsPropagation", l.rootfs_propagation);
  put(w, "sysctl", l.sysctl);
  put(w, "maskedPaths", l.masked_paths);
  put(w, "readonlyPaths", l.readonly_paths);
  put(w, "mountLabel", l.mount_label);
  w.key("personality").begin_object();
  put(w, "domain", l.personality->domain);
  put(w, "flags", l.personality->flags);
  w.end_object();
  w.key("memoryPolicy").begin_object();
  put(w, "mode", l.memory_policy->mode);
  put(w, "nodes", l.memory_policy->nodes);
  put(w, "flags", l.memory_policy->flags);
  w.end_object();
  dump_resources(w, l.resources);
  dump_seccomp(w, *l.seccomp);
  w.end_object();
}

}  // namespace

std::string dump_spec(const Spec& spec) {
  W w;
  w.begin_object();
  put(w, "ociVersion", spec.oci_version);
  w.key("root").begin_object();
  put(w, "path", spec.root.path);
  put(w, "readonly", spec.root.readonly);
  w.end_object();
  put(w, "hostname", spec.hostname);
  put(w, "domainname", spec.domainname);
  put(w, "annotations", spec.annotations);
  put_all<Mount>(w, "mounts", spec.mounts, [](W& o, const Mount& m) {
    put(o, "destination", m.destination);
    put(o, "type", m.type);
    put(o, "source", m.source);
    put(o, "options", m.options);
    put_mappings(o, "uidMappings", m.uid_mappings);
    put_mappings(o, "gidMappings", m.gid_mappings);
  });
  w.key("hooks").begin_object();
  put_hooks(w, "prestart", spec.hooks.prestart);
  put_hooks(w, "createRuntime", spec.hooks.create_runtime);
  put_hooks(w, "createContainer", spec.hooks.create_container);
  put_hooks(w, "startContainer", spec.hooks.start_container);
  put_hooks(w, "poststart", spec.hooks.poststart);
  put_hooks(w, "poststop", spec.hooks.poststop);
  w.end_object();
  dump_process(w, *spec.process);
  dump_linux(w, spec.linux);
  w.end_object();
  return w.take();
}

}  // namespace shoji
