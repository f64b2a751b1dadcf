#include "spec/state_doc.h"

namespace shoji {
namespace {

void write_annotations(JsonWriter& writer, const StateDocument& state) {
  if (state.annotations == nullptr || state.annotations->empty()) return;
  writer.key("annotations").begin_object();
  for (const auto& [key, value] : *state.annotations) writer.member(key, std::string_view(value));
  writer.end_object();
}

}  // namespace

void write_state(JsonWriter& writer, const StateDocument& state) {
  writer.begin_object();
  writer.member("ociVersion", state.oci_version);
  writer.member("id", state.id);
  writer.member("pid", static_cast<int64_t>(state.pid));
  writer.member("status", state.status);
  writer.member("bundle", state.bundle);
  writer.member("rootfs", state.rootfs);
  writer.member("created", state.created);
  write_annotations(writer, state);
  writer.member("owner", state.owner);
  writer.end_object();
}

std::string print_state(const StateDocument& state) {
  JsonWriter writer(JsonWriter::Style::kIndented);
  write_state(writer, state);
  return writer.take();
}

std::string print_hook_state(const StateDocument& state) {
  JsonWriter writer;
  writer.begin_object();
  writer.member("ociVersion", state.oci_version);
  writer.member("id", state.id);
  writer.member("status", state.status);
  if (state.pid != 0) writer.member("pid", static_cast<int64_t>(state.pid));
  writer.member("bundle", state.bundle);
  write_annotations(writer, state);
  writer.end_object();
  return writer.take();
}

}  // namespace shoji
