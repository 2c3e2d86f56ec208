#include "inspect/quic.h"

#include <optional>

#include "inspect/vectors.h"

namespace spanflow {
namespace {

constexpr std::size_t kMostConnectionId = 20;  // octets

// Takes a number of variable length off `from` (RFC 9000, section 16).
std::optional<std::uint64_t> take_varint(Cursor& from) {
  if (!from.has(1)) return std::nullopt;
  const std::size_t octets = std::size_t{1} << (from.u8(0) >> 6);
  const auto digits = take(from, octets);
  if (!digits) return std::nullopt;
  std::uint64_t number = digits->u8(0) & 0x3fU;
  for (std::size_t i = 1; i < octets; ++i) number = number << 8 | digits->u8(i);
  return number;
}

// A packet with a long header (RFC 9000, section 17.2).
struct LongPacket {
  const QuicVersion* version;
  enum class Type : std::uint8_t { kInitial, kZeroRtt, kHandshake, kRetry };
  Type type = Type::kInitial;
  Cursor receiver;  // connection ids
  Cursor sender;
  Cursor octets;              // the whole packet
  std::size_t number_at = 0;  // offset of the packet number
};

// Takes the next packet off the datagram. Returns nullopt if the rest has no packet that can be read.
std::optional<LongPacket> take_packet(Cursor& datagram) {
  if (!may_be_quic(datagram)) return std::nullopt;
  Cursor rest = datagram;
  const auto first = take_u8(rest);
  const auto version = take_be32(rest);
  const auto receiver = take8(rest);
  const auto sender = take8(rest);
  if (!first || !version || !receiver || !sender || receiver->captured() > kMostConnectionId) return std::nullopt;
  LongPacket packet{.version = quic_version(*version), .receiver = *receiver, .sender = *sender};
  // The types of version 1 in their order, which version 2 begins elsewhere.
  packet.type = static_cast<LongPacket::Type>(((*first >> 4) - packet.version->initial_type) & 3);
  if (packet.type == LongPacket::Type::kRetry) {  // it has no length and fills the datagram
    datagram.skip(datagram.captured());
    return packet;
  }
  if (packet.type == LongPacket::Type::kInitial) {
    const auto token = take_varint(rest);
    if (!token || !take(rest, *token)) return std::nullopt;
  }
  const auto length = take_varint(rest);
  if (!length || *length > rest.captured()) return std::nullopt;
  packet.number_at = datagram.captured() - rest.captured();
  packet.octets = datagram;
  packet.octets.limit(static_cast<std::uint32_t>(packet.number_at + *length));
  datagram.skip(packet.octets.captured());
  return packet;
}

// Takes an ACK frame off `from`, after its type (RFC 9000, section 19.3). Returns false if it is damaged.
bool take_ack(Cursor& from, bool with_ecn) {
  constexpr std::uint64_t kMostRanges = 1024;
  const auto largest = take_varint(from);
  const auto delay = take_varint(from);
  const auto ranges = take_varint(from);
  if (!largest || !delay || !ranges || *ranges > kMostRanges) return false;
  const std::uint64_t numbers = 1 + 2 * *ranges + (with_ecn ? 3 : 0);
  for (std::uint64_t i = 0; i < numbers; ++i) {
    if (!take_varint(from)) return false;
  }
  return true;
}

// Stores the content of the CRYPTO frames of a packet. The frames may come in any order, with others between them (RFC
// 9000, sections 12.4 and 19.6). Returns false if a limit is exceeded.
bool store_crypto(Cursor frames, SegmentBuffer& crypto) {
  enum FrameType : std::uint8_t { kPadding = 0, kPing = 1, kAck = 2, kAckWithEcn = 3, kCrypto = 6 };
  while (const auto type = take_u8(frames)) {
    if (*type == kPadding || *type == kPing) continue;
    if (*type == kAck || *type == kAckWithEcn) {
      if (!take_ack(frames, *type == kAckWithEcn)) return true;
      continue;
    }
    if (*type != kCrypto) return true;  // CONNECTION_CLOSE, or damage
    const auto offset = take_varint(frames);
    const auto length = take_varint(frames);
    const auto octets = length && *length <= frames.captured() ? take(frames, *length) : std::nullopt;
    if (!offset || !octets || *offset > kMostMessage) return true;
    if (!crypto.add(static_cast<std::uint32_t>(*offset), *octets)) return false;
  }
  return true;
}

void make_keys(const QuicVersion& version, const Cursor& connection_id, QuicState& state) {
  state.version = version.number;
  state.client = quic_keys(version, connection_id, true);
  state.server = quic_keys(version, connection_id, false);
}

// Returns the payload of an Initial packet of the client, in work.room; no octets if it cannot be opened. The client
// has new keys after Retry, and after version negotiation.
Cursor open_client_packet(const LongPacket& packet, Direction direction, QuicState& state, Workspace& work) {
  if (state.version == packet.version->number) {
    const Cursor payload = open_quic_packet(state.client, packet.octets, packet.number_at, work.room);
    if (payload.captured() > 0) return payload;
  }
  const QuicKeys keys = quic_keys(*packet.version, packet.receiver, true);
  const Cursor payload = open_quic_packet(keys, packet.octets, packet.number_at, work.room);
  if (payload.captured() == 0) return payload;
  make_keys(*packet.version, packet.receiver, state);
  state.client_direction = direction;
  return payload;
}

// The same for a packet of the server, whose keys are known from the client.
Cursor open_server_packet(const LongPacket& packet, QuicState& state, Workspace& work) {
  if (packet.type == LongPacket::Type::kRetry) {
    make_keys(*packet.version, packet.sender, state);
    return {};
  }
  return open_quic_packet(state.server, packet.octets, packet.number_at, work.room);
}

// Reads the hello once it is complete.
DatagramRead read_hello(const SegmentBuffer& crypto, Workspace& work) {
  Cursor rest = crypto.stream();
  const auto type = take_u8(rest);
  const auto body = take24(rest);
  if (!type) return DatagramRead::kNeedMore;
  const bool may_be_hello = *type == handshake_types::kClientHello || *type == handshake_types::kServerHello;
  if (!body) return crypto.full() || !may_be_hello ? DatagramRead::kDone : DatagramRead::kNeedMore;
  if (*type == handshake_types::kClientHello) {
    if (const auto hello = parse_client_hello(*body, HelloTransport::kQuic)) work.tls.note(*hello, work.findings);
  } else if (*type == handshake_types::kServerHello) {
    const auto hello = parse_server_hello(*body);
    if (!hello) return DatagramRead::kDone;
    work.tls.note(*hello, work.findings);
    if (!hello->asks_for_retry) TlsFindings::note_resumption(hello->accepts_psk, work.findings);
  }
  return DatagramRead::kDone;
}

}  // namespace

bool may_be_quic(const Cursor& datagram) {
  constexpr std::uint8_t kLongHeader = 0xc0;  // with the fixed bit
  return datagram.has(5) && (datagram.u8(0) & kLongHeader) == kLongHeader && quic_version(datagram.be32(1)) != nullptr;
}

DatagramRead read_quic_datagram(Cursor datagram, Direction direction, QuicState& state, SegmentBuffer& crypto,
                                Workspace& work) {
  constexpr std::uint8_t kMostDatagrams = 16;
  const bool from_server = state.version != 0 && direction != state.client_direction;
  bool opened = false;
  while (const auto packet = take_packet(datagram)) {
    const bool is_retry = packet->type == LongPacket::Type::kRetry;
    if (packet->type != LongPacket::Type::kInitial && !is_retry) continue;
    if (is_retry && !from_server) continue;
    const Cursor frames =
        from_server ? open_server_packet(*packet, state, work) : open_client_packet(*packet, direction, state, work);
    if (is_retry) return DatagramRead::kNeedMore;
    if (frames.captured() == 0) continue;
    opened = true;
    work.findings.put(Metadata::kQuicVersion, packet->version->name);
    if (!store_crypto(frames, crypto)) return DatagramRead::kDone;
  }
  if (!opened) return DatagramRead::kNothing;
  if (++state.datagrams[direction_index(direction)] > kMostDatagrams) return DatagramRead::kDone;
  return read_hello(crypto, work);
}

}  // namespace spanflow
