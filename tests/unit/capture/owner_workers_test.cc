#include "capture/owner_workers.h"

#include <gmock/gmock.h>

#include "support/packet_builder.h"

namespace spanflow::testing::owner_workers_test {
namespace {

constexpr std::uint32_t kWorkers = 5;

std::uint32_t owner_of(OwnerWorkers::Rule rule, const PacketBuilder& builder, std::uint32_t receiver) {
  const Decoder decoder(TunnelSet::all(), VlanKey::kBoth);
  const TestPacket built = builder.build();
  Packet packet;
  EXPECT_EQ(decoder.decode(built.raw(), built.link_type, packet), Counter::kPacketsMetered);
  return OwnerWorkers(rule, kWorkers).owner_of(packet, receiver);
}

PacketBuilder plain(const std::string& from, const std::string& to, std::uint16_t port = 1) {
  return PacketBuilder().ethernet().ipv4(from, to).udp(port, 53);
}

PacketBuilder tunnelled(const std::string& from, const std::string& to) {
  PacketBuilder outer;
  return outer.ethernet().ipv4("1.1.1.1", "2.2.2.2").gre().ipv4(from, to).udp(1, 53);
}

std::string host(int number) { return "10.0.0." + std::to_string(number); }

// Returns the owner worker of each of 200 pairs of hosts. Checks that packets in the other direction have the same
// owner, whichever worker receives them.
std::vector<std::uint32_t> owners_of(OwnerWorkers::Rule rule,
                                     PacketBuilder (*packet)(const std::string&, const std::string&)) {
  std::vector<std::uint32_t> owners;
  for (int number = 1; number <= 200; ++number) {
    const std::uint32_t owner = owner_of(rule, packet(host(number), "10.9.9.9"), 0);
    for (std::uint32_t receiver = 0; receiver < kWorkers; ++receiver) {
      EXPECT_EQ(owner_of(rule, packet("10.9.9.9", host(number)), receiver), owner);
    }
    owners.push_back(owner);
  }
  return owners;
}

MATCHER(HasEveryWorkerOften, "") {
  for (std::uint32_t worker = 0; worker < kWorkers; ++worker) {
    if (std::count(arg.begin(), arg.end(), worker) < 20) return false;
  }
  return true;
}

TEST(OwnerWorkersTest, IfQueuesAreSplitWellTheReceiverOwnsThePacket) {
  for (std::uint32_t receiver = 0; receiver < kWorkers; ++receiver) {
    EXPECT_EQ(owner_of(OwnerWorkers::Rule::kReceiver, plain("10.0.0.1", "10.0.0.2"), receiver), receiver);
    EXPECT_EQ(owner_of(OwnerWorkers::Rule::kReceiver,
                       PacketBuilder().ethernet().vlan(7).ipv6("fd00::1", "fd00::2").tcp(1, 2), receiver),
              receiver);
  }
}

TEST(OwnerWorkersTest, IfQueuesAreSplitWellAddressesInsideATunnelSelectTheOwnerOfBothDirections) {
  EXPECT_THAT(owners_of(OwnerWorkers::Rule::kReceiver, tunnelled), HasEveryWorkerOften());
}

TEST(OwnerWorkersTest, IfQueuesAreNotSplitWellAddressesSelectTheOwnerOfBothDirections) {
  EXPECT_THAT(owners_of(OwnerWorkers::Rule::kAddresses,
                        [](const std::string& from, const std::string& to) { return plain(from, to); }),
              HasEveryWorkerOften());
  EXPECT_THAT(owners_of(OwnerWorkers::Rule::kAddresses, tunnelled), HasEveryWorkerOften());
}

TEST(OwnerWorkersTest, FragmentsPortsAndVlansMakeNoDifference) {
  const std::uint32_t owner = owner_of(OwnerWorkers::Rule::kAddresses, plain("10.0.0.1", "10.0.0.2"), 0);
  const auto fragment = [](std::uint32_t offset, bool more) {
    return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").fragment(offset, more, 9);
  };
  EXPECT_EQ(owner_of(OwnerWorkers::Rule::kAddresses, fragment(0, true).udp(7, 8).payload(92), 0), owner);
  EXPECT_EQ(owner_of(OwnerWorkers::Rule::kAddresses, fragment(104, false).ip_protocol(protocol::kUdp).payload(30), 0),
            owner);
  for (std::uint16_t id = 1; id < 100; ++id) {
    EXPECT_EQ(owner_of(OwnerWorkers::Rule::kAddresses, plain("10.0.0.1", "10.0.0.2", id), 0), owner);
    EXPECT_EQ(owner_of(OwnerWorkers::Rule::kAddresses,
                       PacketBuilder().ethernet().vlan(id).ipv4("10.0.0.2", "10.0.0.1").tcp(id, 2), 0),
              owner);
  }
}

}  // namespace
}  // namespace spanflow::testing::owner_workers_test
