#include "support/random_traffic.h"

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

}  // namespace spanflow::testing
