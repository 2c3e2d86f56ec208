// Mutates sequences of packets: a packet at a time, with lengths and checksums that fit again.
#include <algorithm>
#include <cstring>
#include <random>

#include "packet_sequence.h"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace spanflow::fuzz {
namespace {

using testing::Bytes;
using testing::PacketBuilder;
using testing::TestPacket;

// --- Lengths and checksums ---

void put_u16(std::uint8_t* at, std::size_t value) {
  at[0] = static_cast<std::uint8_t>(value >> 8);
  at[1] = static_cast<std::uint8_t>(value);
}

std::uint16_t checksum(const std::uint8_t* data, std::size_t octets) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i + 1 < octets; i += 2) sum += static_cast<std::uint32_t>(data[i] << 8 | data[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// Makes the lengths of an IP packet and of UDP in it reach to the end of the frame.
void mend_ip(std::uint8_t* ip, std::size_t octets, std::uint8_t ip_protocol, std::size_t headers) {
  if (octets > 0xffff) return;
  if (ip[0] >> 4 == 4) {
    const std::size_t header = std::size_t{ip[0] & 0xfU} * 4;
    put_u16(ip + 2, octets);
    put_u16(ip + 10, 0);
    put_u16(ip + 10, checksum(ip, std::min(header, octets)));
  } else {
    put_u16(ip + 4, octets - 40);
  }
  constexpr std::size_t kUdpHeader = 8;
  if (ip_protocol == protocol::kUdp && headers >= kUdpHeader && headers <= octets) {
    put_u16(ip + headers - 4, octets - headers + kUdpHeader);
  }
}

constexpr std::size_t kHead = 3;    // octets of the head of a sequence
constexpr std::size_t kHeader = 5;  // octets before each packet
constexpr std::size_t kStepAt = 2;
constexpr std::size_t kFormAt = 4;
constexpr std::uint8_t kWireForm = 3 << 3;

const Decoder kOutermost(TunnelSet::none(), VlanKey::kInner);
const Decoder kInnermost(TunnelSet::all(), VlanKey::kInner);

// Mends the IP packet that the decoder finds.
void mend(TestPacket& frame, const Decoder& decoder) {
  Packet packet;
  if (decoder.decode(frame.raw(), frame.link_type, packet) != Counter::kPacketsMetered) return;
  const auto at = static_cast<std::size_t>(packet.ip - frame.bytes.data());
  mend_ip(frame.bytes.data() + at, frame.bytes.size() - at, packet.later_fragment ? 0 : packet.key.ip_protocol,
          packet.ip_size - packet.payload_size);
}

void mend(TestPacket& frame) {
  mend(frame, kOutermost);
  mend(frame, kInnermost);
}

// --- Sequences ---

// A sequence in the memory of libFuzzer. Changes only the packets that it must, because mutations take much of the time
// of a fast target.
class Sequence {
 public:
  Sequence(std::uint8_t* data, std::size_t size, std::size_t most) : data_(data), size_(size), most_(most) { index(); }

  std::size_t size() const { return size_; }
  std::size_t packets() const { return count_; }
  // The header and the octets of a packet.
  std::span<std::uint8_t> operator[](std::size_t packet) {
    return {data_ + starts_[packet], starts_[packet + 1] - starts_[packet]};
  }
  TestPacket packet(std::size_t which) {
    const auto octets = (*this)[which].subspan(kHeader);
    return {.bytes = Bytes(octets.begin(), octets.end()),
            .wire = static_cast<std::uint32_t>(octets.size()),
            .link_type = SequenceReader({data_, size_}).head().link_type};
  }

  // Replaces the octets of a packet. Changes nothing if there is no room.
  void replace(std::size_t packet, std::span<const std::uint8_t> octets) {
    const std::size_t before = (*this)[packet].size() - kHeader;
    if (octets.size() > 0xffff || size_ - before + octets.size() > most_) return;
    const std::size_t at = starts_[packet] + kHeader;
    std::memmove(data_ + at + octets.size(), data_ + at + before, size_ - at - before);
    std::ranges::copy(octets, data_ + at);
    set_length(starts_[packet], octets.size());
    size_ = size_ - before + octets.size();
    index();
  }
  void erase(std::size_t packet) {
    const std::size_t octets = (*this)[packet].size();
    std::memmove(data_ + starts_[packet], data_ + starts_[packet + 1], size_ - starts_[packet + 1]);
    size_ -= octets;
    index();
  }
  // Inserts a copy of a packet, with its header, before another one. Returns false if there is no room.
  bool insert_copy(std::size_t packet, std::size_t before) {
    const Bytes copy((*this)[packet].begin(), (*this)[packet].end());
    if (size_ + copy.size() > most_ || count_ == kMostPackets) return false;
    std::memmove(data_ + starts_[before] + copy.size(), data_ + starts_[before], size_ - starts_[before]);
    std::ranges::copy(copy, data_ + starts_[before]);
    size_ += copy.size();
    index();
    return true;
  }

 private:
  // Finds the packets. A packet at the end whose header is cut is none. If its octets are cut, its header is mended, so
  // that it may stand before others.
  void index() {
    count_ = 0;
    starts_[0] = std::min(kHead, size_);
    for (std::size_t at = starts_[0]; at + kHeader <= size_ && count_ < kMostPackets; starts_[++count_] = at) {
      const std::size_t octets = std::min(data_[at] | std::size_t{data_[at + 1]} << 8, size_ - at - kHeader);
      set_length(at, octets);
      at += kHeader + octets;
    }
  }
  void set_length(std::size_t at, std::size_t octets) {
    data_[at] = static_cast<std::uint8_t>(octets);
    data_[at + 1] = static_cast<std::uint8_t>(octets >> 8);
  }

  std::uint8_t* data_;
  std::size_t size_;
  const std::size_t most_;
  std::size_t count_ = 0;
  std::array<std::size_t, kMostPackets + 1> starts_;
};

// --- Mutations ---

class Mutation {
 public:
  Mutation(Sequence& sequence, unsigned seed) : sequence_(sequence), random_(seed) {}

  void apply() {
    const auto steps = 1 + random_() % 3;
    for (unsigned i = 0; i < steps && sequence_.packets() > 0; ++i) step(any());
  }

 private:
  void step(std::size_t packet) {
    switch (random_() % 10) {
      case 0:
        sequence_.insert_copy(packet, any());
        return;
      case 1:
        return move(packet);
      case 2:
        return sequence_.erase(packet);
      case 3:
        return move_in_time(packet);
      case 4:
        return cut(packet);
      case 5:
        return fragment(packet);
      case 6:
        return wrap(packet);
      default:
        return change_octets(packet);
    }
  }

  std::size_t any() { return random_() % sequence_.packets(); }

  void move(std::size_t packet) {
    const std::size_t to = any();
    if (sequence_.insert_copy(packet, to)) sequence_.erase(to <= packet ? packet + 1 : packet);
  }

  void move_in_time(std::size_t packet) {
    const auto header = sequence_[packet];
    header[kStepAt] = static_cast<std::uint8_t>(random_());
    header[kFormAt] = static_cast<std::uint8_t>((header[kFormAt] & kWireForm) | random_() % 8);
  }

  // A snap length, or a frame that is really shorter.
  void cut(std::size_t which) {
    TestPacket packet = sequence_.packet(which);
    packet.bytes.resize(random_() % (packet.bytes.size() + 1));
    const bool is_snapped = random_() % 2 == 0;
    if (!is_snapped) mend(packet);
    sequence_[which][kFormAt] &= static_cast<std::uint8_t>(~kWireForm);
    if (is_snapped) sequence_[which][kFormAt] |= 1 << 3;
    sequence_.replace(which, packet.bytes);
  }

  // Makes the packet a fragment, and adds a later fragment of its datagram.
  void fragment(std::size_t which) {
    TestPacket packet = sequence_.packet(which);
    Packet decoded;
    if (kOutermost.decode(packet.raw(), packet.link_type, decoded) != Counter::kPacketsMetered) return;
    const auto at = static_cast<std::size_t>(decoded.ip - packet.bytes.data());
    if (decoded.key.ip_version != 4) return;
    put_u16(&packet.bytes[at + 6], random_() % 2 == 0 ? 8 : 0x2000 | random_() % 200);
    mend(packet, kOutermost);
    const std::size_t place = any();
    if (!sequence_.insert_copy(which, place)) return;
    sequence_.replace(place, packet.bytes);
    put_u16(&packet.bytes[at + 6], 0x2000);
    mend(packet, kOutermost);
    sequence_.replace(place <= which ? which + 1 : which, packet.bytes);
  }

  // Puts the frame or the IP packet into a tunnel.
  void wrap(std::size_t which) {
    const TestPacket packet = sequence_.packet(which);
    if (packet.link_type != LinkType::kEthernet || packet.bytes.size() > 9000 || packet.bytes.size() < 14) return;
    const Bytes ip(packet.bytes.begin() + 14, packet.bytes.end());
    const bool is_ipv6 = !ip.empty() && ip[0] >> 4 == 6;
    PacketBuilder outer = PacketBuilder().ethernet();
    if (random_() % 4 == 0) outer.vlan(static_cast<std::uint16_t>(random_() % 4096));
    random_() % 2 == 0 ? outer.ipv4("172.16.0.1", "172.16.0.2") : outer.ipv6("fd00::1", "fd00::2");
    switch (random_() % 6) {
      case 0:
        outer.udp(50'000, 4789).vxlan(random_() % 100).header(packet.bytes);
        break;
      case 1:
        outer.udp(50'000, 6081).geneve(random_() % 100, 8).header(packet.bytes);
        break;
      case 2:
        outer.udp(2152, 2152).gtp(random_() % 100).header(ip);
        break;
      case 3:
        outer.gre().patch(2, is_ipv6 ? 0x86 : 0x08).patch(3, is_ipv6 ? 0xdd : 0x00).header(ip);
        break;
      case 4:
        outer.erspan2(static_cast<std::uint16_t>(random_() % 100)).header(packet.bytes);
        break;
      default:
        outer.ip_protocol(is_ipv6 ? protocol::kIpv6 : protocol::kIpv4).header(ip);
    }
    sequence_.replace(which, outer.build().bytes);
  }

  void change_octets(std::size_t which) {
    constexpr std::size_t kGrowth = 64;
    TestPacket packet = sequence_.packet(which);
    const std::size_t size = packet.bytes.size();
    packet.bytes.resize(std::min<std::size_t>(size + kGrowth, 0xffff));
    packet.bytes.resize(LLVMFuzzerMutate(packet.bytes.data(), size, packet.bytes.size()));
    packet.wire = static_cast<std::uint32_t>(packet.bytes.size());
    if (random_() % 4 != 0) mend(packet);
    sequence_.replace(which, packet.bytes);
  }

  Sequence& sequence_;
  std::minstd_rand random_;
};

}  // namespace
}  // namespace spanflow::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  using namespace spanflow::fuzz;
  Sequence sequence(data, size, max_size);
  // libFuzzer's own mutations also change the heads.
  if (seed % 8 == 0 || sequence.packets() == 0) return LLVMFuzzerMutate(data, size, max_size);
  Mutation(sequence, seed).apply();
  return sequence.size();
}

// Takes the packets of both sequences in turn. The head is that of the first one.
extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data1, std::size_t size1,
                                                 const std::uint8_t* data2, std::size_t size2, std::uint8_t* out,
                                                 std::size_t max_size, unsigned seed) {
  using namespace spanflow::fuzz;
  Bytes copies[2] = {Bytes(data1, data1 + size1), Bytes(data2, data2 + size2)};
  Sequence from[2] = {{copies[0].data(), size1, size1}, {copies[1].data(), size2, size2}};
  std::size_t next[2] = {0, 0};
  std::minstd_rand random(seed);
  std::size_t written = std::min({kHead, size1, max_size});
  std::copy_n(data1, written, out);
  while (next[0] < from[0].packets() || next[1] < from[1].packets()) {
    std::size_t side = random() % 2;
    if (next[side] == from[side].packets()) side = 1 - side;
    const auto packet = from[side][next[side]++];
    if (written + packet.size() > max_size) break;
    std::ranges::copy(packet, out + written);
    written += packet.size();
  }
  return written;
}
