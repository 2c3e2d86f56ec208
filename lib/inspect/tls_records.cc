#include "inspect/tls_records.h"

#include <algorithm>
#include <cstring>

namespace spanflow {
namespace {

constexpr std::size_t kTlsRecordHeader = 5;
constexpr std::size_t kHandshakeHeader = 4;
// Greatest content of a record in octets: 2^14, and in TLS 1.2 2048 more if it is encrypted (RFC 5246, section 6.2.3).
constexpr std::size_t kMostRecord = (1 << 14) + 2048;
constexpr std::uint8_t kMajorVersion = 3;  // in SSL 3.0 and in every version of TLS
constexpr std::uint8_t kLastMinorVersion = 4;

bool is_record_length(std::uint32_t length) { return length > 0 && length <= kMostRecord; }

}  // namespace

TlsItem TlsItems::next() {
  while (true) {
    TlsItem item{TlsItem::Kind::kNeedMore};
    if (content_.captured() > 0) item = message_of(content_);
    if (item.kind == TlsItem::Kind::kMessage || item.kind == TlsItem::Kind::kDamaged || cut_) return item;
    const TlsItem record = next_record();
    if (record.kind == TlsItem::Kind::kNeedMore) return item;
    if (record.kind == TlsItem::Kind::kDamaged || record.type != record_types::kHandshake) return record;
    if (content_.captured() == 0) {
      content_ = record.body;
    } else if (!join(record.body)) {
      return {TlsItem::Kind::kDamaged};
    }
  }
}

// Takes the next record off stream_.
TlsItem TlsItems::next_record() {
  const TlsItem damaged{TlsItem::Kind::kDamaged};
  if (stream_.has(2) && (stream_.u8(0) < record_types::kChangeCipherSpec || stream_.u8(1) != kMajorVersion)) {
    return damaged;
  }
  if (!stream_.has(kTlsRecordHeader)) return {TlsItem::Kind::kNeedMore};
  const std::uint32_t length = stream_.be16(3);
  if (!is_record_length(length)) return damaged;
  TlsItem record{TlsItem::Kind::kRecord, stream_.u8(0), stream_};
  record.body.skip(kTlsRecordHeader);
  record.body.limit(length);
  cut_ = record.body.captured() < length;
  stream_.skip(kTlsRecordHeader + record.body.captured());
  return record;
}

// Takes the next message off `content`, unless its end is missing.
TlsItem TlsItems::message_of(Cursor& content) const {
  if (!content.has(kHandshakeHeader)) return {TlsItem::Kind::kPart};
  const std::uint32_t length = content.be32(0) & 0xffffff;
  // Only a chain of certificates may be longer, because its first certificate is enough.
  const bool too_long = kHandshakeHeader + length > kMostMessage && content.u8(0) != handshake_types::kCertificate;
  if (too_long) return {TlsItem::Kind::kDamaged};
  TlsItem item{TlsItem::Kind::kMessage, content.u8(0), content};
  item.body.skip(kHandshakeHeader);
  if (!item.body.has(length)) {
    item.kind = TlsItem::Kind::kPart;
    return item;
  }
  item.body.limit(length);
  content.skip(kHandshakeHeader + length);
  return item;
}

// Appends the content of a record to content_, which has the start of a message. Returns false if there is no room.
bool TlsItems::join(const Cursor& content) {
  const std::size_t before = content_.captured();
  if (before + content.captured() > room_.size()) return false;
  std::memmove(room_.data(), content_.data(), before);
  std::memcpy(room_.data() + before, content.data(), content.captured());
  const auto size = static_cast<std::uint32_t>(before + content.captured());
  content_ = {room_.data(), size, size};
  return true;
}

StartsWith starts_with_hello(const Cursor& stream) {
  constexpr std::size_t kTypeAt = kTlsRecordHeader;
  constexpr std::size_t kAlertRecord = kTlsRecordHeader + 2;
  const auto may_be = [&stream](std::size_t at, auto fits) { return !stream.has(at + 1) || fits(stream.u8(at)); };
  const bool is_alert = stream.has(1) && stream.u8(0) == record_types::kAlert;
  const bool is_record = (is_alert || stream.u8(0) == record_types::kHandshake) &&
                         may_be(1, [](std::uint8_t major) { return major == kMajorVersion; }) &&
                         may_be(2, [](std::uint8_t minor) { return minor <= kLastMinorVersion; });
  if (!is_record) return StartsWith::kNo;
  if (is_alert) {
    if (stream.has(kTlsRecordHeader) && stream.be16(3) != 2) return StartsWith::kNo;
    if (!stream.has(kAlertRecord + 1)) return StartsWith::kNeedMore;
    Cursor rest = stream;
    rest.skip(kAlertRecord);
    return starts_with_hello(rest);
  }
  if (stream.has(kTlsRecordHeader) && !is_record_length(stream.be16(3))) return StartsWith::kNo;
  if (!stream.has(kTypeAt + 1)) return StartsWith::kNeedMore;
  const std::uint8_t type = stream.u8(kTypeAt);
  return type == handshake_types::kClientHello || type == handshake_types::kServerHello ? StartsWith::kYes
                                                                                        : StartsWith::kNo;
}

}  // namespace spanflow
