#pragma once
// Archives by hand, also ones that no writer makes.
#include <string>
#include <string_view>

#include "images/tar/tar_block.h"
#include "images/tar/tar_reader.h"
#include "images/tar/tar_writer.h"

namespace shoji::images {

class StringSink final : public ByteSink {
 public:
  Result<> write(std::span<const char> bytes) override {
    text.append(bytes.data(), bytes.size());
    return {};
  }
  Result<> finish() override { return {}; }
  std::string text;
};

class TarBuilder {
 public:
  // A header as it stands, then `contents`, padded. Fields that are not given are those of a file of root's.
  struct Fields {
    std::string name = {};
    char type = '0';
    std::string contents = {};
    std::string link = {};
    std::string size = {};  // raw; else that of contents
    std::string magic = std::string("ustar\00000", 8);
    std::string mode = "0000644", uid = "0", gid = "0", mtime = "0", major = {}, minor = {}, prefix = {};
  };
  TarBuilder& add(const Fields& fields) {
    std::string block(kTarBlock, '\0');
    auto set = [&](TarField field, std::string_view text) {
      block.replace(field.offset, std::min<size_t>(field.size, text.size()), text.substr(0, field.size));
    };
    set(tar_field::kName, fields.name);
    set(tar_field::kMode, fields.mode);
    set(tar_field::kUid, fields.uid);
    set(tar_field::kGid, fields.gid);
    char octal[13];
    snprintf(octal, sizeof octal, "%011zo", fields.contents.size());
    set(tar_field::kSize, fields.size.empty() ? octal : fields.size);
    set(tar_field::kMtime, fields.mtime);
    set(tar_field::kType, {&fields.type, 1});
    set(tar_field::kLink, fields.link);
    set(tar_field::kMagic, fields.magic);
    set(tar_field::kMajor, fields.major);
    set(tar_field::kMinor, fields.minor);
    set(tar_field::kPrefix, fields.prefix);
    return block_and(block, fields.contents);
  }
  // The checksum is filled in.
  TarBuilder& block_and(std::string block, std::string_view contents) {
    char sum[8];
    snprintf(sum, sizeof sum, "%06o",
             tar_checksum(std::span<const char, kTarBlock>(block.data(), kTarBlock)));
    block.replace(tar_field::kChecksum.offset, 8, std::string(sum, 7) + ' ');
    text_ += block;
    text_ += contents;
    text_.resize((text_.size() + kTarBlock - 1) / kTarBlock * kTarBlock);
    return *this;
  }
  static std::string record(std::string_view key, std::string_view value) {
    size_t length = key.size() + value.size() + 4;
    while (length != key.size() + value.size() + 3 + std::to_string(length).size()) ++length;
    return cat(length, ' ', key, '=', value, '\n');
  }
  TarBuilder& pax(std::string_view records, char type = 'x') {
    return add({.name = "./PaxHeaders/x", .type = type, .contents = std::string(records)});
  }
  TarBuilder& raw(std::string_view bytes) {
    text_ += bytes;
    return *this;
  }
  [[nodiscard]] std::string end() const { return text_ + std::string(2 * kTarBlock, '\0'); }
  [[nodiscard]] const std::string& unfinished() const { return text_; }

 private:
  std::string text_;
};

}  // namespace shoji::images
