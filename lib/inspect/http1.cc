#include "inspect/http1.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include "inspect/vectors.h"

namespace spanflow {
namespace {

// IANA's registry of methods, and those of Microsoft's extensions and of proxies.
constexpr std::array<std::string_view, 48> kMethods = {"GET",
                                                       "POST",
                                                       "HEAD",
                                                       "PUT",
                                                       "CONNECT",
                                                       "OPTIONS",
                                                       "DELETE",
                                                       "PATCH",
                                                       "TRACE",
                                                       "PROPFIND",
                                                       "PROPPATCH",
                                                       "MKCOL",
                                                       "COPY",
                                                       "MOVE",
                                                       "LOCK",
                                                       "UNLOCK",
                                                       "ACL",
                                                       "BASELINE-CONTROL",
                                                       "BIND",
                                                       "CHECKIN",
                                                       "CHECKOUT",
                                                       "LABEL",
                                                       "LINK",
                                                       "MERGE",
                                                       "MKACTIVITY",
                                                       "MKCALENDAR",
                                                       "MKREDIRECTREF",
                                                       "MKWORKSPACE",
                                                       "ORDERPATCH",
                                                       "QUERY",
                                                       "REBIND",
                                                       "REPORT",
                                                       "SEARCH",
                                                       "UNBIND",
                                                       "UNCHECKOUT",
                                                       "UNLINK",
                                                       "UPDATE",
                                                       "UPDATEREDIRECTREF",
                                                       "VERSION-CONTROL",
                                                       "PURGE",
                                                       "BCOPY",
                                                       "BMOVE",
                                                       "NOTIFY",
                                                       "SUBSCRIBE",
                                                       "UNSUBSCRIBE",
                                                       "POLL",
                                                       "M-SEARCH",
                                                       "SOURCE"};
constexpr std::size_t kMostMethod = 17;
constexpr std::string_view kVersionStart = "HTTP/1.";

// Passing over more octets at once would not fit the differences of sequence numbers.
constexpr std::uint64_t kMostBody = 1U << 30;

struct HttpPhase {
  enum : std::uint8_t { kHead, kChunk, kTrailer };
};

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

// Takes a line off `text`, without its end. Returns nullopt if the end is missing.
std::optional<std::string_view> take_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view line = text.substr(0, end);
  if (line.ends_with('\r')) line.remove_suffix(1);
  text.remove_prefix(end + 1);
  return line;
}

// The lines of a head that matter here.
struct HttpHead {
  std::string_view first_line;
  std::string_view host;
  std::string_view user_agent;
  std::string_view content_type;
  std::optional<std::uint64_t> content_length;
  bool is_chunked = false;
  bool is_complete = false;
  std::size_t octets = 0;  // with the empty line
};

void read_header(std::string_view name, std::string_view value, HttpHead& head) {
  const auto keep_first = [value](std::string_view& member) {
    if (member.empty()) member = value;
  };
  if (equal_ignoring_case(name, "host")) return keep_first(head.host);
  if (equal_ignoring_case(name, "user-agent")) return keep_first(head.user_agent);
  if (equal_ignoring_case(name, "content-type")) return keep_first(head.content_type);
  if (equal_ignoring_case(name, "content-length")) {
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length);
    if (error == std::errc{}) head.content_length = length;
  } else if (equal_ignoring_case(name, "transfer-encoding")) {
    constexpr std::string_view kChunked = "chunked";
    const std::size_t last = value.size() < kChunked.size() ? 0 : value.size() - kChunked.size();
    head.is_chunked = equal_ignoring_case(value.substr(last), kChunked);
  }
}

// Reads the lines up to the empty one, or as far as there are lines.
HttpHead read_head(std::string_view text) {
  const std::size_t size = text.size();
  HttpHead head;
  head.first_line = take_line(text).value_or(std::string_view{});
  while (const auto line = take_line(text)) {
    if (line->empty()) {
      head.is_complete = true;
      break;
    }
    const std::size_t colon = line->find(':');
    if (colon == std::string_view::npos) continue;
    read_header(trimmed(line->substr(0, colon)), trimmed(line->substr(colon + 1)), head);
  }
  head.octets = size - text.size();
  return head;
}

bool is_complete(std::string_view text) {
  return text.find("\r\n\r\n") != std::string_view::npos || text.find("\n\n") != std::string_view::npos;
}

struct RequestLine {
  std::string_view method;
  std::string_view target;
  std::string_view version;  // "1.1"
};

// Returns nullopt if the line is not that of an HTTP/1 request.
std::optional<RequestLine> request_line(std::string_view line) {
  const std::size_t method_end = line.find(' ');
  const std::size_t version_at = line.rfind(' ');
  if (method_end == std::string_view::npos || version_at == method_end) return std::nullopt;
  const std::string_view version = line.substr(version_at + 1);
  if (!version.starts_with(kVersionStart)) return std::nullopt;
  return RequestLine{line.substr(0, method_end), trimmed(line.substr(method_end, version_at - method_end)),
                     version.substr(kVersionStart.size() - 2)};
}

void note_request(const RequestLine& line, const HttpHead& head, Workspace& work) {
  Findings& findings = work.findings;
  findings.put(Metadata::kHttpMethod, line.method);
  findings.put(Metadata::kHttpVersion, line.version);
  findings.put(Metadata::kHttpHost, head.host);
  findings.put(Metadata::kUserAgent, head.user_agent);
  work.text = line.target.starts_with('/') ? head.host : std::string_view{};
  work.text += line.target;
  findings.put(Metadata::kHttpUrl, work.text);
}

void count_request(const RequestLine& line, const HttpHead& head, Workspace& work) {
  const std::uint64_t before = work.findings.number(Metadata::kHttpRequests).value_or(0);
  if (before == 0) note_request(line, head, work);
  work.findings.set(Metadata::kHttpRequests, before + 1);
}

// Returns the status in the first line of a response.
std::optional<std::uint64_t> status_in(std::string_view line) {
  const std::string_view code = trimmed(line.substr(std::min(line.find(' '), line.size())));
  std::uint64_t status = 0;
  if (std::from_chars(code.data(), code.data() + code.size(), status).ec != std::errc{}) return std::nullopt;
  return status;
}

void note_response(std::uint64_t status, const HttpHead& head, Findings& findings) {
  findings.put(Metadata::kHttpStatus, status);
  findings.put(Metadata::kContentType, head.content_type);
}

// Returns the step over a body that follows a head of this many octets.
ReadStep pass_over_body(const HttpHead& head, TcpSide& side) {
  if (head.is_chunked) {
    side.phase = HttpPhase::kChunk;
    return ReadStep::read(head.octets);
  }
  const std::uint64_t body = head.content_length.value_or(0);
  return body > kMostBody ? ReadStep::done() : ReadStep::read(head.octets + body);
}

ReadStep read_request_head(const Reading& reading) {
  std::string_view text = text_of(reading.octets);
  // RFC 9112, section 2.2: an empty line before a request is ignored.
  const std::size_t empty = std::min(text.find_first_not_of("\r\n"), text.size());
  if (empty > 0) return ReadStep::read(empty);
  if (starts_with_http_request(reading.octets) == StartsWith::kNo) return ReadStep::done();
  if (!is_complete(text) && !reading.is_last) return ReadStep::need_more();
  const HttpHead head = read_head(text);
  const auto line = request_line(head.first_line);
  if (!line) return ReadStep::done();
  count_request(*line, head, reading.work);
  if (!head.is_complete) return ReadStep::done();
  return line->method == "CONNECT" ? ReadStep::detect_after(head.octets) : pass_over_body(head, reading.side);
}

// Reads the line with the size of a chunk and passes over the chunk (RFC 9112, section 7.1).
ReadStep read_chunk(const Reading& reading) {
  constexpr std::size_t kMostLine = 256;
  std::string_view text = text_of(reading.octets);
  const std::size_t before = text.size();
  const auto line = take_line(text);
  if (!line) return before > kMostLine ? ReadStep::done() : ReadStep::need_more();
  std::uint64_t size = 0;
  constexpr int kHexadecimal = 16;
  const auto [end, error] = std::from_chars(line->data(), line->data() + line->size(), size, kHexadecimal);
  if (error != std::errc{} || size > kMostBody) return ReadStep::done();
  if (size == 0) {
    reading.side.phase = HttpPhase::kTrailer;
    return ReadStep::read(before - text.size());
  }
  constexpr std::size_t kLineEnd = 2;
  return ReadStep::read(before - text.size() + size + kLineEnd);
}

ReadStep read_trailer(const Reading& reading) {
  std::string_view text = text_of(reading.octets);
  const std::size_t before = text.size();
  const auto line = take_line(text);
  if (!line) return ReadStep::need_more();
  if (line->empty()) reading.side.phase = HttpPhase::kHead;
  return ReadStep::read(before - text.size());
}

}  // namespace

StartsWith starts_with_http_request(const Cursor& stream) {
  const std::string_view text = text_of(stream);
  if (text.empty() || text.front() < 'A' || text.front() > 'Z') return StartsWith::kNo;
  const std::size_t method_end = std::min(text.substr(0, kMostMethod + 1).find(' '), text.size());
  const std::string_view method = text.substr(0, std::min(method_end, kMostMethod + 1));
  const bool whole = method_end < text.size();
  const bool fits = std::ranges::any_of(kMethods, [&](std::string_view each) {
    return each.front() == method.front() && (whole ? each == method : each.starts_with(method));
  });
  if (!fits) return StartsWith::kNo;
  std::string_view rest = text;
  const auto line = take_line(rest);
  if (!line) return StartsWith::kNeedMore;
  return request_line(*line) ? StartsWith::kYes : StartsWith::kNo;
}

StartsWith starts_with_http_response(const Cursor& stream) {
  const std::string_view text = text_of(stream);
  const std::size_t both = std::min(text.size(), kVersionStart.size());
  if (text.substr(0, both) != kVersionStart.substr(0, both)) return StartsWith::kNo;
  return both == kVersionStart.size() ? StartsWith::kYes : StartsWith::kNeedMore;
}

ReadStep read_http_requests(const Reading& reading) {
  switch (reading.side.phase) {
    case HttpPhase::kChunk:
      return read_chunk(reading);
    case HttpPhase::kTrailer:
      return read_trailer(reading);
    default:
      return read_request_head(reading);
  }
}

ReadStep read_http_response(const Reading& reading) {
  constexpr std::uint64_t kFirstFinal = 200;
  constexpr std::uint64_t kSwitching = 101;
  constexpr std::uint64_t kFirstAfterSuccess = 300;
  const std::string_view text = text_of(reading.octets);
  if (starts_with_http_response(reading.octets) == StartsWith::kNo) return ReadStep::done();
  if (!is_complete(text) && !reading.is_last) return ReadStep::need_more();
  const HttpHead head = read_head(text);
  const auto status = status_in(head.first_line);
  if (!status) return ReadStep::done();
  if (*status < kFirstFinal && *status != kSwitching) {
    return head.is_complete ? ReadStep::read(head.octets) : ReadStep::done();
  }
  note_response(*status, head, reading.findings());
  // The answer to CONNECT has no body: another protocol follows it.
  const bool may_connect = head.is_complete && *status < kFirstAfterSuccess && !head.content_length && !head.is_chunked;
  return may_connect ? ReadStep::detect_after(head.octets) : ReadStep::done();
}

bool read_http_datagram(const Cursor& datagram, Workspace& work) {
  if (starts_with_http_request(datagram) == StartsWith::kYes) {
    const HttpHead head = read_head(text_of(datagram));
    if (const auto line = request_line(head.first_line)) count_request(*line, head, work);
    return true;
  }
  if (starts_with_http_response(datagram) != StartsWith::kYes) return false;
  const HttpHead head = read_head(text_of(datagram));
  if (const auto status = status_in(head.first_line)) note_response(*status, head, work.findings);
  return true;
}

}  // namespace spanflow
