#include "runtime/facts_json.h"

#include "base/json.h"

namespace shoji {

namespace {

void write_list(JsonWriter& json, std::string_view name, const std::vector<std::string>& list) {
  json.key(name).begin_array();
  for (const std::string& text : list) json.value(text);
  json.end_array();
}

// Members of the document that must be there; the type is checked by the conversion.
Result<Json> member(const Json& object, std::string_view name, std::string_view file) {
  Json found = object.find(name);
  if (!found.exists()) return fail(Kind::kInvalid, cat(quote(file), ": ", quote(name), " is missing"));
  return found;
}

Result<> read_text(std::string& out, const Json& object, std::string_view name, std::string_view file) {
  TRY_ASSIGN(Json found, member(object, name, file));
  TRY_ASSIGN(out, found.as_string());
  return {};
}

template <typename Number>
Result<> read_number(Number& out, const Json& object, std::string_view name, std::string_view file) {
  TRY_ASSIGN(Json found, member(object, name, file));
  TRY_ASSIGN(uint64_t number, found.as_uint64());
  out = static_cast<Number>(number);
  return {};
}

Result<> read_flag(bool& out, const Json& object, std::string_view name, std::string_view file) {
  TRY_ASSIGN(Json found, member(object, name, file));
  TRY_ASSIGN(out, found.as_bool());
  return {};
}

Result<> read_lists(ContainerFacts& facts, const Json& root, std::string_view file) {
  TRY_ASSIGN(Json cgroups, member(root, "cgroupPaths", file));
  for (Json item = cgroups.first(); item.exists(); item = item.next()) {
    TRY_ASSIGN(std::string_view path, item.as_string());
    facts.cgroup_paths.emplace_back(path);
  }
  TRY_ASSIGN(Json annotations, member(root, "annotations", file));
  for (Json item = annotations.first(); item.exists(); item = item.next()) {
    TRY_ASSIGN(std::string_view value, item.as_string());
    facts.annotations.emplace_back(item.key(), value);
  }
  TRY_ASSIGN(Json steps, member(root, "lateSteps", file));
  for (Json item = steps.first(); item.exists(); item = item.next()) {
    uint32_t index = 0;
    std::string text;
    TRY(read_number(index, item, "step", file));
    TRY(read_text(text, item, "text", file));
    facts.late_steps.emplace_back(index, std::move(text));
  }
  return {};
}

}  // namespace

std::string facts_to_json(const ContainerFacts& facts) {
  JsonWriter json;
  json.begin_object()
      .member("format", kStateFormat)
      .member("id", facts.id)
      .member("bundle", facts.bundle)
      .member("rootfs", facts.rootfs)
      .member("created", facts.created)
      .member("owner", uint64_t{facts.owner})
      .member("pid", static_cast<uint64_t>(facts.pid))
      .member("startTime", facts.start_time)
      .member("ownPidNamespace", facts.own_pid_namespace)
      .member("hasStartContainer", facts.has_start_container)
      .member("hasPoststart", facts.has_poststart)
      .member("hasPoststop", facts.has_poststop);
  write_list(json, "cgroupPaths", facts.cgroup_paths);
  json.key("annotations").begin_object();
  for (const auto& [name, value] : facts.annotations) json.member(name, value);
  json.end_object();
  json.key("lateSteps").begin_array();
  for (const auto& [index, text] : facts.late_steps)
    json.begin_object().member("step", index).member("text", text).end_object();
  json.end_array().end_object();
  return json.take();
}

Result<ContainerFacts> facts_from_json(std::string text, std::string_view file) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), file));
  Json root = document.root();
  uint32_t format = 0;
  TRY(read_number(format, root, "format", file));
  if (format != kStateFormat)
    return fail(Kind::kUnsupported,
                cat(quote(file), ": format ", format, " was written by another version of shoji"));
  ContainerFacts facts;
  TRY(read_text(facts.id, root, "id", file));
  TRY(read_text(facts.bundle, root, "bundle", file));
  TRY(read_text(facts.rootfs, root, "rootfs", file));
  TRY(read_text(facts.created, root, "created", file));
  TRY(read_number(facts.owner, root, "owner", file));
  TRY(read_number(facts.pid, root, "pid", file));
  TRY(read_number(facts.start_time, root, "startTime", file));
  TRY(read_flag(facts.own_pid_namespace, root, "ownPidNamespace", file));
  TRY(read_flag(facts.has_start_container, root, "hasStartContainer", file));
  TRY(read_flag(facts.has_poststart, root, "hasPoststart", file));
  TRY(read_flag(facts.has_poststop, root, "hasPoststop", file));
  TRY(read_lists(facts, root, file));
  return facts;
}

}  // namespace shoji
