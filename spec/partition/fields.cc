// The properties of the document, a row each.
#include "spec/partition/partition.h"
#include "spec/partition/property.h"

namespace shoji {

namespace {

Result<uint32_t> parse_mode(std::string_view text) {
  uint32_t mode = 0;
  for (char digit : text) {
    if (digit < '0' || digit > '7' || mode > 0777)
      return fail(Kind::kInvalid, cat(quote(text), " is no file mode, as \"0400\""));
    mode = mode * 8 + static_cast<uint32_t>(digit - '0');
  }
  if (text.empty() || mode > 0777)
    return fail(Kind::kInvalid, cat(quote(text), " is no file mode, as \"0400\""));
  return mode;
}
std::string print_mode(uint32_t mode) {
  std::string out = "0";
  for (int shift = 6; shift >= 0; shift -= 3) out += static_cast<char>('0' + (mode >> shift & 7U));
  return out;
}

// A memory limit: a size, or a part of the host's.
struct AmountText {
  static Result<> load(Json value, Amount& out) {
    if (!value.is_string()) return field_table::read(value, out.value);
    TRY_ASSIGN(std::string_view text, value.as_string());
    auto parsed = parse_amount(text);
    if (!parsed) return fail(parsed.error().kind, cat(value.pointer(), ": ", parsed.error().text));
    out = *parsed;
    return {};
  }
  static void print(JsonWriter& out, const Amount& amount) { out.value(print_amount(amount)); }
};

// The documents of podman and docker have seconds as numbers: Text<> reads a number as milliseconds otherwise.
struct Time {
  template <typename T>
  static Result<> load(Json value, T& out) {
    if (value.is_string()) return properties::Duration::load(value, out);
    TRY_ASSIGN(uint64_t seconds, field_table::read_unsigned(value, UINT32_MAX));
    out = static_cast<T>(seconds * 1000);
    return {};
  }
  template <typename T>
  static void print(JsonWriter& out, const T& value) {
    properties::Duration::print(out, value);
  }
};

// CPU as "50%", or a number of CPUs, which may have a fraction.
struct CpuAmount {
  static Result<> load(Json value, uint64_t& out) {
    if (value.is_string()) return properties::Cpus::load(value, out);
    TRY_ASSIGN(double cpus, value.as_double());
    if (!(cpus >= 0 && cpus < 1e6)) return value.unexpected("an amount of CPU");
    out = static_cast<uint64_t>(cpus * 1000 + 0.5);
    return {};
  }
  static void print(JsonWriter& out, uint64_t value) { out.value(print_cpus(value)); }
};

using Mode = properties::Text<parse_mode, print_mode>;

}  // namespace

namespace properties {

template <>
struct Table<PartitionLimits> {
  static constexpr std::array kRows = {
      property<&PartitionLimits::memory, AmountText>("memory"),
      property<&PartitionLimits::memory_high, AmountText>("memoryHigh"),
      property<&PartitionLimits::memory_min, AmountText>("memoryMin"),
      property<&PartitionLimits::swap, AmountText>("swap"),
      property<&PartitionLimits::zswap, AmountText>("zswap"),
      property<&PartitionLimits::oom_group>("oomGroup"),
      property<&PartitionLimits::cpu, CpuAmount>("cpu"),
      property<&PartitionLimits::cpu_burst>("cpuBurst"),
      property<&PartitionLimits::cpu_weight>("cpuWeight"),
      property<&PartitionLimits::cpus>("cpus"),
      property<&PartitionLimits::mems>("mems"),
      property<&PartitionLimits::io_weight>("ioWeight"),
      property<&PartitionLimits::io_read, Bytes>("ioRead"),
      property<&PartitionLimits::io_write, Bytes>("ioWrite"),
      property<&PartitionLimits::iops_read>("iopsRead"),
      property<&PartitionLimits::iops_write>("iopsWrite"),
      property<&PartitionLimits::pids>("pids"),
      property<&PartitionLimits::disk, AmountText>("disk"),
      property<&PartitionLimits::inodes>("inodes"),
  };
};

template <>
struct Table<PartitionNetwork> {
  static constexpr std::array kRows = {
      property<&PartitionNetwork::network>("network", true),
      property<&PartitionNetwork::interface>("interface"),
      property<&PartitionNetwork::addresses>("addresses"),
      property<&PartitionNetwork::mac>("mac"),
      property<&PartitionNetwork::publish>("publish"),
      property<&PartitionNetwork::allow>("allow"),
      property<&PartitionNetwork::deny>("deny"),
      property<&PartitionNetwork::rate_in>("rateIn"),
      property<&PartitionNetwork::rate_out>("rateOut"),
  };
};

template <>
struct Table<PartitionVolume> {
  static constexpr std::array kRows = {
      property<&PartitionVolume::type, OneOf<volume_type_name, 3>>("type"),
      property<&PartitionVolume::source>("source"),
      property<&PartitionVolume::target>("target", true),
      property<&PartitionVolume::read_only>("readOnly"),
      property<&PartitionVolume::shift>("shift"),
      property<&PartitionVolume::size, Bytes>("size"),
      property<&PartitionVolume::options>("options"),
  };
};

template <>
struct Table<PartitionSecret> {
  static constexpr std::array kRows = {
      property<&PartitionSecret::source>("source", true),
      property<&PartitionSecret::target>("target", true),
      property<&PartitionSecret::mode, Mode>("mode"),
  };
};

template <>
struct Table<PartitionRestart> {
  static constexpr std::array kRows = {
      property<&PartitionRestart::policy, OneOf<restart_policy_name, 4>>("policy"),
      property<&PartitionRestart::retries>("retries"),
      property<&PartitionRestart::delay, Time>("delay"),
      property<&PartitionRestart::longest, Time>("longest"),
  };
};

template <>
struct Table<PartitionHealth> {
  static constexpr std::array kRows = {
      property<&PartitionHealth::exec>("exec"),
      property<&PartitionHealth::http>("http"),
      property<&PartitionHealth::tcp>("tcp"),
      property<&PartitionHealth::interval, Time>("interval"),
      property<&PartitionHealth::timeout, Time>("timeout"),
      property<&PartitionHealth::start_period, Time>("startPeriod"),
      property<&PartitionHealth::retries>("retries"),
      property<&PartitionHealth::restarts>("restarts"),
  };
};

template <>
struct Table<PartitionLogs> {
  static constexpr std::array kRows = {
      property<&PartitionLogs::driver>("driver"),
      property<&PartitionLogs::max_size, Bytes>("maxSize"),
      property<&PartitionLogs::max_files>("maxFiles"),
  };
};

template <>
struct Table<PartitionHook> {
  static constexpr std::array kRows = {
      property<&PartitionHook::when>("when", true),
      property<&PartitionHook::path>("path", true),
      property<&PartitionHook::args>("args"),
      property<&PartitionHook::env>("env"),
      property<&PartitionHook::timeout, Time>("timeout"),
  };
};

template <>
struct Table<PartitionAutostart> {
  static constexpr std::array kRows = {
      property<&PartitionAutostart::enabled>("enabled"),
      property<&PartitionAutostart::order>("order"),
      property<&PartitionAutostart::delay, Time>("delay"),
      property<&PartitionAutostart::after>("after"),
  };
};

template <>
struct Table<PartitionSecurity> {
  static constexpr std::array kRows = {
      property<&PartitionSecurity::cap_add>("capAdd"),
      property<&PartitionSecurity::cap_drop>("capDrop"),
      property<&PartitionSecurity::seccomp>("seccomp"),
      property<&PartitionSecurity::userns>("userns"),
      property<&PartitionSecurity::read_only>("readOnly"),
      property<&PartitionSecurity::no_new_privileges>("noNewPrivileges"),
      property<&PartitionSecurity::devices>("devices"),
      property<&PartitionSecurity::ulimits>("ulimits"),
      property<&PartitionSecurity::sysctls>("sysctls"),
  };
};

template <>
struct Table<Partition> {
  static constexpr std::array kRows = {
      property<&Partition::name>("name"),
      property<&Partition::image>("image"),
      property<&Partition::rootfs>("rootfs"),
      property<&Partition::entrypoint>("entrypoint"),
      property<&Partition::command>("command"),
      property<&Partition::env>("env"),
      property<&Partition::user>("user"),
      property<&Partition::workdir>("workdir"),
      property<&Partition::hostname>("hostname"),
      property<&Partition::terminal>("terminal"),
      property<&Partition::stdin_open>("stdinOpen"),
      property<&Partition::init>("init"),
      property<&Partition::limits>("limits"),
      property<&Partition::networks>("networks"),
      property<&Partition::volumes>("volumes"),
      property<&Partition::secrets>("secrets"),
      property<&Partition::security>("security"),
      property<&Partition::restart>("restart"),
      property<&Partition::stop_signal>("stopSignal"),
      property<&Partition::stop_timeout, Time>("stopTimeout"),
      property<&Partition::health>("health"),
      property<&Partition::logs>("logs"),
      property<&Partition::hooks>("hooks"),
      property<&Partition::autostart>("autostart"),
      property<&Partition::labels>("labels"),
  };
};

}  // namespace properties

std::string_view volume_type_name(VolumeType type) {
  constexpr std::string_view kNames[] = {"volume", "bind", "tmpfs"};
  return kNames[static_cast<size_t>(type)];
}

std::string_view restart_policy_name(RestartPolicy policy) {
  constexpr std::string_view kNames[] = {"no", "on-failure", "always", "unless-stopped"};
  return kNames[static_cast<size_t>(policy)];
}

Result<Amount> parse_amount(std::string_view text) {
  if (!text.ends_with('%')) {
    TRY_ASSIGN(uint64_t bytes, parse_size(text));
    return Amount{.value = bytes, .of_host = false};
  }
  // A percentage has two digits behind the point, which is parse_cpus()'s thousandth times ten.
  auto part = parse_cpus(text.substr(0, text.size() - 1));
  if (!part || *part > 100'000)
    return fail(Kind::kInvalid, cat(quote(text), " is no part of the host, as 25%"));
  return Amount{.value = *part / 10, .of_host = true};
}

std::string print_amount(const Amount& amount) {
  if (!amount.of_host) return print_size(amount.value);
  uint64_t rest = amount.value % 100;
  std::string fraction = rest == 0 ? "" : cat('.', rest < 10 ? "0" : "", rest);
  return cat(amount.value / 100, fraction, '%');
}

Result<Partition> load_partition(Json document) {
  Partition out;
  TRY(properties::load(document, out));
  TRY(validate_partition(out));
  return out;
}

Result<Partition> parse_partition(std::string text, std::string_view source) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), source));
  Result<Partition> out = load_partition(document.root());
  if (!out) return Failure(within(quote(source), out.error()));
  return out;
}

std::string print_partition(const Partition& partition) {
  JsonWriter out(JsonWriter::Style::kIndented);
  properties::print(out, partition);
  return out.take() + "\n";
}

}  // namespace shoji
