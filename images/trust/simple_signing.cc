#include "images/trust/simple_signing.h"

#include "base/json.h"

namespace shoji::images {

namespace {

constexpr std::string_view kType = "cosign container image signature";
constexpr std::string_view kOtherType = "atomic container signature";  // of podman and skopeo

// What is signed for Docker Hub has the host's older name.
std::string identity_of(std::string_view text) {
  constexpr std::string_view kOld = "index.docker.io/";
  return text.starts_with(kOld) ? cat("docker.io/", text.substr(kOld.size())) : std::string(text);
}

Result<std::string_view> text_at(Json object, std::string_view outer, std::string_view inner) {
  Json value = object.is_object() ? object.find(outer) : Json();
  if (!inner.empty()) value = value.is_object() ? value.find(inner) : Json();
  if (!value.is_string())
    return fail(Kind::kInvalid, cat("the payload has no critical.", outer, inner.empty() ? "" : ".", inner));
  return value.as_string();
}

}  // namespace

Result<std::string> signature_tag(const Digest& manifest) {
  std::string tag = manifest.file_name() + ".sig";
  if (tag.size() > 128)
    return fail(Kind::kUnsupported,
                cat("image ", manifest.text(), ": signatures have a place for sha256 digests only"));
  return tag;
}

std::string print_payload(const Reference& name, const Digest& manifest) {
  JsonWriter json;
  json.begin_object().key("critical").begin_object();
  json.key("identity").begin_object().member("docker-reference", std::string_view(name.name())).end_object();
  json.key("image")
      .begin_object()
      .member("docker-manifest-digest", std::string_view(manifest.text()))
      .end_object();
  json.member("type", kType).end_object();
  json.key("optional").null().end_object();
  return json.take();
}

Result<> check_payload(std::string_view payload, const Reference& name, const Digest& manifest) {
  TRY_ASSIGN(JsonDocument document, JsonDocument::parse(std::string(payload), "signed payload"));
  Json root = document.root();
  Json critical = root.is_object() ? root.find("critical") : Json();
  TRY_ASSIGN(std::string_view type, text_at(critical, "type", ""));
  if (type != kType && type != kOtherType)
    return fail(Kind::kInvalid,
                cat("the payload's type ", quote(type.substr(0, 100)), " is not a signature's"));
  TRY_ASSIGN(std::string_view digest, text_at(critical, "image", "docker-manifest-digest"));
  if (digest != manifest.text())
    return fail(Kind::kInvalid, cat("the signature is for ", quote(digest.substr(0, 200))));
  TRY_ASSIGN(std::string_view reference, text_at(critical, "identity", "docker-reference"));
  std::string identity = identity_of(reference), plain = identity_of(name.name());
  bool same = identity == plain || (!name.tag.empty() && identity == cat(plain, ':', name.tag)) ||
              identity == cat(plain, '@', manifest.text());
  if (!same)
    return fail(Kind::kInvalid, cat("the signature is for the name ", quote(reference.substr(0, 300))));
  return {};
}

}  // namespace shoji::images
