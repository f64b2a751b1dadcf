#pragma once
// What is behind a Repository.
#include "images/registry/registry.h"
#include "images/registry/session.h"

namespace shoji::images {

struct Repository::State {
  std::shared_ptr<Endpoints> endpoints;  // shared by clones
  Session session;

  [[nodiscard]] Endpoint& origin() const { return *endpoints->back(); }
  // Asks the mirrors in turn, then the registry, until `ask` has an answer; the registry's error counts.
  template <typename T>
  Result<T> from_any(const std::function<Result<T>(Endpoint&)>& ask) const {
    for (const std::unique_ptr<Endpoint>& endpoint : *endpoints) {
      if (!endpoint->mirror) break;
      if (endpoint->down) continue;
      Result<T> answer = ask(*endpoint);
      if (answer) return answer;
    }
    return ask(origin());
  }
};

// "/v2/NAME/KIND/ITEM".
std::string target_of(const Endpoint& endpoint, std::string_view kind, std::string_view item);
// The answer, or the error of a status that is not one of 2xx.
Result<HttpResponse> expect_success(const Call& call, HttpOutcome outcome);

}  // namespace shoji::images
