#include "images/registry/http.h"

#include <curl/curl.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "images/registry/url.h"

namespace shoji::images {

namespace {

constexpr size_t kHeadersLimit = 64 << 10;    // of one exchange, interim answers included
constexpr size_t kErrorBodyLimit = 16 << 10;  // enough for the sentence in it
constexpr long kReceiveBuffer = 128 << 10;
constexpr long kSlowest = 256;  // bytes per second; slower for stall_seconds is a stall

// Once per process. libcurl leaves SIGPIPE alone under CURLOPT_NOSIGNAL, and TLS writes with write(2): a registry that
// hangs up must not end the process.
void initialize() {
  static const bool once = [] {
    curl_global_init(CURL_GLOBAL_DEFAULT);
    struct sigaction current{};
    if (sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) signal(SIGPIPE, SIG_IGN);
    return true;
  }();
  (void)once;
}

struct Exchange {
  const HttpRequest* request = nullptr;
  HttpResponse response;
  size_t header_bytes = 0, uploaded = 0;
  bool begun = false, body_cut = false;
  std::optional<Error> stopped;
};

Error too_much(const Exchange& exchange, std::string_view what, size_t limit) {
  const HttpRequest& request = *exchange.request;
  return {.kind = Kind::kInvalid,
          .text = cat(request.method, ' ', shown_url(request.url), ": ", what, " of more than ", limit,
                      " bytes")};
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

size_t on_header(char* data, size_t, size_t size, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  std::string_view line(data, size);
  exchange.header_bytes += size;
  if (exchange.header_bytes > kHeadersLimit) {
    exchange.stopped = too_much(exchange, "headers", kHeadersLimit);
    return 0;
  }
  if (line.starts_with("HTTP/")) {  // 100 Continue, a proxy's answer to CONNECT, then the real one
    exchange.response.headers.clear();
    return size;
  }
  size_t colon = line.find(':');
  if (colon == std::string_view::npos) return size;
  std::string name(line.substr(0, colon));
  for (char& c : name)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  exchange.response.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1)));
  return size;
}

Result<> deliver(Exchange& exchange, std::span<const char> bytes) {
  if (!exchange.begun) {
    exchange.begun = true;
    TRY(exchange.request->receiver->begin(exchange.response));
  }
  return bytes.empty() ? Result<>() : exchange.request->receiver->bytes(bytes);
}

size_t collect(Exchange& exchange, std::span<const char> bytes) {
  std::string& body = exchange.response.body;
  bool success = exchange.response.is_success();
  size_t limit = success ? exchange.request->body_limit : kErrorBodyLimit;
  if (bytes.size() <= limit - body.size()) {
    body.append(bytes.data(), bytes.size());
    return bytes.size();
  }
  if (success) {
    exchange.stopped = too_much(exchange, "an answer", limit);
  } else {
    exchange.body_cut = true;  // the status is known, and the rest would only be text for people
  }
  return 0;
}

struct Easy {
  CURL* curl;
  template <typename T>
  void set(CURLoption option, T value) const {
    curl_easy_setopt(curl, option, value);
  }
  void set_text(CURLoption option, const std::string& value) const {
    curl_easy_setopt(curl, option, value.empty() ? nullptr : value.c_str());
  }
  [[nodiscard]] long number(CURLINFO info) const {
    long value = 0;
    curl_easy_getinfo(curl, info, &value);
    return value;
  }
  [[nodiscard]] curl_off_t large(CURLINFO info) const {
    curl_off_t value = 0;
    curl_easy_getinfo(curl, info, &value);
    return value;
  }
};

}  // namespace

struct HttpClient::Handle {
  CURL* curl = curl_easy_init();
  char words[CURL_ERROR_SIZE] = {};
  Exchange exchange;
  curl_slist* headers = nullptr;
  ~Handle() {
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
  }

  static size_t on_body(char* data, size_t, size_t size, void* context);
  static size_t on_upload(char* into, size_t, size_t size, void* context);
  void prepare(const HttpRequest& request);
  void prepare_security(const HttpRequest& request) const;
  void prepare_body(const HttpRequest& request) const;
  [[nodiscard]] HttpFailure failure(CURLcode code) const;
};

size_t HttpClient::Handle::on_body(char* data, size_t, size_t size, void* context) {
  auto& handle = *static_cast<Handle*>(context);
  Exchange& exchange = handle.exchange;
  exchange.response.status = Easy{handle.curl}.number(CURLINFO_RESPONSE_CODE);
  if (exchange.request->receiver == nullptr || !exchange.response.is_success())
    return collect(exchange, {data, size});
  Result<> taken = deliver(exchange, {data, size});
  if (taken) return size;
  exchange.stopped = std::move(taken).error();
  return 0;
}

size_t HttpClient::Handle::on_upload(char* into, size_t, size_t size, void* context) {
  Exchange& exchange = static_cast<Handle*>(context)->exchange;
  uint64_t left = exchange.request->upload_size - exchange.uploaded;
  Result<size_t> given = (*exchange.request->upload)({into, std::min<uint64_t>(size, left)});
  if (!given) {
    exchange.stopped = std::move(given).error();
    return CURL_READFUNC_ABORT;
  }
  exchange.uploaded += *given;
  return *given;
}

void HttpClient::Handle::prepare_security(const HttpRequest& request) const {
  Easy easy{curl};
  easy.set(CURLOPT_SSL_VERIFYPEER, request.verify ? 1L : 0L);
  easy.set(CURLOPT_SSL_VERIFYHOST, request.verify ? 2L : 0L);
  easy.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  // Reading the host's authorities takes 20 ms: not at all where they do not count, else once per handle, which libcurl
  // does only without a directory. A file of one's own comes on top of the directory, which is read as needed.
  if (!request.verify) easy.set(CURLOPT_CAINFO, nullptr);
  if (!request.verify || request.ca_file.empty()) easy.set(CURLOPT_CAPATH, nullptr);
  if (request.verify && !request.ca_file.empty()) easy.set_text(CURLOPT_CAINFO, request.ca_file);
  easy.set_text(CURLOPT_SSLCERT, request.certificate);
  easy.set_text(CURLOPT_SSLKEY, request.key);
  if (!request.use_proxy) easy.set(CURLOPT_PROXY, "");
  easy.set(CURLOPT_PROTOCOLS_STR, "http,https");
  easy.set(CURLOPT_FOLLOWLOCATION, 0L);
}

void HttpClient::Handle::prepare_body(const HttpRequest& request) const {
  Easy easy{curl};
  if (request.method == "HEAD") easy.set(CURLOPT_NOBODY, 1L);
  if (request.upload != nullptr) {
    easy.set(CURLOPT_UPLOAD, 1L);
    easy.set(CURLOPT_READFUNCTION, &Handle::on_upload);
    easy.set(CURLOPT_READDATA, this);
    easy.set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.upload_size));
    easy.set(CURLOPT_UPLOAD_BUFFERSIZE, kReceiveBuffer);
  } else if (request.method != "GET" && request.method != "HEAD") {
    easy.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    easy.set(CURLOPT_POSTFIELDS, request.body.data());
  }
  easy.set_text(CURLOPT_CUSTOMREQUEST, request.method);
}

void HttpClient::Handle::prepare(const HttpRequest& request) {
  Easy easy{curl};
  curl_easy_reset(curl);  // keeps connections, TLS sessions and names
  exchange = {};
  exchange.request = &request;
  exchange.response.url = request.url;
  words[0] = 0;
  curl_slist_free_all(headers);
  headers =
      curl_slist_append(nullptr, "Expect:");  // many registries let a client wait a second for 100 Continue
  for (const std::string& header : request.headers) headers = curl_slist_append(headers, header.c_str());
  if (!request.authorization.empty())
    headers = curl_slist_append(headers, cat("Authorization: ", request.authorization).c_str());
  easy.set_text(CURLOPT_URL, request.url);
  easy.set(CURLOPT_HTTPHEADER, headers);
  easy.set(CURLOPT_USERAGENT, "shoji");
  easy.set(CURLOPT_ERRORBUFFER, words);
  easy.set(CURLOPT_NOSIGNAL, 1L);
  easy.set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  easy.set(CURLOPT_BUFFERSIZE, kReceiveBuffer);
  easy.set(CURLOPT_HEADERFUNCTION, &on_header);
  easy.set(CURLOPT_HEADERDATA, &exchange);
  easy.set(CURLOPT_WRITEFUNCTION, &Handle::on_body);
  easy.set(CURLOPT_WRITEDATA, this);
  easy.set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(request.connect_seconds));
  easy.set(CURLOPT_LOW_SPEED_LIMIT, kSlowest);
  easy.set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall_seconds));
  easy.set(CURLOPT_TCP_KEEPALIVE, 1L);
  easy.set(CURLOPT_MAXCONNECTS, 4L);
  prepare_security(request);
  prepare_body(request);
}

HttpFailure HttpClient::Handle::failure(CURLcode code) const {
  Easy easy{curl};
  const HttpRequest& request = *exchange.request;
  HttpFailure failure{.cause = HttpFailure::Cause::kBroken, .error = {}};
  bool connected = easy.number(CURLINFO_PRIMARY_PORT) != 0;
  bool ready = easy.large(CURLINFO_PRETRANSFER_TIME_T) != 0;  // after the TLS handshake
  if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE ||
      code == CURLE_SSL_CERTPROBLEM || code == CURLE_UNSUPPORTED_PROTOCOL || code == CURLE_URL_MALFORMAT) {
    failure.cause = HttpFailure::Cause::kRefused;
  } else if (code == CURLE_SSL_CONNECT_ERROR || (code == CURLE_OPERATION_TIMEDOUT && connected && !ready)) {
    failure.cause = HttpFailure::Cause::kNoTls;
  } else if (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
             code == CURLE_COULDNT_RESOLVE_PROXY) {
    failure.cause = HttpFailure::Cause::kUnreachable;
  }
  int err = static_cast<int>(easy.number(CURLINFO_OS_ERRNO));
  std::string cause(code == CURLE_COULDNT_CONNECT && err != 0 ? errno_text(err)
                    : words[0] != 0                           ? std::string_view(words)
                                                              : curl_easy_strerror(code));
  failure.error = {.kind = Kind::kSystem,
                   .err = err,
                   .text = cat(request.method, ' ', shown_url(request.url), ": ", trimmed(cause))};
  return failure;
}

HttpClient::HttpClient() {
  initialize();
  handle_ = std::make_unique<Handle>();
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

HttpOutcome HttpClient::perform(const HttpRequest& request) {
  handle_->prepare(request);
  Exchange& exchange = handle_->exchange;
  CURLcode code = curl_easy_perform(handle_->curl);
  Easy easy{handle_->curl};
  exchange.response.status = easy.number(CURLINFO_RESPONSE_CODE);
  exchange.response.retry_after = static_cast<uint64_t>(easy.large(CURLINFO_RETRY_AFTER));
  if (code == CURLE_OK && request.receiver != nullptr && exchange.response.is_success() && !exchange.begun) {
    if (Result<> begun = deliver(exchange, {}); !begun) exchange.stopped = std::move(begun).error();
  }
  if (exchange.stopped)
    return std::unexpected(
        HttpFailure{.cause = HttpFailure::Cause::kStopped, .error = std::move(*exchange.stopped)});
  // An answer that came before all of an upload was sent: the answer counts.
  bool answered = exchange.body_cut || (code == CURLE_SEND_ERROR && exchange.response.status >= 400);
  if (code != CURLE_OK && !answered) return std::unexpected(handle_->failure(code));
  return std::move(exchange.response);
}

std::string HttpResponse::header(std::string_view name) const {
  auto found =
      std::ranges::find(headers, name, [](const auto& header) { return std::string_view(header.first); });
  return found == headers.end() ? std::string() : found->second;
}

}  // namespace shoji::images
