#pragma once
// The effects of unification on one layer's tree.
#include <string>

#include "images/unify/file_look.h"
#include "images/unify/layer_record.h"
#include "images/unify/unify.h"

namespace shoji::images {

class TreeLinks {
 public:
  // `scratch`: a private directory of the store, where replacements are made before they are renamed into the tree.
  static Result<TreeLinks> open(const Store& store, const Digest& diff_id, int scratch);

  [[nodiscard]] int tree() const { return tree_.get(); }
  // The file of unify/files with this key; kNotFound: there is none.
  [[nodiscard]] Result<FileLook> common(const std::string& key) const;

  // Gives every file of the record its common inode, where that is equal, or makes it the common one; then the
  // directories have their times again. `compared`: whoever wrote the record has seen just now that they are equal.
  Result<> link_all(const LayerRecord& record, bool compared, Unified& counts);
  // Gives a file an inode of its own again.
  Result<> separate(const std::string& path);
  Result<> restore_times(const LayerRecord& record);

 private:
  TreeLinks(int scratch, UniqueFd tree, UniqueFd files)
      : scratch_(scratch), tree_(std::move(tree)), files_(std::move(files)) {}
  Result<UniqueFd> directory(const std::string& path) const;
  Result<> link_one(const LayerRecord::File& file, bool compared, Unified& counts);
  Result<bool> is_common(int dir, const std::string& name, const std::string& key) const;
  Result<> replace(int dir, const std::string& name, const std::string& path) const;
  int scratch_;
  UniqueFd tree_, files_;
};

std::string parent_path(const std::string& path);  // "" of a member of the root

}  // namespace shoji::images
