#pragma once
// What is behind a Repository.
#include <mutex>

#include "images/registry/registry.h"
#include "images/registry/session.h"

namespace shoji::images {

// What clones share. Clones come and go with each blob; their connections stay for the next one: a TLS handshake costs
// two round trips, and reading the host's authorities 20 ms.
class Shared {
 public:
  explicit Shared(Endpoints all) : endpoints(std::move(all)) {}
  HttpClient take();
  void put_back(HttpClient client);
  const Endpoints endpoints;

 private:
  std::mutex mutex_;
  std::vector<HttpClient> idle_;
};

struct Repository::State {
  State(std::shared_ptr<Shared> all, const Patience& patience)
      : shared(std::move(all)), session(patience, shared->take()) {}
  ~State() { shared->put_back(session.give_up()); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  std::shared_ptr<Shared> shared;
  Session session;

  [[nodiscard]] Endpoint& origin() const { return *shared->endpoints.back(); }
  // Asks the mirrors in turn, then the registry, until `ask` has an answer; the registry's error counts.
  template <typename T>
  Result<T> from_any(const std::function<Result<T>(Endpoint&)>& ask) const {
    for (const std::unique_ptr<Endpoint>& endpoint : shared->endpoints) {
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
