#include "support/random_traffic.h"

#include <algorithm>
#include <random>

namespace spanflow::testing {
namespace {

using namespace std::chrono_literals;

std::uint8_t random_flags(std::mt19937& random) {
  switch (random() % 8) {
    case 0:
      return tcp::kSyn;
    case 1:
      return tcp::kSyn | tcp::kAck;
    case 2:
      return tcp::kFin | tcp::kAck;
    case 3:
      return random() % 4 == 0 ? tcp::kRst : tcp::kAck;
    default:
      return tcp::kAck;
  }
}

// Makes packets of a random conversation between two hosts. All its packets have the same one of five encapsulations.
class Conversation {
 public:
  explicit Conversation(std::mt19937& random)
      : encapsulation_(random() % 5),
        v6_(random() % 4 == 0),
        forward_(random() % 2 == 0),
        protocol_(random() % 4),
        port_(static_cast<std::uint16_t>(1000 + random() % 3)),
        hosts_{random() % 3, random() % 3} {}

  PacketBuilder whole(std::mt19937& random) const {
    PacketBuilder packet = up_to_ip();
    add_transport(packet, random);
    packet.payload(random() % 200);
    return packet;
  }

  PacketBuilder first_fragment(std::uint16_t id, std::mt19937& random) const {
    PacketBuilder packet = up_to_ip();
    add_fragment(packet, 0, true, id);
    add_transport(packet, random);
    packet.payload(64);
    return packet;
  }

  PacketBuilder later_fragment(std::uint16_t id, std::uint32_t number, bool more) const {
    PacketBuilder packet = up_to_ip();
    add_fragment(packet, 72 * number, more, id);
    packet.ip_protocol(ip_protocol()).payload(72 - number);
    return packet;
  }

 private:
  PacketBuilder up_to_ip() const {
    PacketBuilder packet;
    packet.ethernet();
    if (encapsulation_ == 1) packet.vlan(100);
    if (encapsulation_ == 2) packet.vlan(200).vlan(30);
    if (encapsulation_ == 3) packet.ipv4("172.16.0.1", "172.16.0.2").udp(5000, 4789).vxlan(7).ethernet();
    if (encapsulation_ == 4) packet.ipv4("172.16.0.1", "172.16.0.2").gre();
    const std::string one = (v6_ ? "fd00::1:" : "10.0.0.") + std::to_string(hosts_[0]);
    const std::string other = (v6_ ? "fd00::2:" : "10.0.1.") + std::to_string(hosts_[1]);
    if (v6_) {
      packet.ipv6(forward_ ? one : other, forward_ ? other : one);
    } else {
      packet.ipv4(forward_ ? one : other, forward_ ? other : one);
    }
    return packet;
  }

  void add_fragment(PacketBuilder& packet, std::uint32_t offset, bool more, std::uint16_t id) const {
    if (v6_) {
      packet.fragment_header(offset, more, id);
    } else {
      packet.fragment(offset, more, id);
    }
  }

  std::uint8_t ip_protocol() const {
    if (protocol_ == 0) return protocol::kTcp;
    if (protocol_ == 1) return v6_ ? protocol::kIcmpv6 : protocol::kIcmp;
    return protocol::kUdp;
  }

  void add_transport(PacketBuilder& packet, std::mt19937& random) const {
    if (protocol_ == 0) {
      packet.tcp(forward_ ? port_ : 80, forward_ ? 80 : port_).flags(random_flags(random)).seq(random() % 3);
    } else if (protocol_ == 1) {
      v6_ ? packet.icmpv6(128, 0) : packet.icmp(8, 0);
    } else {
      packet.udp(forward_ ? port_ : 53, forward_ ? 53 : port_);
    }
  }

  std::uint64_t encapsulation_;
  bool v6_;
  bool forward_;
  std::uint64_t protocol_;
  std::uint16_t port_;
  std::uint64_t hosts_[2];
};

// Adds a fragmented datagram of a random kind. Kind 0: the first fragment comes first, and the other fragments follow
// within 1 ms. Kind 1: the first fragment is missing. Kinds 2 and 3: all fragments come within 3 s, in any order.
void add_datagram(const Conversation& conversation, std::chrono::nanoseconds now, std::uint16_t id,
                  std::mt19937& random, std::vector<TestPacket>& packets) {
  const auto kind = random() % 4;
  const auto duration = std::chrono::milliseconds{kind == 0 ? 1 : 1 + random() % 3000};
  const auto later = 1 + static_cast<std::uint32_t>(random() % 4);
  const auto time = [&] { return now + std::chrono::microseconds{random() % (1000 * duration.count())}; };
  if (kind != 1) packets.push_back(conversation.first_fragment(id, random).at(kind == 0 ? now : time()).build());
  for (std::uint32_t number = 1; number <= later; ++number) {
    packets.push_back(conversation.later_fragment(id, number, number < later).at(time()).build());
  }
}

}  // namespace

std::vector<TestPacket> random_traffic(unsigned seed, std::size_t count, bool time_may_go_back) {
  std::mt19937 random(seed);
  std::vector<TestPacket> packets;
  std::chrono::nanoseconds now = 1'700'000'000s;
  while (packets.size() < count) {
    now += std::chrono::milliseconds{random() % (random() % 20 == 0 ? 6'000 : 60)};
    const auto back = std::chrono::milliseconds{time_may_go_back && random() % 4 == 0 ? random() % 12'000 : 0};
    const std::string one = "10.0.0." + std::to_string(random() % 4);
    const std::string other = "10.0.1." + std::to_string(random() % 4);
    const bool forward = random() % 2 == 0;
    const auto port = static_cast<std::uint16_t>(1000 + random() % 3);
    PacketBuilder packet;
    packet.ethernet().ipv4(forward ? one : other, forward ? other : one);
    if (random() % 3 == 0) {
      packet.udp(forward ? port : 53, forward ? 53 : port);
    } else {
      packet.tcp(forward ? port : 80, forward ? 80 : port).flags(random_flags(random)).seq(random() % 3);
    }
    packets.push_back(packet.payload(random() % 200).at(now - back).build());
  }
  return packets;
}

std::vector<TestPacket> mixed_traffic(unsigned seed, std::size_t count, bool time_may_go_back) {
  std::mt19937 random(seed);
  std::vector<TestPacket> packets;
  std::chrono::nanoseconds now = 1'700'000'000s;
  while (packets.size() < count) {
    now += std::chrono::milliseconds{random() % (random() % 20 == 0 ? 6'000 : 60)};
    const Conversation conversation(random);
    if (random() % 4 == 0) {
      add_datagram(conversation, now, static_cast<std::uint16_t>(random() % 50), random, packets);
    } else {
      packets.push_back(conversation.whole(random).at(now).build());
    }
  }
  std::stable_sort(packets.begin(), packets.end(),
                   [](const TestPacket& a, const TestPacket& b) { return a.time_ns < b.time_ns; });
  for (TestPacket& packet : packets) {
    if (time_may_go_back && random() % 4 == 0) packet.time_ns -= random() % 12'000'000'000;
  }
  return packets;
}

}  // namespace spanflow::testing
