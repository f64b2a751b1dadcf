#include "netsetup/host/work.h"

#include "base/json.h"

namespace shoji::net {

namespace {

Result<> parse_header(Json root, Work& out) {
  Json networks = root.find("networks");
  for (Json item = networks.first(); item.exists(); item = item.next()) {
    TRY_ASSIGN(std::string_view name, item.as_string());
    out.networks.emplace_back(name);
  }
  TRY_ASSIGN(out.pin, root.find("pin").as_bool());
  TRY_ASSIGN(out.firewall_is_clean, root.find("firewallIsClean").as_bool());
  return {};
}

}  // namespace

std::string print_work_header(const Work& work) {
  JsonWriter out;
  out.begin_object().key("networks").begin_array();
  for (const std::string& network : work.networks) out.value(network);
  out.end_array().member("pin", work.pin).member("firewallIsClean", work.firewall_is_clean).end_object();
  return out.take() + "\n";
}

Result<Work> parse_work(const std::string& partition, std::string_view text) {
  Work out{.partition = partition, .networks = {}, .attachments = {}};
  std::string source = cat("what is pending of ", quote(partition));
  for (size_t end = 0; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1)) {
    std::string line(text.substr(0, end));
    if (line.starts_with("{\"networks\"")) {
      TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::move(line), source));
      TRY(parse_header(document.root(), out));
    } else {
      TRY_ASSIGN(Attachment attachment, parse_attachment(std::move(line), source));
      out.attachments.push_back(std::move(attachment));
    }
  }
  return out;
}

}  // namespace shoji::net
