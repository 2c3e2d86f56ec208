#include "inspect/dtls.h"

#include <optional>

#include "inspect/vectors.h"

namespace spanflow {
namespace {

constexpr std::size_t kEpochAndNumber = 8;  // octets of the two in a record
constexpr std::uint8_t kDtlsMajor = 0xfe;

// A part of a handshake message (RFC 6347, section 4.2.2).
struct HandshakeFragment {
  std::uint8_t type = 0;
  std::uint32_t length = 0;  // of the whole message
  std::uint16_t message = 0;
  std::uint32_t offset = 0;
  Cursor octets;

  bool is_whole() const { return offset == 0 && octets.captured() == length; }
};

std::optional<HandshakeFragment> take_fragment(Cursor& from) {
  const auto type = take_u8(from);
  const auto length = take_be24(from);
  const auto message = take_be16(from);
  const auto offset = take_be24(from);
  const auto octets = take24(from);
  if (!type || !length || !message || !offset || !octets) return std::nullopt;
  if (*length > kMostMessage || *offset + octets->captured() > *length) return std::nullopt;
  return HandshakeFragment{*type, *length, *message, *offset, *octets};
}

DatagramRead read_server_hello(const Cursor& body, DtlsSide& side, Workspace& work) {
  const auto hello = parse_server_hello(body);
  if (!hello) return DatagramRead::kDone;
  work.tls.note(*hello, work.findings);
  side.has_hello = true;
  if (hello->asks_for_retry || !encrypts_certificate(hello->version)) return DatagramRead::kNeedMore;
  TlsFindings::note_resumption(hello->accepts_psk, work.findings);
  return DatagramRead::kDone;
}

DatagramRead read_message(std::uint8_t type, const Cursor& body, DtlsSide& side, Workspace& work) {
  switch (type) {
    case handshake_types::kClientHello:
      if (const auto hello = parse_client_hello(body, HelloTransport::kDtls)) work.tls.note(*hello, work.findings);
      return DatagramRead::kDone;
    case handshake_types::kServerHello:
      return read_server_hello(body, side, work);
    case handshake_types::kCertificate:
      work.tls.note_certificates(body, work.findings);
      TlsFindings::note_resumption(false, work.findings);
      return DatagramRead::kDone;
    case handshake_types::kServerHelloDone:
      TlsFindings::note_resumption(false, work.findings);
      return DatagramRead::kDone;
    default:  // HelloVerifyRequest comes before the server's hello, others after it
      return DatagramRead::kNeedMore;
  }
}

// Adds a fragment to the message that is collected. A fragment of another message begins anew.
DatagramRead collect(const HandshakeFragment& fragment, DtlsSide& side, SegmentBuffer& fragments, Workspace& work) {
  const bool is_same = side.type == fragment.type && side.message == fragment.message && side.length == fragment.length;
  if (!is_same) {
    fragments.start(0);
    side.type = fragment.type;
    side.message = fragment.message;
    side.length = fragment.length;
  }
  if (!fragments.add(fragment.offset, fragment.octets)) return DatagramRead::kDone;
  if (fragments.stream().captured() < side.length) return DatagramRead::kNeedMore;
  side.type = 0;
  return read_message(fragment.type, fragments.stream(), side, work);
}

// Passes over the header that CAPWAP puts before DTLS (RFC 5415, section 4.2).
Cursor without_capwap(Cursor datagram) {
  constexpr std::uint32_t kHeader = 0x01000000;
  if (datagram.has(sizeof kHeader) && datagram.be32(0) == kHeader) datagram.skip(sizeof kHeader);
  return datagram;
}

}  // namespace

bool may_be_dtls(const Cursor& datagram) {
  const Cursor records = without_capwap(datagram);
  return records.has(3) && records.u8(0) >= record_types::kChangeCipherSpec &&
         records.u8(0) <= record_types::kHandshake && records.u8(1) == kDtlsMajor;
}

DatagramRead read_dtls_datagram(Cursor datagram, DtlsSide& side, SegmentBuffer& fragments, Workspace& work) {
  DatagramRead result = DatagramRead::kNothing;
  datagram = without_capwap(datagram);
  while (datagram.captured() > 0) {
    const auto type = take_u8(datagram);
    const auto version = take_be16(datagram);
    const auto number = take(datagram, kEpochAndNumber);
    auto content = take16(datagram);
    if (!type || !version || *version >> 8 != kDtlsMajor || !number || !content) return result;
    if (*type == record_types::kChangeCipherSpec && side.has_hello) {
      TlsFindings::note_resumption(true, work.findings);
      return DatagramRead::kDone;
    }
    if (*type != record_types::kHandshake) continue;
    while (const auto fragment = take_fragment(*content)) {
      result = fragment->is_whole() ? read_message(fragment->type, fragment->octets, side, work)
                                    : collect(*fragment, side, fragments, work);
      if (result == DatagramRead::kDone) return result;
    }
  }
  return result;
}

}  // namespace spanflow
