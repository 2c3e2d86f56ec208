#include "inspect/client_hello.h"

#include <algorithm>
#include <span>

namespace spanflow {
namespace {

constexpr std::uint8_t kHandshakeRecord = 22;
constexpr std::uint8_t kClientHello = 1;
constexpr std::uint8_t kMajorVersion = 3;  // major version in SSL 3.0 and in every version of TLS
constexpr std::size_t kTlsRecordHeader = 5;
constexpr std::size_t kHandshakeHeader = 4;
constexpr std::size_t kMostRecord = 1 << 14;  // greatest content in octets (RFC 8446, section 5.1)
constexpr std::size_t kRandom = 32;
constexpr std::size_t kMostSessionId = 32;

HelloRead no() { return {HelloVerdict::kNo, {}}; }
HelloRead need_more() { return {HelloVerdict::kNeedMore, {}}; }

// Takes the next `octets` octets off `from`. Returns nullopt if `from` has fewer octets.
std::optional<Cursor> take(Cursor& from, std::size_t octets) {
  if (!from.has(octets)) return std::nullopt;
  Cursor taken = from;
  taken.limit(static_cast<std::uint32_t>(octets));
  from.skip(octets);
  return taken;
}

// take8() takes a vector with a length prefix of one octet off `from`, take16() a vector with a length prefix of two
// octets (RFC 8446, section 3.4). Both functions return the vector without its prefix, or nullopt if octets are
// missing.
std::optional<Cursor> take8(Cursor& from) {
  const auto length = take(from, 1);
  return length ? take(from, length->u8(0)) : std::nullopt;
}
std::optional<Cursor> take16(Cursor& from) {
  const auto length = take(from, 2);
  return length ? take(from, length->be16(0)) : std::nullopt;
}

// only8() and only16() return the vector if the vector fills `from` exactly, otherwise nullopt.
std::optional<Cursor> only8(Cursor from) {
  const auto vector = take8(from);
  return from.captured() == 0 ? vector : std::nullopt;
}
std::optional<Cursor> only16(Cursor from) {
  const auto vector = take16(from);
  return from.captured() == 0 ? vector : std::nullopt;
}

std::string_view text_of(const Cursor& octets) {
  return {reinterpret_cast<const char*>(octets.data()), octets.captured()};
}

// Returns an empty list if `octets` is absent or has an odd length.
NumberList numbers(const std::optional<Cursor>& octets) {
  return octets && octets->captured() % 2 == 0 ? NumberList(*octets) : NumberList();
}

// Returns the first name of the type host_name (RFC 6066, section 3), or an empty text if there is none.
std::string_view host_name(const Cursor& extension) {
  constexpr std::uint8_t kHostName = 0;
  auto names = only16(extension);
  while (names) {
    const auto type = take(*names, 1);
    const auto name = take16(*names);
    if (!type || !name) break;
    if (type->u8(0) == kHostName) return text_of(*name).substr(0, ClientHello::kMostServerName);
  }
  return {};
}

// RFC 8446, section 4.2, forbids two extensions of one type. If a client sends two, the last one counts.
void read_extension(const HelloExtension& extension, ClientHello& hello) {
  switch (extension.type) {
    case extension_types::kServerName:
      hello.server_name = host_name(extension.content);
      break;
    case extension_types::kSignatureAlgorithms:
      hello.signature_algorithms = numbers(only16(extension.content));
      break;
    case extension_types::kAlpn:
      hello.alpn = NameReader(only16(extension.content).value_or(Cursor{}));
      break;
    case extension_types::kSupportedVersions:
      hello.supported_versions = numbers(only8(extension.content));
      break;
    default:
      break;
  }
}

// Returns false if the extensions are malformed. An empty `body` is valid, because clients of SSL 3.0 and TLS 1.0 may
// omit the list of extensions.
bool read_extensions(Cursor& body, ClientHello& hello) {
  if (body.captured() == 0) return true;
  const auto block = only16(body);
  if (!block) return false;
  hello.extensions = ExtensionReader(*block);
  ExtensionReader reader = hello.extensions;
  while (const auto extension = reader.next()) read_extension(*extension, hello);
  return reader.at_end();
}

// Returns kYes if every field is valid and the fields fill the message exactly, otherwise kNo.
HelloRead read_body(Cursor body) {
  const auto version = take(body, 2);
  const auto random = take(body, kRandom);
  const auto session_id = take8(body);
  const auto ciphers = take16(body);
  const auto compression = take8(body);
  if (!version || version->u8(0) != kMajorVersion || !random) return no();
  if (!session_id || session_id->captured() > kMostSessionId) return no();
  if (!ciphers || ciphers->captured() % 2 != 0 || !compression || compression->captured() == 0) return no();
  HelloRead read{HelloVerdict::kYes, {.legacy_version = version->be16(0), .ciphers = NumberList(*ciphers)}};
  return read_extensions(body, read.hello) ? read : no();
}

// The content of a TLS record, as far as the stream contains it.
struct Fragment {
  HelloVerdict verdict;  // kYes: `content` is complete; kNeedMore: octets are missing; kNo: no valid handshake record
  Cursor content;
};

Fragment take_record(Cursor& stream) {
  const Fragment none{HelloVerdict::kNo, {}};
  if (stream.has(1) && stream.u8(0) != kHandshakeRecord) return none;
  if (stream.has(2) && stream.u8(1) != kMajorVersion) return none;
  if (!stream.has(kTlsRecordHeader)) return {HelloVerdict::kNeedMore, {}};
  const std::uint32_t length = stream.be16(3);
  if (length == 0 || length > kMostRecord) return none;
  stream.skip(kTlsRecordHeader);
  const std::uint32_t there = std::min(length, stream.captured());
  return {there == length ? HelloVerdict::kYes : HelloVerdict::kNeedMore, *take(stream, there)};
}

// Reads the handshake message at the start of `content`, which is the content of one or more records.
HelloRead read_message(Cursor content) {
  if (content.has(1) && content.u8(0) != kClientHello) return no();
  if (!content.has(kHandshakeHeader)) return need_more();
  const std::uint32_t length = content.be32(0) & 0xffffff;
  if (kHandshakeHeader + length > kMostHelloOctets) return no();
  content.skip(kHandshakeHeader);
  const auto body = take(content, length);
  return body ? read_body(*body) : need_more();
}

// Joins the contents of several records in a HelloRoom. add() returns false if the content does not fit.
class Assembly {
 public:
  explicit Assembly(HelloRoom& room) : room_(room) {}

  bool empty() const { return size_ == 0; }
  bool add(const Cursor& content) {
    if (content.captured() > room_.size() - size_) return false;
    std::copy_n(content.data(), content.captured(), std::span(room_).subspan(size_).begin());
    size_ += content.captured();
    return true;
  }
  Cursor all() const { return {room_.data(), size_, size_}; }

 private:
  HelloRoom& room_;
  std::uint32_t size_ = 0;
};

}  // namespace

std::optional<HelloExtension> ExtensionReader::next() {
  Cursor rest = rest_;
  const auto type = take(rest, 2);
  const auto content = take16(rest);
  if (!type || !content) return std::nullopt;
  rest_ = rest;
  return HelloExtension{type->be16(0), *content};
}

std::optional<std::string_view> NameReader::next() {
  const auto name = take8(rest_);
  return name ? std::optional{text_of(*name)} : std::nullopt;
}

HelloRead read_client_hello(Cursor stream, HelloRoom& room) {
  Fragment record = take_record(stream);
  if (record.verdict == HelloVerdict::kNo) return no();
  Assembly assembly{room};
  // Nearly every client sends the message in one record. The first pass of the loop then returns without a copy.
  for (Cursor content = record.content;; content = assembly.all()) {
    const HelloRead read = read_message(content);
    if (read.verdict != HelloVerdict::kNeedMore || record.verdict == HelloVerdict::kNeedMore) return read;
    if (assembly.empty() && !assembly.add(content)) return no();
    record = take_record(stream);
    if (record.verdict == HelloVerdict::kNo || !assembly.add(record.content)) return no();
  }
}

}  // namespace spanflow
