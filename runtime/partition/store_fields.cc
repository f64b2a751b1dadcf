// The forms of the store's own files, a row for each property.
#include "runtime/partition/store_json.h"
#include "spec/partition/property.h"

namespace shoji {

namespace properties {

template <>
struct Table<PartitionRun> {
  static constexpr std::array kRows = {
      property<&PartitionRun::keeper>("keeper"),   property<&PartitionRun::keeper_started>("keeperStarted"),
      property<&PartitionRun::pid>("pid"),         property<&PartitionRun::pid_started>("pidStarted"),
      property<&PartitionRun::started>("started"), property<&PartitionRun::restarts>("restarts"),
      property<&PartitionRun::health>("health"),
  };
};

template <>
struct Table<PartitionExit> {
  static constexpr std::array kRows = {
      property<&PartitionExit::code>("code"),
      property<&PartitionExit::signal>("signal"),
      property<&PartitionExit::out_of_memory>("outOfMemory"),
      property<&PartitionExit::limit>("limit"),
      property<&PartitionExit::reason>("reason"),
      property<&PartitionExit::started>("started"),
      property<&PartitionExit::finished>("finished"),
  };
};

}  // namespace properties

namespace {

template <typename T>
Result<T> parse(std::string text, std::string_view source) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), source));
  T out;
  if (Result<> loaded = properties::load(document.root(), out); !loaded)
    return Failure(within(quote(source), loaded.error()));
  return out;
}

template <typename T>
std::string print(const T& value) {
  JsonWriter out;
  properties::print(out, value);
  return out.take() + "\n";
}

// Newer ones may say what we would have to heed.
Result<> check_format(Json root) {
  TRY_ASSIGN(uint64_t format, root.find("format").as_uint64());
  if (format == kPartitionFormat) return {};
  return fail(Kind::kUnsupported, cat("is of format ", format, ", this shoji knows ", kPartitionFormat));
}

}  // namespace

std::string print_run(const PartitionRun& run) {
  return print(run);
}
Result<PartitionRun> parse_run(std::string text, std::string_view source) {
  return parse<PartitionRun>(std::move(text), source);
}
std::string print_exit(const PartitionExit& exit) {
  return print(exit);
}
Result<PartitionExit> parse_exit(std::string text, std::string_view source) {
  return parse<PartitionExit>(std::move(text), source);
}

std::string print_definition(const PartitionDefinition& definition) {
  JsonWriter out(JsonWriter::Style::kIndented);
  out.begin_object().member("format", kPartitionFormat).member("id", definition.id);
  out.member("created", definition.created).member("image", definition.image);
  out.member("firstId", definition.first_id).member("remove", definition.remove);
  out.member("wanted", definition.wanted);
  out.key("partition").raw(print_partition(definition.document)).end_object();
  return out.take() + "\n";
}

Result<PartitionDefinition> parse_definition(std::string text, std::string_view source) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(text), source));
  Json root = document.root();
  if (Result<> known = check_format(root); !known) return Failure(within(quote(source), known.error()));
  PartitionDefinition out;
  TRY_ASSIGN(std::string_view id, root.find("id").as_string());
  TRY_ASSIGN(std::string_view image, root.find("image").as_string());
  TRY_ASSIGN(out.created, root.find("created").as_int64());
  TRY_ASSIGN(uint64_t first_id, root.find("firstId").as_uint64());
  TRY_ASSIGN(out.remove, root.find("remove").as_bool());
  TRY_ASSIGN(out.wanted, root.find("wanted").as_bool());
  TRY_ASSIGN(out.document, load_partition(root.find("partition")));
  out.id = id;
  out.image = image;
  out.first_id = static_cast<uint32_t>(first_id);
  return out;
}

}  // namespace shoji
