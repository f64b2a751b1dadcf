#include "images/unify/layer_record.h"

#include <cstdlib>

#include "base/io.h"
#include "images/store/durable.h"

namespace shoji::images {

namespace {

// Fields and records end with NUL, which no path has:
//   "D" seconds nanoseconds path | "F" key path | "complete"
std::string name_of(const Digest& diff_id) {
  return cat("layers/", diff_id.file_name(), "/unified");
}

class Fields {
 public:
  explicit Fields(std::string_view text) : rest_(text) {}
  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] bool torn() const { return torn_; }
  std::string next() {
    size_t end = rest_.find('\0');
    torn_ = torn_ || end == std::string_view::npos;
    std::string out(rest_.substr(0, end));
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    return out;
  }

 private:
  std::string_view rest_;
  bool torn_ = false;
};

}  // namespace

Result<LayerRecord> read_record(const Store& store, const Digest& diff_id) {
  TRY_ASSIGN(std::string text, read_file_at(store.dir(), name_of(diff_id)));
  LayerRecord out;
  Fields fields(text);
  while (!fields.at_end()) {
    std::string kind = fields.next();
    if (kind == "D") {
      auto& directory = out.directories.emplace_back();
      directory.mtime = strtoll(fields.next().c_str(), nullptr, 10);
      directory.mtime_ns = static_cast<uint32_t>(strtoul(fields.next().c_str(), nullptr, 10));
      directory.path = fields.next();
    } else if (kind == "F") {
      auto& file = out.files.emplace_back();
      file.key = fields.next();
      file.path = fields.next();
    } else {
      out.complete = kind == "complete";
      if (!out.complete || !fields.at_end()) break;
    }
  }
  if (fields.torn() || !fields.at_end())
    return fail(Kind::kInvalid, cat("file ", quote(name_of(diff_id)), " is not what unification writes"));
  return out;
}

Result<> write_record(const Store& store, const Digest& diff_id, const LayerRecord& record) {
  std::string text;
  auto field = [&](std::string_view value) {
    text += value;
    text += '\0';
  };
  for (const auto& directory : record.directories) {
    field("D");
    field(std::to_string(directory.mtime));
    field(std::to_string(directory.mtime_ns));
    field(directory.path);
  }
  for (const auto& file : record.files) {
    field("F");
    field(file.key);
    field(file.path);
  }
  if (record.complete) field("complete");
  return write_durably(store, name_of(diff_id), text);
}

}  // namespace shoji::images
