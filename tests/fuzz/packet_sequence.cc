#include "packet_sequence.h"

#include <algorithm>

namespace spanflow::fuzz {
namespace {

using testing::Bytes;
using testing::TestPacket;

constexpr std::array<std::uint64_t, 4> kUnitsNs = {1, 1'000, 1'000'000, 1'000'000'000};
// A usual time, and times at which numbers could overflow: the epoch, and the greatest times with and without a sign.
constexpr std::array<std::uint64_t, 4> kStartsNs = {1'700'000'000'000'000'000, 0, ~0ULL - 5'000'000'000,
                                                    (1ULL << 63) - 1'000'000};
constexpr std::uint8_t kGoesBack = 4;
constexpr unsigned kWireShift = 3;

// What the header says of the length on the wire, beside the number of captured octets.
enum class Wire : std::uint8_t { kCaptured, kLonger, kShorter, kGreatest };

std::uint32_t wire_of(Wire wire, std::uint32_t captured) {
  switch (wire) {
    case Wire::kCaptured:
      break;
    case Wire::kLonger:
      return captured + 100;
    case Wire::kShorter:
      return captured / 2;
    case Wire::kGreatest:
      return ~std::uint32_t{0};
  }
  return captured;
}

Wire nearest_wire(const TestPacket& packet) {
  if (packet.wire == packet.bytes.size()) return Wire::kCaptured;
  if (packet.wire == ~std::uint32_t{0}) return Wire::kGreatest;
  return packet.wire > packet.bytes.size() ? Wire::kLonger : Wire::kShorter;
}

void append_u16(Bytes& out, std::uint64_t value) {
  out.push_back(static_cast<std::uint8_t>(value));
  out.push_back(static_cast<std::uint8_t>(value >> 8));
}

void append(Bytes& out, const TestPacket& packet, std::uint64_t before_ns) {
  const bool back = packet.time_ns < before_ns;
  const std::uint64_t step_ns = back ? before_ns - packet.time_ns : packet.time_ns - before_ns;
  std::uint8_t unit = 0;
  while (unit + 1U < kUnitsNs.size() && step_ns / kUnitsNs[unit] > 0xffff) ++unit;
  append_u16(out, packet.bytes.size());
  append_u16(out, std::min<std::uint64_t>(step_ns / kUnitsNs[unit], 0xffff));
  out.push_back(static_cast<std::uint8_t>(unit | (back ? kGoesBack : 0) |
                                          static_cast<unsigned>(nearest_wire(packet)) << kWireShift));
  out.insert(out.end(), packet.bytes.begin(), packet.bytes.end());
}

std::uint8_t link_type_octet(LinkType type) {
  const auto rows = link_types();
  const auto row = std::ranges::find(rows, type, &LinkTypeRow::type);
  return static_cast<std::uint8_t>(row - rows.begin());
}

}  // namespace

SequenceReader::SequenceReader(std::span<const std::uint8_t> input) : octets_(input) {
  head_.variant = octets_.u8();
  head_.link_type = link_types()[octets_.u8() % link_types().size()].type;
  head_.start_ns = kStartsNs[octets_.u8() % kStartsNs.size()];
  time_ns_ = head_.start_ns;
}

bool SequenceReader::next(RawPacket& packet) {
  if (octets_.empty() || count_ == kMostPackets) return false;
  ++count_;
  const std::uint16_t captured = octets_.u16();
  const std::uint16_t step = octets_.u16();
  const std::uint8_t form = octets_.u8();
  const std::uint64_t step_ns = step * kUnitsNs[form % kUnitsNs.size()];
  time_ns_ += (form & kGoesBack) != 0 ? ~step_ns + 1 : step_ns;
  const auto octets = octets_.take(captured);
  packet = {.data = octets.data(),
            .captured = static_cast<std::uint32_t>(octets.size()),
            .wire = wire_of(static_cast<Wire>(form >> kWireShift & 3), static_cast<std::uint32_t>(octets.size())),
            .time_ns = time_ns_};
  return true;
}

std::vector<TestPacket> packets_of(SequenceReader& sequence) {
  std::vector<TestPacket> packets;
  for (RawPacket raw; sequence.next(raw);) {
    packets.push_back({.bytes = Bytes(raw.data, raw.data + raw.captured),
                       .wire = raw.wire,
                       .time_ns = raw.time_ns,
                       .link_type = sequence.head().link_type});
  }
  return packets;
}

Bytes sequence_of(std::uint8_t variant, std::span<const TestPacket> packets) {
  const LinkType type = packets.empty() ? LinkType::kEthernet : packets.front().link_type;
  Bytes out{variant, link_type_octet(type), 0};
  std::uint64_t before_ns = packets.empty() ? 0 : packets.front().time_ns;
  for (const TestPacket& packet : packets.first(std::min(packets.size(), kMostPackets))) {
    append(out, packet, before_ns);
    before_ns = packet.time_ns;
  }
  return out;
}

std::span<RawPacket> GuardedPackets::place(SequenceReader& sequence) {
  std::size_t count = 0;
  for (RawPacket packet; sequence.next(packet); ++count) {
    packet.data = places_[count].copy({packet.data, packet.captured});
    packets_[count] = packet;
  }
  return std::span(packets_).first(count);
}

}  // namespace spanflow::fuzz
