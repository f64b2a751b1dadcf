#pragma once
// A document in the user's editor.
#include <string>

#include "base/error.h"

namespace shoji::cli::net {

struct EditedDocument {
  std::string text;
  std::string file;  // where it is, for errors: it stays there, as somebody's work
  // It was understood: the file goes.
  void forget() const;
};
// Starts $VISUAL or $EDITOR on a file NAME.json with this text.
Result<EditedDocument> edit_document(const std::string& name, const std::string& text);

// The document in FILE, or on standard input for "-".
Result<std::string> read_document(const std::string& file);

}  // namespace shoji::cli::net
