#include "base/json.h"

#define JSON_NO_IO 1  // streams would bring libstdc++'s locale set-up into every start
#include <nlohmann/json.hpp>

#include "base/json_text.h"

namespace shoji {
namespace {

constexpr size_t kMaxDepth = 200;
constexpr size_t kMaxText = size_t{1} << 30;

// The place in the source up to which the lexer has read. The iterators share it, so that the builder below
// knows where a string or a container began, which SAX events do not tell.
struct Cursor {
  const char* at;
  const char* end;
};

struct SourceIterator {
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  Cursor* cursor = nullptr;  // null: the end
  reference operator*() const { return *cursor->at; }
  SourceIterator& operator++() {
    ++cursor->at;
    return *this;
  }
  bool operator==(const SourceIterator& other) const {
    const Cursor* mine = cursor != nullptr ? cursor : other.cursor;
    return mine == nullptr || mine->at == mine->end;
  }
};

}  // namespace

// Receives nlohmann's SAX events and fills the arena.
class JsonBuilder {
 public:
  JsonBuilder(Json::Arena& arena, const Cursor& cursor) : arena_(arena), cursor_(cursor) {
    // Documents have a node for every 12 to 20 bytes; a page that is reserved but not touched costs nothing.
    arena_.nodes.reserve(arena_.text.size() / 10 + 16);
    arena_.nodes.emplace_back();
  }

  bool null() { return add(Json::Type::kNull) != 0; }
  bool boolean(bool truth) {
    arena_.nodes[add(Json::Type::kBool)].boolean = truth;
    return true;
  }
  bool number_integer(int64_t number) {
    arena_.nodes[add(Json::Type::kInteger)].integer = number;
    return true;
  }
  bool number_unsigned(uint64_t number) {
    arena_.nodes[add(Json::Type::kUnsigned)].natural = number;
    return true;
  }
  bool number_float(double number, const std::string& /*source*/) {
    arena_.nodes[add(Json::Type::kReal)].real = number;
    return true;
  }
  bool string(const std::string& text) {
    uint32_t index = add(Json::Type::kString);
    arena_.nodes[index].text = keep(text);
    return true;
  }
  bool binary(const std::vector<uint8_t>& /*bytes*/) { return false; }  // JSON text has none
  bool key(const std::string& name) {
    key_ = keep(name);
    return true;
  }
  bool start_object(size_t /*size*/) { return open(Json::Type::kObject); }
  bool start_array(size_t /*size*/) { return open(Json::Type::kArray); }
  bool end_object() { return close(); }
  bool end_array() { return close(); }
  bool parse_error(size_t byte, const std::string& /*token*/, const nlohmann::json::exception& problem) {
    std::string_view words = problem.what();
    // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while parsing value -
    // WORDS"
    size_t cut = words.find(" - ");
    words.remove_prefix(cut != words.npos ? cut + 3 : std::min(words.find("] ") + 2, words.size()));
    return refuse(byte, words);
  }

  std::string error;

 private:
  bool refuse(size_t byte, std::string_view words) {
    error = cat(json_position(arena_.text, byte), where(), ": ", words);
    return false;
  }

  // ` at /process/args/1`, the value that was being read.
  [[nodiscard]] std::string where() const {
    if (open_ == 0) return {};
    Json container(&arena_, open_);
    std::string pointer = container.pointer();
    if (container.is_array()) {
      pointer += cat('/', container.size());
    } else if (key_.size != 0) {
      append_pointer_token(pointer, arena_.view(key_));
    }
    return pointer.empty() ? pointer : cat(" at ", pointer);
  }

  [[nodiscard]] uint32_t offset() const { return static_cast<uint32_t>(cursor_.at - arena_.text.data()); }

  // The closing quote has just been read: without escapes the characters stand right before it.
  Json::Span keep(const std::string& text) {
    auto size = static_cast<uint32_t>(text.size());
    uint32_t end = offset() - 1;
    if (end >= size && memcmp(arena_.text.data() + end - size, text.data(), size) == 0 &&
        arena_.text[end - size - 1] == '"') {
      return {end - size, size};
    }
    auto begin = static_cast<uint32_t>(arena_.text.size() + arena_.unescaped.size());
    arena_.unescaped += text;
    return {begin, size};
  }

  uint32_t add(Json::Type type) {
    auto index = static_cast<uint32_t>(arena_.nodes.size());
    Json::Node& node = arena_.nodes.emplace_back();
    node.type = type;
    node.parent = open_;
    node.key = key_;
    key_ = {};
    if (open_ != 0) {
      if (arena_.nodes[open_].size++ != 0) arena_.nodes[last_].next_sibling = index;
    }
    last_ = index;
    return index;
  }

  bool open(Json::Type type) {
    if (depth_ == kMaxDepth) return refuse(offset(), cat("nested deeper than ", kMaxDepth, " levels"));
    ++depth_;
    uint32_t index = add(type);
    arena_.nodes[index].text.begin = offset() - 1;
    open_ = index;
    return true;
  }

  bool close() {
    Json::Node& node = arena_.nodes[open_];
    node.text.size = offset() - node.text.begin;
    last_ = open_;
    open_ = node.parent;
    --depth_;
    return true;
  }

  Json::Arena& arena_;
  const Cursor& cursor_;
  uint32_t open_ = 0;  // the container being read
  uint32_t last_ = 0;  // its latest complete member
  size_t depth_ = 0;
  Json::Span key_{};
};

Result<JsonDocument> JsonDocument::parse(std::string text, std::string_view name) {
  if (text.size() > kMaxText) {
    return fail(Kind::kInvalid, cat(name, ": longer than ", kMaxText, " bytes"));
  }
  JsonDocument document;
  document.arena_ = std::make_unique<Json::Arena>();
  Json::Arena& arena = *document.arena_;
  arena.text = std::move(text);
  Cursor cursor{arena.text.data(), arena.text.data() + arena.text.size()};
  JsonBuilder builder(arena, cursor);
  if (!nlohmann::json::sax_parse(SourceIterator{&cursor}, SourceIterator{}, &builder)) {
    return fail(Kind::kInvalid, cat(name, ": ", builder.error));
  }
  return document;
}

}  // namespace shoji
