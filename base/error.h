#pragma once
// Errors are sentences: the object, the operation, the quoted arguments and the cause, without a trailing full
// stop. They travel as values and are printed once, by cli/.
#include <concepts>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace shoji {

// What went wrong, as far as a caller may want to branch on it. Exit codes and log levels follow from it.
enum class Kind : uint8_t {
  kSystem,       // a system call was refused; Error::err is the errno
  kInvalid,      // the input (config, argument) is wrong
  kUnsupported,  // understood, but this build or this host cannot do it
  kNotFound,     // the named container, file or object does not exist
  kExists,       // the name is taken
  kState,        // the object is in a state that does not allow this
};

struct Error {
  Kind kind = Kind::kSystem;
  int err = 0;  // errno, 0 when no system call is behind it
  std::string text;
};

template <typename T = void>
using Result = std::expected<T, Error>;
using Failure = std::unexpected<Error>;

// Joins its arguments (strings, characters, integers) into one string.
namespace detail {
inline void append(std::string& out, std::string_view piece) {
  out += piece;
}
inline void append(std::string& out, char piece) {
  out += piece;
}
template <std::integral T>
  requires(!std::same_as<T, char>)
void append(std::string& out, T piece) {
  if constexpr (std::same_as<T, bool>) {
    out += piece ? "true" : "false";
  } else {
    out += std::to_string(piece);
  }
}
}  // namespace detail

template <typename... Pieces>
std::string cat(const Pieces&... pieces) {
  std::string out;
  (detail::append(out, pieces), ...);
  return out;
}

// The text in double quotes, with control characters, quotes and backslashes escaped, so that a path in a message
// cannot be mistaken for the message.
std::string quote(std::string_view text);

// The kernel's words for an errno, without a trailing newline ("Operation not permitted").
std::string_view errno_text(int err);

[[nodiscard]] Failure fail(Kind kind, std::string text);
// `text: <words for err>`; the kind follows from err (ENOENT: kNotFound, EEXIST: kExists, others kSystem).
[[nodiscard]] Failure fail_errno(int err, std::string_view text);
// The same error with `prefix: ` before its text.
[[nodiscard]] Error within(std::string_view prefix, Error error);

// Drops a result on purpose. `why` is for the reader.
template <typename T>
void ignore(const Result<T>& /*result*/, const char* /*why*/) {}

}  // namespace shoji

#define SHOJI_CONCAT_(a, b) a##b
#define SHOJI_CONCAT(a, b) SHOJI_CONCAT_(a, b)

// TRY(expr): returns the error of a Result<void> expression from the enclosing function.
#define TRY(...)                                                               \
  do {                                                                         \
    if (auto shoji_try_result = (__VA_ARGS__); !shoji_try_result) [[unlikely]] \
      return ::std::unexpected(::std::move(shoji_try_result).error());         \
  } while (0)

// TRY_ASSIGN(auto fd, expr): declares or assigns from a Result<T> expression, or returns its error.
#define TRY_ASSIGN(target, ...)                                                        \
  auto SHOJI_CONCAT(shoji_try_, __LINE__) = (__VA_ARGS__);                             \
  if (!SHOJI_CONCAT(shoji_try_, __LINE__)) [[unlikely]]                                \
    return ::std::unexpected(::std::move(SHOJI_CONCAT(shoji_try_, __LINE__)).error()); \
  target = ::std::move(*SHOJI_CONCAT(shoji_try_, __LINE__))
