#pragma once
// Command-line options as constexpr tables whose rows are bound to struct members: `--flag value`, `--flag=value`, `--`
// ends the options.
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace shoji::cli {

// Stores a value in the member that the row is bound to; the error is what is wrong with the value.
using Setter = Result<> (*)(void* target, std::string_view value);

struct Option {
  std::string_view name;  // "bundle"
  char letter = 0;        // 'b', 0: none
  bool takes_value = true;
  Setter set = nullptr;
  std::string_view help;
  std::string_view default_text;  // printed by the help
};

// Whether options may follow positional arguments. exec and ps hand what follows to somebody else.
enum class Order : uint8_t { kMixed, kOptionsFirst };

// kUrfave: urfave/cli's, which is runc's: one dash is as good as two. kPosix: podman's and docker's: letters after one
// dash may be bundled (`-af`), and the last one's value may follow at once (`-oFILE`).
enum class Dialect : uint8_t { kUrfave, kPosix };

struct Parsed {
  std::vector<std::string> arguments;
  bool help = false;  // --help or -h was given; nothing else was looked at
};

Result<Parsed> parse_options(std::span<const Option> options, void* target, std::span<char* const> words,
                             Order order, Dialect dialect = Dialect::kUrfave);

namespace detail {
Result<> store(bool& member, std::string_view value);
Result<> store(std::string& member, std::string_view value);
Result<> store(uint32_t& member, std::string_view value);
Result<> store(std::vector<std::string>& member, std::string_view value);
Result<> store(std::vector<uint32_t>& member, std::string_view value);
// An option of which it matters whether it was given.
template <typename T>
Result<> store(std::optional<T>& member, std::string_view value) {
  return store(member.emplace(), value);
}

template <typename Value>
inline constexpr bool kIsFlag = std::is_same_v<Value, bool> || std::is_same_v<Value, std::optional<bool>>;

template <auto Member>
struct MemberOf;
template <typename Struct, typename Type, Type Struct::* Member>
struct MemberOf<Member> {
  using Owner = Struct;
  using Value = Type;
};

template <auto Member>
Result<> set_member(void* target, std::string_view value) {
  return store(static_cast<MemberOf<Member>::Owner*>(target)->*Member, value);
}
}  // namespace detail

// A row for `Member`; its struct is what parse_options gets as the target. A bool member makes a flag, a vector an
// option that may be repeated.
template <auto Member>
constexpr Option option(std::string_view name, char letter, std::string_view help,
                        std::string_view default_text = {}) {
  using Value = typename detail::MemberOf<Member>::Value;
  return Option{name, letter, !detail::kIsFlag<Value>, &detail::set_member<Member>, help, default_text};
}

// The same for a member that Struct may have from a base.
template <typename Struct, auto Member>
constexpr Option option_of(std::string_view name, char letter, std::string_view help,
                           std::string_view default_text = {}) {
  Option row = option<Member>(name, letter, help, default_text);
  row.set = [](void* target, std::string_view value) -> Result<> {
    return detail::store(static_cast<Struct*>(target)->*Member, value);
  };
  return row;
}

// An option that is understood and changes nothing; `help` says why.
constexpr Option accepted(std::string_view name, std::string_view help) {
  return Option{name, 0, true, [](void*, std::string_view) -> Result<> { return {}; }, help, {}};
}

// One table out of several.
template <size_t... N>
constexpr auto joined(const std::array<Option, N>&... parts) {
  std::array<Option, (N + ... + 0)> rows{};
  size_t at = 0;
  auto append = [&](const auto& part) {
    for (const Option& row : part) rows[at++] = row;
  };
  (append(parts), ...);
  return rows;
}

}  // namespace shoji::cli
