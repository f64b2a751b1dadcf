#include "cli/operator/service_verbs.h"

#include "base/quantity.h"

namespace shoji::cli::op {

namespace {

Field name_of(const ServiceRow& row) {
  return {row.name};
}
Field port_of(const ServiceRow& row) {
  return {row.port};
}
Field spread_of(const ServiceRow& row) {
  return {row.spread};
}
Field members_of(const ServiceRow& row) {
  return {row.members};
}
Field healthy_of(const ServiceRow& row) {
  return {row.healthy};
}
Field connections_of(const ServiceRow& row) {
  return {row.connections};
}
constexpr Column kServiceColumns[] = {
    column<name_of>("name", "of the service"),
    column<port_of>("port", "of the host, with its address where it has one"),
    column<spread_of>("spread", "round-robin or source-hash"),
    right_column<members_of>("members", "how many it has"),
    right_column<healthy_of>("healthy", "how many of them take new connections"),
    right_column<connections_of>("connections", "that are open now"),
};

}  // namespace

std::span<const Column> service_columns() {
  return kServiceColumns;
}

Result<> ServiceCreateOptions::check(const Arguments& arguments) const {
  if (engine != "nftables" && engine != "ipvs")
    return fail(Kind::kInvalid, cat("--engine ", quote(engine), " is neither nftables nor ipvs"));
  if (!file.empty() && !arguments.empty())
    return fail(Kind::kInvalid, "--file has name, port and members: there are no arguments beside it");
  if (file.empty() && arguments.size() < 2)
    return fail(Kind::kInvalid, "expected a name and a port, or --file");
  return {};
}

Result<> ServiceLsOptions::check(const Arguments& /*arguments*/) const {
  return check_list(kServiceColumns);
}

Result<> ServiceInspectOptions::check(const Arguments& arguments) const {
  if (format != "json" && format != "document")
    return fail(Kind::kInvalid, cat("--format ", quote(format), " is neither json nor document"));
  if (format == "document" && arguments.size() > 1)
    return fail(Kind::kInvalid, "a document is of one service");
  return {};
}

Result<> ServiceEditOptions::check(const Arguments& /*arguments*/) const {
  if (!file.empty() && !(spread.empty() && port.empty()))
    return fail(Kind::kInvalid, "--file has port and spread: they are no options beside it");
  return {};
}

Result<> ServiceDrainOptions::check(const Arguments& /*arguments*/) const {
  if (Result<uint64_t> parsed = parse_duration(wait); !parsed)
    return Failure(within("--wait", parsed.error()));
  return {};
}

Result<> ServiceHealthOptions::check(const Arguments& arguments) {
  if (arguments[1] == "up" || arguments[1] == "down") return {};
  return fail(Kind::kInvalid, cat(quote(arguments[1]), " is neither up nor down"));
}

}  // namespace shoji::cli::op
