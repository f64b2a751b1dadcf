#include "images/transfer/changes.h"

#include <algorithm>
#include <cctype>

#include "base/json.h"
#include "base/path.h"

namespace shoji::images {
namespace {

std::string_view trim(std::string_view text) {
  while (!text.empty() && isspace(static_cast<unsigned char>(text.front())) != 0) text.remove_prefix(1);
  while (!text.empty() && isspace(static_cast<unsigned char>(text.back())) != 0) text.remove_suffix(1);
  return text;
}

// Words between spaces; quotes and backslashes as a Dockerfile has them.
Result<std::vector<std::string>> split_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  char quoted = 0;
  bool inside = false;
  for (size_t i = 0; i < text.size(); i++) {
    char c = text[i];
    if (quoted == 0 && isspace(static_cast<unsigned char>(c)) != 0) {
      if (inside) words.push_back(std::move(word));
      word.clear();
      inside = false;
      continue;
    }
    inside = true;
    if (c == '\\' && quoted != '\'' && i + 1 < text.size()) {
      word += text[++i];
    } else if (quoted == 0 && (c == '"' || c == '\'')) {
      quoted = c;
    } else if (c == quoted) {
      quoted = 0;
    } else {
      word += c;
    }
  }
  if (quoted != 0) return fail(Kind::kInvalid, cat("a quote is not closed in ", quote(text)));
  if (inside) words.push_back(std::move(word));
  return words;
}

Result<std::vector<std::string>> json_words(std::string_view text) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::string(text), text));
  if (!document.root().is_array()) return document.root().unexpected("an array of strings");
  std::vector<std::string> words;
  for (Json item = document.root().first(); item.exists(); item = item.next()) {
    TRY_ASSIGN(std::string_view word, item.as_string());
    words.emplace_back(word);
  }
  return words;
}

// The exec form (a JSON array), or a command line for the shell.
Result<std::vector<std::string>> command(std::string_view text) {
  if (text.starts_with('[')) return json_words(text);
  return std::vector<std::string>{"/bin/sh", "-c", std::string(text)};
}

Result<std::vector<std::string>> list(std::string_view text) {
  return text.starts_with('[') ? json_words(text) : split_words(text);
}

// "A=b C=d", or the old "A all of the rest".
Result<std::vector<std::pair<std::string, std::string>>> assignments(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> pairs;
  size_t space = text.find_first_of(" \t"), equals = text.find('=');
  if (equals == std::string_view::npos || space < equals) {
    if (space == std::string_view::npos) return fail(Kind::kInvalid, cat(quote(text), " has no value"));
    pairs.emplace_back(text.substr(0, space), trim(text.substr(space)));
    return pairs;
  }
  TRY_ASSIGN(std::vector<std::string> words, split_words(text));
  for (const std::string& word : words) {
    size_t at = word.find('=');
    if (at == 0 || at == std::string::npos)
      return fail(Kind::kInvalid, cat(quote(word), " is not NAME=VALUE"));
    pairs.emplace_back(word.substr(0, at), word.substr(at + 1));
  }
  return pairs;
}

void add_once(std::vector<std::string>& to, const std::string& what) {
  if (std::ranges::find(to, what) == to.end()) to.push_back(what);
}

Result<> change_cmd(ImageConfig& config, std::string_view text) {
  TRY_ASSIGN(config.cmd, command(text));
  return {};
}

// docker forgets the command of the image below, which was meant for another entry point.
Result<> change_entrypoint(ImageConfig& config, std::string_view text) {
  TRY_ASSIGN(config.entrypoint, command(text));
  config.cmd.clear();
  return {};
}

Result<> change_env(ImageConfig& config, std::string_view text) {
  TRY_ASSIGN(auto pairs, assignments(text));
  for (const auto& [name, value] : pairs) {
    std::string prefix = name + "=";
    auto old =
        std::ranges::find_if(config.env, [&](const std::string& entry) { return entry.starts_with(prefix); });
    if (old != config.env.end()) {
      *old = prefix + value;
    } else {
      config.env.push_back(prefix + value);
    }
  }
  return {};
}

Result<> change_label(ImageConfig& config, std::string_view text) {
  TRY_ASSIGN(auto pairs, assignments(text));
  for (auto& [name, value] : pairs) config.labels[name] = value;
  return {};
}

Result<> change_expose(ImageConfig& config, std::string_view text) {
  TRY_ASSIGN(std::vector<std::string> ports, split_words(text));
  for (const std::string& port : ports) {
    std::string_view number = std::string_view(port).substr(0, port.find('/'));
    bool digits = !number.empty() && number.size() <= 5 &&
                  number.find_first_not_of("0123456789") == std::string_view::npos;
    std::string protocol = number.size() == port.size() ? "tcp" : port.substr(number.size() + 1);
    if (!digits || std::stoul(std::string(number)) > 65535 ||
        (protocol != "tcp" && protocol != "udp" && protocol != "sctp")) {
      return fail(Kind::kInvalid, cat(quote(port), " is not PORT[/tcp|udp|sctp]"));
    }
    add_once(config.exposed_ports, cat(number, "/", protocol));
  }
  return {};
}

Result<> change_volume(ImageConfig& config, std::string_view text) {
  TRY_ASSIGN(std::vector<std::string> volumes, list(text));
  for (const std::string& volume : volumes) add_once(config.volumes, volume);
  return {};
}

Result<> change_user(ImageConfig& config, std::string_view text) {
  config.user = text;
  return {};
}

Result<> change_workdir(ImageConfig& config, std::string_view text) {
  config.working_dir = clean_path(join_path(config.working_dir, text));
  return {};
}

Result<> change_stop_signal(ImageConfig& config, std::string_view text) {
  config.stop_signal = text;
  return {};
}

struct Instruction {
  std::string_view word;
  Result<> (*apply)(ImageConfig&, std::string_view);
};
constexpr Instruction kInstructions[] = {
    {"CMD", change_cmd},       {"ENTRYPOINT", change_entrypoint}, {"ENV", change_env},
    {"EXPOSE", change_expose}, {"LABEL", change_label},           {"STOPSIGNAL", change_stop_signal},
    {"USER", change_user},     {"VOLUME", change_volume},         {"WORKDIR", change_workdir},
};

}  // namespace

Result<> apply_change(ImageConfig& config, std::string_view change) {
  std::string_view text = trim(change);
  size_t end = text.find_first_of(" \t");
  std::string word(text.substr(0, end));
  std::ranges::transform(word, word.begin(), [](unsigned char c) { return static_cast<char>(toupper(c)); });
  std::string known;
  for (const Instruction& instruction : kInstructions) {
    known += cat(known.empty() ? "" : ", ", instruction.word);
    if (word != instruction.word) continue;
    std::string_view rest = end == std::string_view::npos ? std::string_view() : trim(text.substr(end));
    if (rest.empty())
      return fail(Kind::kInvalid, cat("change ", quote(change), " says nothing after ", word));
    if (Result<> applied = instruction.apply(config, rest); !applied) {
      return std::unexpected(within(cat("change ", quote(change)), std::move(applied).error()));
    }
    return {};
  }
  return fail(Kind::kInvalid, cat("change ", quote(change), " begins with none of ", known));
}

}  // namespace shoji::images
