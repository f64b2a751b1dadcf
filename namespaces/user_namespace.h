#pragma once
// User namespaces held by a descriptor alone: for idmapped mounts, whose mount_setattr(2) wants one, and for
// reading the maps of a namespace that is joined by path.
#include <vector>

#include "base/error.h"
#include "base/fd.h"
#include "namespaces/id_map.h"

namespace shoji {

// A user namespace with these maps and no process in it.
Result<UniqueFd> make_user_namespace(const IdMaps& maps);

// The maps of a user namespace, as its own processes see them from the runtime's namespace.
Result<IdMaps> read_user_namespace(int user_namespace);

// Equal maps share one namespace: a container that idmaps thirty volumes needs one helper process, not
// thirty.
class UserNamespaceCache {
 public:
  // The descriptor stays open as long as the cache lives.
  Result<int> get(const IdMaps& maps);

 private:
  struct Entry {
    IdMaps maps;
    UniqueFd fd;
  };
  std::vector<Entry> entries_;
};

}  // namespace shoji
