#include "bench/load/client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <cerrno>
#include <ctime>
#include <memory>

#include "bench/load/connection.h"

namespace shoji::load {

namespace {

constexpr uint64_t kSecond = 1'000'000'000;
constexpr uint64_t kSweepEvery = 20'000'000;
constexpr int kEventsPerTurn = 256;
constexpr int kPlannedPerTurn = 256;  // then answers are read, so that a burst does not make them look late

uint64_t monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * kSecond + static_cast<uint64_t>(now.tv_nsec);
}

using State = Connection::State;

FailureKind kind_of(int err) {
  switch (err) {
    case ECONNREFUSED:
      return FailureKind::kRefused;
    case ECONNRESET:
    case EPIPE:
    case ECONNABORTED:
      return FailureKind::kReset;
    case ETIMEDOUT:
      return FailureKind::kTimeout;
    case EADDRNOTAVAIL:
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
      return FailureKind::kLocal;
    default:
      return FailureKind::kUnreachable;
  }
}

class Client {
 public:
  Client(const Settings& settings, const volatile std::sig_atomic_t* stop);
  Result<Report> run();

 private:
  [[nodiscard]] uint64_t elapsed() const { return monotonic() - report_.started; }
  StreamReport& stream_of(const Connection& c) { return c.kept ? report_.kept : report_.fresh; }
  [[nodiscard]] const std::string& request_of(const Connection& c) const {
    return c.kept ? kept_request_ : fresh_request_;
  }

  // The plan.
  [[nodiscard]] bool may_plan(const Timetable& table) const;
  [[nodiscard]] uint64_t next_due() const;
  void plan_due(uint64_t now);
  void plan_fresh(uint64_t due);
  void plan_kept(uint64_t number);

  // One connection.
  Connection& free_connection();
  void open(Connection& c);
  void send_request(Connection& c);
  void receive(Connection& c, bool closing);
  void at_end(Connection& c, int err);
  void complete(Connection& c, bool closing);
  void fail(Connection& c, FailureKind kind, std::string text);
  void close(Connection& c);
  // Begins the next owed request, if there is one and it can be begun.
  void advance(Connection& c);
  void handle(Connection& c, uint32_t events);
  void sweep(uint64_t now);
  Result<> wait(uint64_t now);

  const Settings& settings_;
  const volatile std::sig_atomic_t* stop_;
  std::string fresh_request_, kept_request_;
  UniqueFd epoll_;
  Report report_;
  Timetable fresh_, kept_;
  bool planning_ = true;
  uint64_t planned_ = 0, finished_ = 0;
  uint64_t next_sweep_ = 0;
  uint32_t open_ = 0;
  std::vector<std::unique_ptr<Connection>> connections_;  // the kept ones come first
  std::vector<uint32_t> free_;
};

Client::Client(const Settings& settings, const volatile std::sig_atomic_t* stop)
    : settings_(settings), stop_(stop) {
  std::string head = cat("GET ", settings.path, " HTTP/1.1\r\nHost: ", settings.host,
                         "\r\nUser-Agent: bench-load\r\nAccept: */*\r\n", settings.headers);
  fresh_request_ = head + "Connection: close\r\n\r\n";
  kept_request_ = head + "\r\n";
  if (settings.new_rate > 0) fresh_.interval = static_cast<double>(kSecond) / settings.new_rate;
  if (settings.connections > 0 && settings.rate > 0)
    kept_.interval = static_cast<double>(kSecond) / (settings.rate * settings.connections);
  for (uint32_t i = 0; i < settings.connections; ++i) {
    Connection& c = free_connection();
    c.kept = true;
    c.number = i;
  }
}

bool Client::may_plan(const Timetable& table) const {
  return planning_ && table.interval > 0 && table.time_of(table.next) < settings_.duration;
}

uint64_t Client::next_due() const {
  uint64_t next = UINT64_MAX;
  for (const Timetable* table : {&fresh_, &kept_})
    if (may_plan(*table)) next = std::min(next, table->time_of(table->next));
  return next;
}

void Client::plan_due(uint64_t now) {
  for (int i = 0; i < kPlannedPerTurn; ++i) {
    uint64_t due = next_due();
    if (due > now) return;
    if (planned_ == settings_.requests || *stop_ != 0) {
      planning_ = false;
      return;
    }
    ++planned_;
    report_.lag.add(elapsed() - due);
    if (may_plan(fresh_) && fresh_.time_of(fresh_.next) == due) {
      ++fresh_.next;
      plan_fresh(due);
    } else {
      plan_kept(kept_.next++);
    }
  }
}

void Client::plan_fresh(uint64_t due) {
  ++report_.fresh.planned;
  Connection& c = free_connection();
  c.due = due;
  c.retried = false;
  open(c);
}

// The requests of all kept connections are evenly spread; each connection has every n-th.
void Client::plan_kept(uint64_t number) {
  ++report_.kept.planned;
  Connection& c = *connections_[number % settings_.connections];
  ++c.owed;
  advance(c);
}

Connection& Client::free_connection() {
  if (free_.empty()) {
    auto slot = static_cast<uint32_t>(connections_.size());
    connections_.push_back(std::make_unique<Connection>());
    connections_.back()->slot = slot;
    return *connections_.back();
  }
  Connection& c = *connections_[free_.back()];
  free_.pop_back();
  return c;
}

void Client::open(Connection& c) {
  ++report_.connections;
  c.served = 0;
  c.state = State::kConnecting;
  if (open_ >= settings_.max_open)
    return fail(c, FailureKind::kLocal, cat(open_, " connections are open already"));
  c.fd.reset(socket(settings_.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!c.fd) return fail(c, kind_of(errno), cat("socket: ", errno_text(errno)));
  ++open_;
  int one = 1;
  setsockopt(c.fd.get(), IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  const auto* address = reinterpret_cast<const sockaddr*>(&settings_.address);
  if (connect(c.fd.get(), address, settings_.address_size) != 0 && errno != EINPROGRESS)
    return fail(c, kind_of(errno), cat("connect: ", errno_text(errno)));
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  event.data.u64 = (static_cast<uint64_t>(++c.generation) << 32U) | c.slot;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, c.fd.get(), &event) != 0)
    fail(c, FailureKind::kLocal, cat("epoll_ctl: ", errno_text(errno)));
}

void Client::close(Connection& c) {
  if (c.fd) {
    c.fd.reset();
    ++c.generation;
    --open_;
  }
  c.state = State::kClosed;
  if (!c.kept) free_.push_back(c.slot);
}

void Client::fail(Connection& c, FailureKind kind, std::string text) {
  uint64_t now = elapsed();
  ++stream_of(c).failed;
  ++report_.failures[static_cast<size_t>(kind)];
  ++finished_;
  if (report_.failed() == 1) report_.first_failure = now;
  report_.last_failure = now;
  if (report_.examples.size() < settings_.examples)
    report_.examples.push_back(
        {.kind = kind, .at = now, .due = c.due, .kept = c.kept, .text = std::move(text)});
  close(c);
}

void Client::send_request(Connection& c) {
  const std::string& request = request_of(c);
  while (c.sent < request.size()) {
    ssize_t n = send(c.fd.get(), request.data() + c.sent, request.size() - c.sent, MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n < 0) return at_end(c, errno);
    c.sent += static_cast<size_t>(n);
  }
}

// The connection ended while a request was under way; `err` is 0 when the server closed it in order.
void Client::at_end(Connection& c, int err) {
  if (err == 0 && c.response.close() == Response::Progress::kDone) return complete(c, true);
  if (!c.response.begun() && c.kept && c.served > 0 && !c.retried) {
    // RFC 9112, 9.3.1: the close of an idle connection crossed the request, and GET may be sent again. Once.
    ++report_.reopened;
    c.retried = true;
    close(c);
    return open(c);
  }
  if (err != 0) return fail(c, kind_of(err), std::string(errno_text(err)));
  if (!c.response.begun()) return fail(c, FailureKind::kClosed, "closed before the first byte of an answer");
  fail(c, FailureKind::kShort,
       c.response.has_head() ? cat("closed after ", c.response.body_bytes(), " bytes of the body, ",
                                   c.response.missing(), " are missing")
                             : "closed within the header");
}

void Client::receive(Connection& c, bool closing) {
  static char buffer[65536];
  while (c.state == State::kAwaiting) {
    ssize_t n = recv(c.fd.get(), buffer, sizeof buffer, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) return at_end(c, n < 0 ? errno : 0);
    Response::Progress progress = c.response.feed({buffer, static_cast<size_t>(n)});
    if (progress == Response::Progress::kDone) return complete(c, closing);
    if (progress == Response::Progress::kMalformed)
      return fail(c, FailureKind::kMalformed, "not an HTTP response");
    // Less than asked for was all there is: what comes later is another event.
    if (static_cast<size_t>(n) < sizeof buffer && !closing) return;
  }
}

void Client::complete(Connection& c, bool closing) {
  int status = c.response.status();
  bool expected = settings_.status == 0 ? status / 100 == 2 : status == settings_.status;
  if (!expected) return fail(c, FailureKind::kStatus, cat("status ", status));
  uint64_t now = elapsed();
  StreamReport& stream = stream_of(c);
  ++stream.answered;
  ++finished_;
  ++c.served;
  report_.body_bytes += c.response.body_bytes();
  if (c.due >= settings_.warmup) stream.latency.add(now - c.due);
  if (!settings_.tally.empty()) ++report_.tally[std::string(c.response.field(settings_.tally))];
  bool ends = closing || !c.response.stays_open();
  if (c.kept && ends) ++report_.reconnected;
  if (c.kept ? ends : closing) return close(c);
  c.state = c.kept ? State::kIdle : State::kParted;
}

void Client::advance(Connection& c) {
  while (c.owed > 0 && (c.state == State::kIdle || c.state == State::kClosed)) {
    --c.owed;
    c.due = kept_.time_of(c.number);
    c.number += settings_.connections;
    c.retried = false;
    if (c.due + settings_.timeout <= elapsed()) {
      fail(c, FailureKind::kTimeout, "never sent: the requests before it took all the time");
    } else if (c.state == State::kClosed) {
      open(c);
    } else {
      c.state = State::kAwaiting;
      c.sent = 0;
      c.response.reset();
      send_request(c);
    }
  }
}

void Client::handle(Connection& c, uint32_t events) {
  bool closing = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  if (c.state == State::kConnecting) {
    int err = 0;
    socklen_t size = sizeof err;
    getsockopt(c.fd.get(), SOL_SOCKET, SO_ERROR, &err, &size);
    if (err != 0) {
      fail(c, kind_of(err), cat("connect: ", errno_text(err)));
    } else if ((events & EPOLLOUT) != 0) {
      c.state = State::kAwaiting;
      c.sent = 0;
      c.response.reset();
      send_request(c);
    }
  } else if (c.state == State::kAwaiting && (events & EPOLLOUT) != 0) {
    send_request(c);
  }
  if (c.state == State::kAwaiting && ((events & EPOLLIN) != 0 || closing)) {
    receive(c, closing);
  } else if (c.state == State::kParted && closing) {
    close(c);
  } else if (c.state == State::kIdle && (closing || (events & EPOLLIN) != 0)) {
    ++report_.reconnected;
    close(c);
  }
  if (c.kept) advance(c);
}

// What takes too long has failed; a server that does not close a connection that it was asked to close is not waited for.
void Client::sweep(uint64_t now) {
  for (const std::unique_ptr<Connection>& held : connections_) {
    Connection& c = *held;
    if (c.state == State::kClosed || c.state == State::kIdle || c.due + settings_.timeout > now) continue;
    if (c.state == State::kParted) {
      close(c);
      continue;
    }
    fail(c, FailureKind::kTimeout,
         c.state == State::kConnecting ? "no connection"
         : c.response.begun()          ? "half an answer"
                                       : "no answer");
    if (c.kept) advance(c);
  }
}

Result<> Client::wait(uint64_t now) {
  uint64_t until = std::min(next_due(), next_sweep_);
  uint64_t span = until > now ? until - now : 0;
  timespec patience{.tv_sec = static_cast<time_t>(span / kSecond),
                    .tv_nsec = static_cast<long>(span % kSecond)};
  epoll_event events[kEventsPerTurn];
  int count = epoll_pwait2(epoll_.get(), events, kEventsPerTurn, &patience, nullptr);
  if (count < 0 && errno != EINTR) return fail_errno(errno, "epoll_pwait2");
  for (int i = 0; i < count; ++i) {
    Connection& c = *connections_[static_cast<uint32_t>(events[i].data.u64)];
    if (c.generation == events[i].data.u64 >> 32U) handle(c, events[i].events);
  }
  return {};
}

Result<Report> Client::run() {
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return fail_errno(errno, "epoll_create1");
  report_.started = monotonic();
  while (true) {
    uint64_t now = elapsed();
    if (*stop_ != 0) planning_ = false;
    plan_due(now);
    if (now >= next_sweep_) {
      sweep(now);
      next_sweep_ = now + kSweepEvery;
    }
    if (next_due() == UINT64_MAX && finished_ == planned_) break;
    TRY(wait(now));
  }
  report_.lasted = elapsed();
  return std::move(report_);
}

}  // namespace

Result<Report> run_load(const Settings& settings, const volatile std::sig_atomic_t* stop) {
  return Client(settings, stop).run();
}

}  // namespace shoji::load
