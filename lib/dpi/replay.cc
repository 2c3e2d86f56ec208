#include "dpi/replay.h"

#include <algorithm>

#include "base/flow_hash.h"
#include "decode/packet.h"

namespace spanflow {
namespace {

// Appends big-endian integers and addresses to `out`.
class Builder {
 public:
  explicit Builder(std::span<std::uint8_t> out) : out_(out) {}
  Builder& u8(std::uint32_t value) {
    out_[at_++] = static_cast<std::uint8_t>(value);
    return *this;
  }
  Builder& be16(std::uint32_t value) { return u8(value >> 8).u8(value); }
  Builder& be32(std::uint32_t value) { return be16(value >> 16).be16(value); }
  Builder& address(const IpAddress& address, std::size_t octets) {
    std::copy_n(address.bytes.begin(), octets, out_.begin() + static_cast<std::ptrdiff_t>(at_));
    at_ += octets;
    return *this;
  }
  std::size_t size() const { return at_; }

 private:
  std::span<std::uint8_t> out_;
  std::size_t at_ = 0;
};

constexpr std::uint32_t kHopLimit = 64;
constexpr std::uint32_t kTcpHeader = 20;  // octets
// nDPI learns nothing from a bare acknowledgement that follows this many packets.
constexpr std::uint8_t kAllTelling = 2;

}  // namespace

std::size_t rebuild_packet(const FlowKey& flow, const InitialSequence& initial, Direction direction,
                           std::uint8_t tcp_flags, std::span<std::uint8_t, kReplayOctets> out) {
  const FlowKey key = direction == Direction::kDstToSrc ? reversed(flow) : flow;
  Builder build{out};
  if (key.ip_version == 4) {
    build.be16(0x4500).be16(20 + kTcpHeader).be32(0x00004000).u8(kHopLimit).u8(protocol::kTcp).be16(0);
    build.address(key.ip_src, 4).address(key.ip_dst, 4);
  } else {
    build.be32(0x60000000).be16(kTcpHeader).u8(protocol::kTcp).u8(kHopLimit);
    build.address(key.ip_src, 16).address(key.ip_dst, 16);
  }
  const std::size_t self = direction_index(direction);
  const bool syn = (tcp_flags & tcp::kSyn) != 0;
  const bool ack = (tcp_flags & tcp::kAck) != 0;
  build.be16(key.src_port).be16(key.dst_port);
  build.be32(initial[self] + (syn ? 0 : 1)).be32(ack ? initial[1 - self] + 1 : 0);
  build.u8(0x50).u8(tcp_flags).be16(0xffff).be32(0);
  return build.size();
}

bool remember_packet(Handshake& handshake, InitialSequence& initial, Direction direction, std::uint8_t tcp_flags,
                     std::uint32_t sequence, std::uint32_t acknowledgement) {
  const bool is_bare_ack = tcp_flags == tcp::kAck;
  if (handshake.count == Handshake::kMost || (is_bare_ack && handshake.count >= kAllTelling)) return false;
  const Direction back = reversed(direction);
  // If no SYN of this direction was captured, the first packet is assumed to follow the SYN directly. An
  // acknowledgement gives the number of the other direction in the same way.
  if ((tcp_flags & tcp::kSyn) == 0 && (handshake.sequences_known & direction_bit(direction)) == 0) {
    initial[direction_index(direction)] = sequence - 1;
  }
  handshake.sequences_known |= direction_bit(direction);
  if ((tcp_flags & tcp::kAck) != 0 && (handshake.sequences_known & direction_bit(back)) == 0) {
    initial[direction_index(back)] = acknowledgement - 1;
    handshake.sequences_known |= direction_bit(back);
  }
  const std::uint8_t direction_bit = direction == Direction::kDstToSrc ? 0x80 : 0;
  handshake.packets[handshake.count++] = static_cast<std::uint8_t>(direction_bit | (tcp_flags & 0x7f));
  return true;
}

}  // namespace spanflow
