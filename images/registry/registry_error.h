#pragma once
// What a registry says about an error (distribution-spec, "Error codes"), as the end of a sentence.
#include "images/registry/http.h"

namespace shoji::images {

// `GET "URL": 404 MANIFEST_UNKNOWN: manifest unknown`. The registry's words are a stranger's: quoted where they are more
// than a plain phrase, and bounded. 404: kNotFound; 401 and 403: EACCES;
// what the same request would get again: kInvalid.
Error registry_error(std::string_view method, const HttpResponse& response);

}  // namespace shoji::images
