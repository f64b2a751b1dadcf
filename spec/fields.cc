#include "spec/fields.h"

#include "spec/field_sections.h"

namespace shoji {

using namespace field_table;

Result<> read(Json value, Root& out) {
  static constexpr Row kRows[] = {
      field<&Root::path>("path", kRequired),
      field<&Root::readonly>("readonly"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, Mount& out) {
  static constexpr Row kRows[] = {
      field<&Mount::destination>("destination", kRequired),
      field<&Mount::type>("type"),
      field<&Mount::source>("source"),
      field<&Mount::options>("options"),
      field<&Mount::uid_mappings>("uidMappings"),
      field<&Mount::gid_mappings>("gidMappings"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

Result<> read(Json value, Hook& out) {
  static constexpr Row kRows[] = {
      field<&Hook::path>("path", kRequired),
      field<&Hook::args>("args"),
      field<&Hook::env>("env"),
      field<&Hook::timeout>("timeout"),
  };
  out = {};
  return load_object(value, kRows, &out);
}

std::span<const Row> hook_rows() {
  static constexpr Row kRows[] = {
      field<&Hooks::prestart>("prestart"),
      field<&Hooks::create_runtime>("createRuntime"),
      field<&Hooks::create_container>("createContainer"),
      field<&Hooks::start_container>("startContainer"),
      field<&Hooks::poststart>("poststart"),
      field<&Hooks::poststop>("poststop"),
  };
  return kRows;
}

Result<> read(Json value, Hooks& out) {
  out = {};
  return load_object(value, hook_rows(), &out);
}

namespace {

Result<> read(Json value, Spec& out) {
  static constexpr std::string_view kOtherPlatform =
      "a section for another platform than Linux is not supported";
  static constexpr Row kRows[] = {
      field<&Spec::oci_version>("ociVersion", kRequired),
      field<&Spec::root>("root"),
      field<&Spec::mounts>("mounts"),
      field<&Spec::process>("process"),
      field<&Spec::hostname>("hostname"),
      field<&Spec::domainname>("domainname"),
      field<&Spec::hooks>("hooks"),
      field<&Spec::annotations>("annotations"),
      field<&Spec::linux>("linux"),
      refused("windows", kOtherPlatform),
      refused("solaris", kOtherPlatform),
      refused("vm", kOtherPlatform),
      refused("zos", kOtherPlatform),
      refused("freebsd", kOtherPlatform),
  };
  return load_object(value, kRows, &out);
}

template <typename T>
Result<T> load(const JsonDocument& document) {
  T out;
  TRY(read(document.root(), out));
  return out;
}

}  // namespace

Result<Spec> load_spec(const JsonDocument& document) {
  return load<Spec>(document);
}
Result<Process> load_process(const JsonDocument& document) {
  return load<Process>(document);
}
Result<Resources> load_resources(const JsonDocument& document) {
  return load<Resources>(document);
}

}  // namespace shoji
