#include <algorithm>

#include "base/io.h"
#include "base/json.h"
#include "images/trust/policy.h"

namespace shoji::images {

namespace {

constexpr size_t kPolicyLimit = 1 << 20;

Failure refuse(Json value, std::string_view why) {
  return fail(Kind::kInvalid, cat(value.pointer(), ": ", why));
}

struct RequirementRow {
  std::string_view name;
  bool PolicyRule::* member;
};
constexpr RequirementRow kRequirements[] = {
    {"digest", &PolicyRule::digest}, {"signature", &PolicyRule::signature}, {"never", &PolicyRule::never}};

Result<> read_requirements(Json list, PolicyRule& rule) {
  if (!list.is_array()) return list.unexpected("an array of strings");
  for (Json member = list.first(); member.exists(); member = member.next()) {
    TRY_ASSIGN(std::string_view name, member.as_string());
    const auto* row = std::ranges::find(kRequirements, name, &RequirementRow::name);
    if (row == std::end(kRequirements))
      return refuse(member, cat(quote(name), " is none of digest, signature, never"));
    rule.*row->member = true;
  }
  return {};
}

Result<> read_keys(Json list, PolicyRule& rule) {
  if (!list.is_array()) return list.unexpected("an array of strings");
  for (Json member = list.first(); member.exists(); member = member.next()) {
    TRY_ASSIGN(std::string_view path, member.as_string());
    if (!path.starts_with('/')) return refuse(member, cat(quote(path), " is not an absolute path"));
    rule.keys.emplace_back(path);
  }
  return {};
}

Result<PolicyRule> read_rule(Json object) {
  PolicyRule rule;
  rule.prefix = object.key();
  if (!object.is_object()) return object.unexpected("an object");
  if (!object.find("require").exists()) return refuse(object, "needs \"require\"");
  for (Json member = object.first(); member.exists(); member = member.next()) {
    if (member.key() == "require") {
      TRY(read_requirements(member, rule));
    } else if (member.key() == "keys") {
      TRY(read_keys(member, rule));
    } else {
      return refuse(member, "unknown key");
    }
  }
  // Either without the other would promise what nobody checks.
  if (rule.signature != !rule.keys.empty())
    return refuse(object, rule.signature ? "requires a signature, but has no keys"
                                         : "has keys, but requires no signature");
  return rule;
}

// "registry.example/team" is a prefix of registry.example/team/app, not of registry.example/team2.
bool is_prefix(std::string_view prefix, std::string_view name) {
  return name.starts_with(prefix) && (name.size() == prefix.size() || name[prefix.size()] == '/');
}

Result<> read_default(Json value, PolicyRule& rule) {
  TRY_ASSIGN(std::string_view text, value.as_string());
  if (text != "accept" && text != "never")
    return refuse(value, cat(quote(text), " is neither accept nor never"));
  rule.never = text == "never";
  return {};
}

// Every rule is read, also those for others: a mistake shows at once.
Result<PolicyRule> find_rule(Json root, std::string_view name) {
  PolicyRule best, fallback;
  if (!root.is_object()) return root.unexpected("an object");
  for (Json member = root.first(); member.exists(); member = member.next()) {
    if (member.key() == "default") {
      TRY(read_default(member, fallback));
    } else if (member.key() == "rules") {
      if (!member.is_object()) return member.unexpected("an object");
      for (Json entry = member.first(); entry.exists(); entry = entry.next()) {
        TRY_ASSIGN(PolicyRule rule, read_rule(entry));
        if (rule.prefix.empty() || rule.prefix.ends_with('/')) return refuse(entry, "is not REGISTRY[/PATH]");
        if (is_prefix(rule.prefix, name) && rule.prefix.size() >= best.prefix.size()) best = std::move(rule);
      }
    } else {
      return refuse(member, "unknown key");
    }
  }
  return best.prefix.empty() ? fallback : best;
}

}  // namespace

Result<PolicyRule> policy_for(const ImagesConfig& config, const Reference& name) {
  if (config.policy.empty()) return PolicyRule{};
  std::string title = cat("trust policy ", quote(config.policy));
  // A policy that is configured and not there accepts nothing.
  Result<std::string> text = read_file(config.policy, kPolicyLimit);
  if (!text) return std::unexpected(within("trust policy", text.error()));
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(*text), title));
  Result<PolicyRule> rule = find_rule(document.root(), name.name());
  if (!rule) return std::unexpected(within(title, rule.error()));
  return rule;
}

}  // namespace shoji::images
