// Mutates sequences of packets: a packet at a time, with lengths and checksums that fit again.
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

// Mends the IP packet that the decoder finds with these tunnels: the outermost or the innermost one.
void mend(TestPacket& frame, TunnelSet tunnels) {
  Packet packet;
  const Decoder decoder(tunnels, VlanKey::kInner);
  if (decoder.decode(frame.raw(), frame.link_type, packet) != Counter::kPacketsMetered) return;
  const auto at = static_cast<std::size_t>(packet.ip - frame.bytes.data());
  mend_ip(frame.bytes.data() + at, frame.bytes.size() - at, packet.later_fragment ? 0 : packet.key.ip_protocol,
          packet.ip_size - packet.payload_size);
}

void mend(TestPacket& frame) {
  mend(frame, TunnelSet::none());
  mend(frame, TunnelSet::all());
}

// --- Mutations ---

class Mutation {
 public:
  Mutation(std::vector<TestPacket>& packets, unsigned seed) : packets_(packets), random_(seed) {}

  void apply() {
    const auto steps = 1 + random_() % 3;
    for (unsigned i = 0; i < steps && !packets_.empty(); ++i) step();
  }

 private:
  void step() {
    TestPacket& packet = any();
    switch (random_() % 10) {
      case 0:
        return repeat(packet);
      case 1:
        return std::swap(packet, any());
      case 2:
        packets_.erase(packets_.begin() + (&packet - packets_.data()));
        return;
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

  TestPacket& any() { return packets_[random_() % packets_.size()]; }

  void repeat(const TestPacket& packet) {
    if (packets_.size() < kMostPackets)
      packets_.insert(packets_.begin() + (&any() - packets_.data()), TestPacket(packet));
  }

  void move_in_time(TestPacket& packet) {
    constexpr std::array<std::uint64_t, 4> kSteps = {1'000, 10'000'000, 1'000'000'000, 100'000'000'000};
    const std::uint64_t step = kSteps[random_() % kSteps.size()] * (1 + random_() % 5);
    packet.time_ns += random_() % 2 == 0 ? step : ~step + 1;
  }

  // A snap length, or a frame that is really shorter.
  void cut(TestPacket& packet) {
    packet.bytes.resize(random_() % (packet.bytes.size() + 1));
    if (random_() % 2 != 0) return;
    packet.wire = static_cast<std::uint32_t>(packet.bytes.size());
    mend(packet);
  }

  // Makes the packet a fragment, and adds a later fragment of its datagram.
  void fragment(TestPacket& packet) {
    Packet decoded;
    const Decoder decoder(TunnelSet::none(), VlanKey::kInner);
    if (decoder.decode(packet.raw(), packet.link_type, decoded) != Counter::kPacketsMetered) return;
    const auto at = static_cast<std::size_t>(decoded.ip - packet.bytes.data());
    if (decoded.key.ip_version != 4 || packets_.size() >= kMostPackets) return;
    put_u16(&packet.bytes[at + 6], 0x2000);
    TestPacket later = packet;
    put_u16(&later.bytes[at + 6], random_() % 2 == 0 ? 8 : 0x2000 | random_() % 200);
    mend(packet, TunnelSet::none());
    mend(later, TunnelSet::none());
    packets_.insert(packets_.begin() + (&any() - packets_.data()), std::move(later));
  }

  // Puts the frame or the IP packet into a tunnel.
  void wrap(TestPacket& packet) {
    if (packet.link_type != LinkType::kEthernet || packet.bytes.size() > 9000 || packet.bytes.size() < 14) return;
    const Bytes ip(packet.bytes.begin() + 14, packet.bytes.end());
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
        outer.gre().ip_protocol(protocol::kGre).header(ip);
        break;
      case 4:
        outer.erspan2(static_cast<std::uint16_t>(random_() % 100)).header(packet.bytes);
        break;
      default:
        outer.ip_protocol(ip.empty() || ip[0] >> 4 == 4 ? protocol::kIpv4 : protocol::kIpv6).header(ip);
    }
    TestPacket wrapped = outer.build();
    wrapped.time_ns = packet.time_ns;
    packet = std::move(wrapped);
  }

  void change_octets(TestPacket& packet) {
    constexpr std::size_t kGrowth = 64;
    const bool is_whole = packet.wire == packet.bytes.size();
    const std::size_t size = packet.bytes.size();
    packet.bytes.resize(std::min<std::size_t>(size + kGrowth, 0xffff));
    packet.bytes.resize(LLVMFuzzerMutate(packet.bytes.data(), size, packet.bytes.size()));
    if (is_whole) packet.wire = static_cast<std::uint32_t>(packet.bytes.size());
    if (random_() % 4 != 0) mend(packet);
  }

  std::vector<TestPacket>& packets_;
  std::minstd_rand random_;
};

// --- Sequences ---

std::size_t store(const Bytes& sequence, std::uint8_t* out, std::size_t most) {
  const std::size_t size = std::min(sequence.size(), most);
  std::copy_n(sequence.begin(), size, out);
  return size;
}

}  // namespace
}  // namespace spanflow::fuzz

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  using namespace spanflow::fuzz;
  if (seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);  // also changes the heads
  SequenceReader sequence({data, size});
  auto packets = packets_of(sequence);
  if (packets.empty()) return LLVMFuzzerMutate(data, size, max_size);
  Mutation(packets, seed).apply();
  return store(sequence_of(sequence.head(), packets), data, max_size);
}

// Takes the packets of both sequences in turn.
extern "C" std::size_t LLVMFuzzerCustomCrossOver(const std::uint8_t* data1, std::size_t size1,
                                                 const std::uint8_t* data2, std::size_t size2, std::uint8_t* out,
                                                 std::size_t max_size, unsigned seed) {
  using namespace spanflow::fuzz;
  SequenceReader one({data1, size1});
  SequenceReader other({data2, size2});
  const auto from_one = packets_of(one);
  const auto from_other = packets_of(other);
  std::vector<spanflow::testing::TestPacket> packets;
  std::minstd_rand random(seed);
  for (std::size_t i = 0, j = 0; i < from_one.size() || j < from_other.size();) {
    const bool take_one = j == from_other.size() || (i < from_one.size() && random() % 2 == 0);
    packets.push_back(take_one ? from_one[i++] : from_other[j++]);
  }
  return store(sequence_of(one.head(), packets), out, max_size);
}
