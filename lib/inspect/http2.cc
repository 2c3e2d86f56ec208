#include "inspect/http2.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "inspect/hpack.h"
#include "inspect/vectors.h"

namespace spanflow {
namespace {

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::size_t kFrameHeader = 9;  // octets

struct Http2Phase {
  enum : std::uint8_t { kStart, kFrames };
};

namespace frame_types {
constexpr std::uint8_t kHeaders = 1;
constexpr std::uint8_t kSettings = 4;
}  // namespace frame_types

// Returns the header fields in the content of a HEADERS frame (RFC 9113, section 6.2), as far as this frame has them.
Cursor field_block(Cursor content, std::uint8_t flags) {
  constexpr std::uint8_t kPadded = 0x08;
  constexpr std::uint8_t kPriority = 0x20;
  constexpr std::size_t kPriorityOctets = 5;
  if ((flags & kPadded) != 0) {
    const auto padding = take_u8(content);
    if (!padding || *padding > content.captured()) return {};
    content.limit(content.captured() - *padding);
  }
  if ((flags & kPriority) != 0 && !take(content, kPriorityOctets)) return {};
  return content;
}

void note_field(const HpackField& field, Workspace& work) {
  Findings& findings = work.findings;
  if (field.name == ":method") findings.put(Metadata::kHttpMethod, field.value);
  if (field.name == ":authority" || field.name == "host") findings.put(Metadata::kHttpHost, field.value);
  if (field.name == ":path") work.text = field.value;
  if (field.name == "user-agent") findings.put(Metadata::kUserAgent, field.value);
  // Of a response: a request has its :path before it.
  if (field.name == "content-type" && work.text.empty()) findings.put(Metadata::kContentType, field.value);
  if (field.name != ":status") return;
  std::uint64_t status = 0;
  const auto [end, error] = std::from_chars(field.value.data(), field.value.data() + field.value.size(), status);
  if (error == std::errc{}) findings.put(Metadata::kHttpStatus, status);
}

void note_fields(const Cursor& block, Workspace& work) {
  Findings& findings = work.findings;
  work.text.clear();
  HpackReader fields(block, work.field_name, work.field_value);
  while (const auto field = fields.next()) note_field(*field, work);
  if (work.text.empty()) return;  // a response
  work.text.insert(0, findings.text(Metadata::kHttpHost));
  findings.put(Metadata::kHttpUrl, work.text);
}

ReadStep read_frame(const Reading& reading) {
  Cursor rest = reading.octets;
  const auto length = take_be24(rest);
  const auto type = take_u8(rest);
  const auto flags = take_u8(rest);
  const auto stream = take_be32(rest);
  if (!length || !type || !flags || !stream) return ReadStep::need_more();
  if (*type != frame_types::kHeaders) return ReadStep::read(kFrameHeader + *length);
  if (*length > kMostMessage - kFrameHeader) return ReadStep::done();
  const auto content = take(rest, *length);
  if (!content) return ReadStep::need_more();
  note_fields(field_block(*content, *flags), reading.work);
  return ReadStep::done();
}

}  // namespace

StartsWith starts_with_http2(const Cursor& stream, bool from_client) {
  if (from_client) {
    const std::string_view text = text_of(stream);
    const std::size_t both = std::min(text.size(), kPreface.size());
    if (text.substr(0, both) != kPreface.substr(0, both)) return StartsWith::kNo;
    return both == kPreface.size() ? StartsWith::kYes : StartsWith::kNeedMore;
  }
  constexpr std::size_t kSetting = 6;  // octets
  constexpr std::size_t kMostSettings = 32;
  Cursor rest = stream;
  const auto length = take_be24(rest);
  if (!length) return stream.u8(0) == 0 ? StartsWith::kNeedMore : StartsWith::kNo;
  if (*length % kSetting != 0 || *length > kSetting * kMostSettings) return StartsWith::kNo;
  const auto type = take_u8(rest);
  const auto flags = take_u8(rest);
  const auto stream_id = take_be32(rest);
  if ((type && *type != frame_types::kSettings) || (flags && *flags != 0)) return StartsWith::kNo;
  if (!stream_id) return StartsWith::kNeedMore;
  return *stream_id == 0 ? StartsWith::kYes : StartsWith::kNo;
}

ReadStep read_http2(const Reading& reading) {
  if (reading.side.phase == Http2Phase::kFrames) return read_frame(reading);
  reading.side.phase = Http2Phase::kFrames;
  reading.findings().put(Metadata::kHttpVersion, "2");
  return ReadStep::read(reading.from_client ? kPreface.size() : 0);
}

}  // namespace spanflow
