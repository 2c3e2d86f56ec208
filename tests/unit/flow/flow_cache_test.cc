// Tests the counts of a record, eviction, and a full export ring.
#include <gmock/gmock.h>

#include <algorithm>
#include <cstring>
#include <list>
#include <map>
#include <random>
#include <string>

#include "base/flow_hash.h"
#include "support/application_packets.h"
#include "support/flow_harness.h"

namespace spanflow::testing::flow_cache_test {
namespace {

using namespace std::chrono_literals;

PacketBuilder udp(std::uint16_t source_port, std::chrono::nanoseconds time) {
  return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(source_port, 53).at(time);
}

PacketBuilder udp_back(std::uint16_t source_port, std::chrono::nanoseconds time) {
  return PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1").udp(53, source_port).at(time);
}

std::vector<std::uint16_t> source_ports(const std::vector<FlowRecord>& records) {
  std::vector<std::uint16_t> ports;
  for (const FlowRecord& record : records) ports.push_back(record.src_port);
  return ports;
}

TEST(FlowCache, ARecordHoldsWhatItsPacketsAddUpTo) {
  Config config;
  config.sensor_id = "probe-1";
  FlowHarness flows(config, {.worker = 3});
  flows.add(udp(1000, 1s).payload(10).padding(8).build());
  flows.add(udp_back(1000, 2s).payload(100).build());
  flows.add(udp_back(1000, 3s).payload(200).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  const FlowRecord& record = records[0];
  EXPECT_EQ(record.ip_src, address("10.0.0.1"));
  EXPECT_EQ(record.ip_dst, address("10.0.0.2"));
  EXPECT_EQ(record.src_port, 1000);
  EXPECT_EQ(record.dst_port, 53);
  EXPECT_EQ(record.ip_protocol, protocol::kUdp);
  EXPECT_EQ(record.src_to_dst.pkts, 1U);
  EXPECT_EQ(record.src_to_dst.link_bytes, 14U + 28 + 10 + 8);
  EXPECT_EQ(record.src_to_dst.ip_bytes, 38U);
  EXPECT_EQ(record.dst_to_src.pkts, 2U);
  EXPECT_EQ(record.dst_to_src.link_bytes, 14U + 28 + 100 + 14 + 28 + 200);
  EXPECT_EQ(record.dst_to_src.ip_bytes, 28U + 100 + 28 + 200);
  EXPECT_EQ(record.start_ns, 1'000'000'000U);
  EXPECT_EQ(record.end_ns, 3'000'000'000U);
  EXPECT_EQ(record.biflow_direction, BiflowDirection::kInitiator);
  EXPECT_EQ(record.sensor_id, "probe-1");
  EXPECT_EQ(record.worker, 3);
  EXPECT_EQ(record.flow_id, make_flow_id("probe-1", record, 1'000'000'000));
  EXPECT_FALSE(record.has_application);
}

TEST(FlowCache, ASideWithoutPacketsIsAllZero) {
  FlowHarness flows;
  flows.add(udp(1, 1s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  const FlowSide& side = records[0].dst_to_src;
  EXPECT_EQ(side.pkts, 0U);
  EXPECT_EQ(side.bytes, 0U);
  EXPECT_EQ(side.start_ns, 0U);
  EXPECT_EQ(side.end_ns, 0U);
  EXPECT_EQ(side.ttl_min, 0);
  EXPECT_EQ(side.ttl_max, 0);
  EXPECT_EQ(records[0].start_ns, 1'000'000'000U);
  EXPECT_EQ(records[0].end_ns, 1'000'000'000U);
}

TEST(FlowCache, AFlowThatBeginsAtTheEpochHasPackets) {
  FlowHarness flows;
  flows.add(udp(1, 0s).build());
  flows.add(udp(1, 1s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].src_to_dst.pkts, 2U);
  EXPECT_EQ(records[0].src_to_dst.start_ns, 0U);
  EXPECT_EQ(records[0].start_ns, 0U);
}

// Returns a frame that had `wire` octets on the wire. The greatest value that a capture file can state is 0xffff'ffff.
TestPacket of_length(PacketBuilder packet, std::uint32_t wire) {
  TestPacket built = packet.build();
  built.wire = wire;
  return built;
}

TEST(FlowCache, OctetsAreCountedBeyond32Bits) {
  FlowHarness flows;
  for (int i = 0; i < 3; ++i) flows.add(of_length(udp(1, 1s), 0xffff'ffff));
  flows.add(of_length(udp_back(1, 1s), 0xffff'ffff));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].src_to_dst.link_bytes, 3 * 0xffff'ffffULL);
  EXPECT_EQ(records[0].src_to_dst.bytes, 3 * 0xffff'ffffULL);
  EXPECT_EQ(records[0].src_to_dst.ip_bytes, 3U * 28);
  EXPECT_EQ(records[0].src_to_dst.pkts, 3U);
  EXPECT_EQ(records[0].dst_to_src.link_bytes, 0xffff'ffffU);
}

TestPacket with_dscp(PacketBuilder packet, std::uint8_t dscp) {
  TestPacket built = packet.build();
  built.bytes[15] = static_cast<std::uint8_t>(dscp << 2);
  return built;
}

TEST(FlowCache, PacketsAndIpOctetsAreCountedBeyond32Bits) {
  FlowHarness flows;
  flows.add(with_dscp(udp(1, 1s), 7));
  SideState& side = flows.table().at(0).sides[0];
  side.pkts = 0xffff'ffff;
  side.ip_octets = 0xffff'ffff;
  flows.add(with_dscp(udp(1, 2s), 8));
  flows.add(with_dscp(udp(1, 3s), 9));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].src_to_dst.pkts, 0x1'0000'0001U);
  EXPECT_EQ(records[0].src_to_dst.ip_bytes, 0xffff'ffffULL + 2 * 28);
  EXPECT_EQ(records[0].src_to_dst.start_ns, 1'000'000'000U);
  EXPECT_EQ(records[0].src_to_dst.dscp, 7);
}

TEST(FlowCache, WhatWasCarriedIsNotTheNextSegments) {
  Config config;
  config.flow.active_timeout = 10s;
  config.flow.inactive_timeout = 10s;
  FlowHarness flows(config);
  for (int i = 0; i < 2; ++i) flows.add(of_length(udp(1, 1s), 0xffff'ffff));
  flows.add(udp(1, 6s).build());
  flows.add(udp(1, 12s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].src_to_dst.link_bytes, 2 * 0xffff'ffffULL + 42);
  EXPECT_EQ(records[1].segment, 1U);
  EXPECT_EQ(records[1].src_to_dst.link_bytes, 42U);
  EXPECT_EQ(records[1].src_to_dst.pkts, 1U);
}

TEST(FlowCache, WhatWasCarriedIsNotTheNextFlows) {
  Config config;
  config.flow.capacity = 1;
  FlowHarness flows(config);
  for (int i = 0; i < 2; ++i) flows.add(of_length(udp(1, 1s), 0xffff'ffff));
  flows.add(udp(2, 1s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].src_to_dst.link_bytes, 42U);
}

TEST(FlowCache, SegmentsAreCountedBeyond16Bits) {
  Config config;
  config.flow.active_timeout = 10s;
  config.flow.inactive_timeout = 10s;
  FlowHarness flows(config);
  flows.add(udp(1, 1s).build());
  flows.table().details(flows.table().at(0)).segment = 0xffff;
  for (const auto time : {6s, 12s, 18s, 24s}) flows.add(udp(1, time).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].segment, 0xffffU);
  EXPECT_EQ(records[1].segment, 0x1'0000U);
  EXPECT_EQ(records[2].segment, 0x1'0001U);
}

TEST(FlowCache, SetsThePacketsDirection) {
  FlowHarness flows;
  EXPECT_EQ(flows.add(udp(1, 1s).build()).direction, Direction::kSrcToDst);
  EXPECT_EQ(flows.add(udp_back(1, 1s).build()).direction, Direction::kDstToSrc);
}

TEST(FlowCache, AFlowIdDoesNotDependOnTheWorker) {
  const auto id_on = [](std::uint16_t worker) {
    FlowHarness flows({}, {.worker = worker});
    flows.add(udp(1, 1s).build());
    return flows.finish().at(0).flow_id;
  };
  EXPECT_EQ(id_on(0), id_on(7));
}

// The expected octets were added up by hand. Other tools may count the IPv6 header (40 octets), Ethernet padding or the
// octets beyond the snap length differently.
struct AccountingCase {
  const char* name;
  PacketBuilder frame;
  std::uint64_t link, ip, transport, payload;  // octets from each layer on
};

class Octets : public ::testing::TestWithParam<AccountingCase> {};

TEST_P(Octets, CountFromTheLayerOnThatAccountingSays) {
  const AccountingCase& expected = GetParam();
  const std::pair<Accounting, std::uint64_t> kLayers[] = {{Accounting::kLink, expected.link},
                                                          {Accounting::kIp, expected.ip},
                                                          {Accounting::kTransport, expected.transport},
                                                          {Accounting::kPayload, expected.payload}};
  for (const auto& [accounting, octets] : kLayers) {
    Config config;
    config.flow.accounting = accounting;
    FlowHarness flows(config);
    flows.add(PacketBuilder{expected.frame}.build());
    const FlowSide side = flows.finish().at(0).src_to_dst;
    EXPECT_EQ(side.bytes, octets);
    EXPECT_EQ(side.link_bytes, expected.link);
    EXPECT_EQ(side.ip_bytes, expected.ip);
  }
}

INSTANTIATE_TEST_SUITE_P(
    FlowCache, Octets,
    ::testing::Values(
        // 14 Ethernet + 4 VLAN tag + 20 IPv4 + 20 TCP + 12 options + 9 payload.
        AccountingCase{
            "TaggedTcpWithOptions",
            PacketBuilder().ethernet().vlan(5).ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).tcp_options(12).payload(9), 79, 61,
            41, 9},
        // 14 Ethernet + 40 IPv6 + 8 UDP + 100 payload.
        AccountingCase{"Ipv6", PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2").udp(1, 2).payload(100),
                       162, 148, 108, 100},
        // 14 Ethernet + 40 IPv6 + 16 destination options + 20 TCP + 5 payload. The extension header belongs to layer 3.
        AccountingCase{
            "Ipv6WithAnExtension",
            PacketBuilder().ethernet().ipv6("2001:db8::1", "2001:db8::2").extension(60, 16).tcp(1, 2).payload(5), 95,
            81, 25, 5},
        // 14 Ethernet + 20 IPv4 + 8 UDP + 1 payload, padded to 60. The padding belongs only to layer 2.
        AccountingCase{"Padded", PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).payload(1).padding(17),
                       60, 29, 9, 1},
        // 14 Ethernet + 20 IPv4 + 20 TCP + 1000 payload; 54 octets were captured.
        AccountingCase{"CutBySnapLength",
                       PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).payload(1000).snap(54), 1054,
                       1040, 1020, 1000}),
    [](const auto& each) { return each.param.name; });

TEST(FlowCache, FieldsOfTheFirstPacketStay) {
  FlowHarness flows;
  flows.add(PacketBuilder().ethernet().vlan(3, 0x88a8).vlan(5).ipv4("1.1.1.1", "2.2.2.2").icmp(8, 0).at(1s).build());
  flows.add(PacketBuilder().ethernet().vlan(4, 0x88a8).vlan(5).ipv4("2.2.2.2", "1.1.1.1").icmp(0, 1).at(1s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].vlan_id, 5);
  EXPECT_EQ(records[0].vlan_outer_id, 3);
  EXPECT_EQ(records[0].icmp_type, 8);
  EXPECT_EQ(records[0].icmp_code, 0);
  EXPECT_EQ(records[0].dst_to_src.pkts, 1U);
}

TEST(FlowCache, TheVlanKeyTellsFlowsApartOrNot) {
  const auto flows_with = [](VlanKey choice) {
    Config config;
    config.flow.vlan_key = choice;
    FlowHarness flows(config);
    flows.add(PacketBuilder().ethernet().vlan(1).ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).build());
    flows.add(PacketBuilder().ethernet().vlan(2).ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).build());
    return flows.finish().size();
  };
  EXPECT_EQ(flows_with(VlanKey::kInner), 2U);
  EXPECT_EQ(flows_with(VlanKey::kNone), 1U);
}

TEST(FlowCache, TunnelIdsOfEachDirectionAreFieldsAndNoKey) {
  FlowHarness flows;
  flows.add(
      PacketBuilder().ipv4("9.9.9.1", "9.9.9.2").udp(2152, 2152).gtp(11).ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).build());
  flows.add(
      PacketBuilder().ipv4("9.9.9.2", "9.9.9.1").udp(2152, 2152).gtp(22).ipv4("2.2.2.2", "1.1.1.1").udp(2, 1).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].tunnel_type, TunnelType::kGtp);
  EXPECT_EQ(records[0].src_to_dst.tunnel_id, 11U);
  EXPECT_EQ(records[0].dst_to_src.tunnel_id, 22U);
}

TEST(FlowCache, FlowsOfTwoVnisAreTwo) {
  FlowHarness flows;
  for (const std::uint32_t vni : {1U, 2U}) {
    flows.add(PacketBuilder()
                  .ipv4("9.9.9.1", "9.9.9.2")
                  .udp(1, 4789)
                  .vxlan(vni)
                  .ethernet()
                  .ipv4("1.1.1.1", "2.2.2.2")
                  .udp(1, 2)
                  .build());
  }
  EXPECT_EQ(flows.finish().size(), 2U);
}

Config of_capacity(std::uint64_t flows, std::uint64_t workers = 1) {
  Config config;
  config.flow.capacity = flows;
  config.workers = workers;
  return config;
}

TEST(Eviction, ExportsTheLeastRecentlyUsed) {
  FlowHarness flows(of_capacity(3));
  flows.add(udp(1, 1s).build());
  flows.add(udp(2, 2s).build());
  flows.add(udp(3, 3s).build());
  flows.add(udp(1, 4s).build());
  EXPECT_TRUE(flows.take_records().empty());
  flows.add(udp(4, 5s).build());
  flows.add(udp(5, 6s).build());
  const auto records = flows.take_records();
  EXPECT_THAT(source_ports(records), ::testing::ElementsAre(2, 3));
  EXPECT_EQ(records[0].end_reason, EndReason::kEvicted);
  EXPECT_EQ(flows.counter(Counter::kExportedEvicted), 2U);
  EXPECT_TRUE(flows.ledgers_balance());
}

TEST(Eviction, WithinItsGrainTheOrderIsThatOfTheFirstPackets) {
  FlowHarness flows(of_capacity(2));
  flows.add(udp(1, 1s).build());
  flows.add(udp(1, 1s).build());  // makes the clock accept the time
  flows.add(udp(2, 1s + 10ms).build());
  flows.add(udp(1, 1s + 99ms).build());
  flows.add(udp(3, 1s + 99ms).build());
  EXPECT_THAT(source_ports(flows.take_records()), ::testing::ElementsAre(1));
}

TEST(Eviction, OfAClosedFlowIsAClose) {
  FlowHarness flows(of_capacity(1));
  flows.add(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).rst().at(1s).build());
  flows.add(udp(2, 1s).build());
  EXPECT_EQ(flows.take_records().at(0).end_reason, EndReason::kClosed);
}

TEST(Eviction, OfADormantEntryWritesNothing) {
  Config config = of_capacity(1);
  config.flow.active_timeout = 1s;
  FlowHarness flows(config);
  flows.add(udp(1, 1s).build());
  flows.sweep(2s);
  EXPECT_EQ(flows.take_records().size(), 1U);
  flows.add(udp(2, 3s).build());
  EXPECT_TRUE(flows.take_records().empty());
  EXPECT_EQ(flows.counter(Counter::kExportedEvicted), 0U);
  EXPECT_TRUE(flows.ledgers_balance());
}

TEST(Eviction, TheCapacityIsSharedAmongTheWorkers) {
  FlowHarness flows(of_capacity(10, 4));
  for (std::uint16_t port = 1; port <= 3; ++port) flows.add(udp(port, 1s).build());
  EXPECT_EQ(flows.counter(Counter::kExportedEvicted), 0U);
  flows.add(udp(4, 1s).build());
  EXPECT_EQ(flows.counter(Counter::kExportedEvicted), 1U);
}

// Adds a conversation: the first sender sends again after the other side has answered.
void converse(FlowHarness& flows, std::uint16_t port, std::chrono::nanoseconds time) {
  flows.add(udp(port, time).build());
  flows.add(udp_back(port, time).build());
  flows.add(udp(port, time).build());
}

PacketBuilder tcp(std::uint16_t source_port, std::chrono::nanoseconds time) {
  return PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").tcp(source_port, 80).at(time);
}

PacketBuilder tcp_back(std::uint16_t source_port, std::chrono::nanoseconds time) {
  return PacketBuilder().ipv4("10.0.0.2", "10.0.0.1").tcp(80, source_port).at(time);
}

TEST(Eviction, SparesAConversationWhileOthersHoldMoreThanTheirShare) {
  FlowHarness flows(of_capacity(8));
  converse(flows, 1, 1s);
  for (std::uint16_t port = 2; port <= 8; ++port) flows.add(udp(port, 2s).build());
  for (std::uint16_t port = 9; port <= 12; ++port) flows.add(udp(port, 3s).build());
  EXPECT_THAT(source_ports(flows.take_records()), ::testing::ElementsAre(2, 3, 4, 5));
}

// The table holds six conversations and two flows on probation. These two flows are a quarter of the table, which is
// the share of flows on probation.
TEST(Eviction, AtTheirShareTheLeastRecentlyUsedOfAllMakesRoom) {
  FlowHarness flows(of_capacity(8));
  for (std::uint16_t port = 1; port <= 5; ++port) converse(flows, port, 1s);
  flows.add(udp(6, 2s).build());
  flows.add(udp(7, 3s).build());
  converse(flows, 8, 4s);
  flows.add(udp(9, 5s).build());
  EXPECT_THAT(source_ports(flows.take_records()), ::testing::ElementsAre(1)) << "the oldest conversation is evicted";
  flows.add(udp(10, 5s).build());
  EXPECT_THAT(source_ports(flows.take_records()), ::testing::ElementsAre(6))
      << "three flows on probation are more than a quarter of the table";
}

TEST(Eviction, AnAnswerAloneIsNoConversation) {
  FlowHarness flows(of_capacity(4));
  flows.add(tcp(1, 1s).syn().build());
  flows.add(tcp_back(1, 1s).syn_ack().build());
  flows.add(tcp_back(1, 2s).syn_ack().build());
  EXPECT_TRUE(flows.table().conversations().empty());
  flows.add(tcp(1, 2s).ack().build());
  EXPECT_EQ(flows.table().conversations().size(), 1U);
}

// With this flow.direction, the source is the host that opened the connection, even if the first packet seen is from
// the other host.
TEST(Eviction, WithTheHandshakesDirectionItIsTheSameSenderThatGoesOn) {
  Config config = of_capacity(4);
  config.flow.direction = FlowDirection::kHandshake;
  FlowHarness flows(config);
  flows.add(tcp_back(1, 1s).syn_ack().build());
  flows.add(tcp_back(1, 1s).ack().build());
  EXPECT_TRUE(flows.table().conversations().empty());
  flows.add(tcp(1, 1s).ack().build());
  EXPECT_EQ(flows.table().conversations().size(), 1U);
}

TEST(Eviction, AConversationIsRecognisedAcrossAnActiveCut) {
  Config config = of_capacity(4);
  config.flow.active_timeout = 10s;
  config.flow.inactive_timeout = 60s;
  FlowHarness flows(config);
  flows.add(udp(1, 1s).build());
  flows.add(udp_back(1, 12s).build());
  EXPECT_TRUE(flows.table().conversations().empty());
  flows.add(udp(1, 23s).build());
  EXPECT_EQ(flows.table().conversations().size(), 1U);
  flows.sweep(40s);
  EXPECT_EQ(flows.table().conversations().size(), 1U) << "the conversation is dormant";
  flows.add(udp_back(1, 41s).build());
  EXPECT_EQ(flows.take_records().size(), 3U);
  EXPECT_EQ(flows.table().conversations().size(), 1U);
}

TEST(Eviction, OfConversationsThoseThatHaveClosedAreTheFirst) {
  FlowHarness flows(of_capacity(4));
  for (std::uint16_t port = 1; port <= 3; ++port) converse(flows, port, 1s);
  flows.add(tcp(4, 1s).syn().build());
  flows.add(tcp_back(4, 1s).syn_ack().build());
  flows.add(tcp(4, 1s).ack().build());
  flows.add(tcp_back(4, 1s).rst().build());
  flows.add(udp(5, 2s).build());
  const auto records = flows.take_records();
  EXPECT_THAT(source_ports(records), ::testing::ElementsAre(4));
  EXPECT_EQ(records.at(0).end_reason, EndReason::kClosed);
}

TEST(Eviction, ALatePacketAfterTheCloseMakesNoConversation) {
  FlowHarness flows(of_capacity(4));
  flows.add(tcp(1, 1s).syn().build());
  flows.add(tcp_back(1, 1s).rst().build());
  flows.add(tcp(1, 1s).ack().build());
  EXPECT_TRUE(flows.table().conversations().empty());
}

TEST(Eviction, OrdersOfUseAreSweptIndependently) {
  Config config = of_capacity(8);
  config.flow.active_timeout = 10s;
  config.flow.inactive_timeout = 60s;
  FlowHarness flows(config);
  flows.add(udp(1, 1s).build());
  converse(flows, 2, 1s);
  flows.sweep(11s);
  EXPECT_EQ(flows.table().size(), 2U) << "both flows are dormant";
  for (auto time = 12s; time <= 60s; time += 6s) flows.add(udp(1, time).build());
  flows.sweep(61s);
  EXPECT_TRUE(flows.table().conversations().empty())
      << "a flow on probation does not keep a dormant conversation in the table";
  EXPECT_EQ(flows.table().size(), 1U);
}

TEST(Eviction, SaysHowLongTheFlowHadBeenWithoutPackets) {
  FlowHarness flows(of_capacity(1));
  flows.add(udp(1, 1s).build());
  flows.add(udp(1, 2s).build());
  flows.add(udp(2, 2s + 300ms).build());
  EXPECT_EQ(flows.counter(Counter::kFlowsEvictedIdle), 300'000'000U);
}

// If a span port delivers only one direction, no flow is a conversation. Flows are then evicted in the order of their
// last packets, to within 100 ms. The test computes the same order with a model.
TEST(Eviction, OfFlowsInOneDirectionIsExactlyOfTheLeastRecentlyUsed) {
  constexpr std::size_t kCapacity = 50;
  FlowHarness flows(of_capacity(kCapacity));
  std::mt19937 random(1);
  std::list<std::uint16_t> order;
  std::map<std::uint16_t, std::chrono::milliseconds> moved;
  std::vector<std::uint16_t> expected;
  flows.add(udp(0, 1s).build());  // the clock accepts a time only after two packets
  flows.add(udp(0, 1s).build());
  order.push_back(0);
  moved[0] = 1s;
  std::chrono::milliseconds now = 1s;
  for (int packet = 0; packet < 20'000; ++packet) {
    now += std::chrono::milliseconds{random() % 10};
    const auto port = static_cast<std::uint16_t>(random() % (2 * kCapacity));
    if (!moved.contains(port)) {
      if (order.size() == kCapacity) {
        expected.push_back(order.front());
        moved.erase(order.front());
        order.pop_front();
      }
      order.push_back(port);
      moved[port] = now;
    } else if (now - moved[port] >= 100ms) {
      order.remove(port);
      order.push_back(port);
      moved[port] = now;
    }
    flows.add(udp(port, now).build());
  }
  EXPECT_GT(expected.size(), 5'000U);
  EXPECT_EQ(source_ports(flows.take_records()), expected);
}

// Simulates two seconds of 5,000,000 SYNs/s at a sensor with the default capacity (128,000). Capacity, SYN rate and
// number of conversations are scaled down to a tenth.
TEST(Eviction, ASynFloodDoesNotCutConversations) {
  constexpr std::uint16_t kConversations = 100;
  FlowHarness flows(of_capacity(12'800), {.blocks = 1024});
  for (std::uint16_t port = 0; port < kConversations; ++port) converse(flows, port, 1s);
  TestPacket syn = PacketBuilder().ipv4("11.0.0.0", "10.0.0.2").tcp(1024, 80).syn().build();
  std::mt19937 random(1);
  bool forward = false;
  for (auto now = 1'000'000us; now < 3'000'000us; now += 2us) {
    const std::uint32_t source = random() | 0x8000'0000;  // last octet >= 128: not in a conversation
    std::memcpy(&syn.bytes[12], &source, sizeof source);
    syn.time_ns = static_cast<std::uint64_t>(std::chrono::nanoseconds{now}.count());
    flows.add(syn);
    if (now % 100ms != 0us) continue;
    for (std::uint16_t port = 0; port < kConversations; ++port) {
      flows.add((forward ? udp(port, now) : udp_back(port, now)).build());
    }
    forward = !forward;
    for (const FlowRecord& record : flows.take_records()) ASSERT_EQ(record.ip_protocol, protocol::kTcp);
  }
  EXPECT_GT(flows.counter(Counter::kExportedEvicted), 900'000U);
  const auto records = flows.finish();
  const auto cut = std::count_if(records.begin(), records.end(), [](const FlowRecord& record) {
    return record.ip_protocol == protocol::kUdp && record.src_to_dst.pkts + record.dst_to_src.pkts != 3 + 20;
  });
  EXPECT_EQ(cut, 0);
  EXPECT_TRUE(flows.ledgers_balance());
}

Config with_features() {
  Config config;
  config.features.statistics = config.features.tcp = true;
  config.features.splt = 5;
  return config;
}

TEST(Shedding, AFlowThatOpensAtLevel2HasNoFeaturesAndSaysSo) {
  FlowHarness flows(with_features());
  flows.add(tcp(1, 1s).syn().build());
  flows.fall_behind(3);
  flows.add(tcp(1, 2s).ack().build());
  flows.add(tcp(2, 2s).syn().build());
  flows.fall_behind(0);
  flows.add(tcp(2, 3s).ack().build());
  flows.add(tcp(3, 3s).syn().build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 3U);
  for (const FlowRecord& record : records) {
    const bool was_shed = record.src_port == 2;
    EXPECT_EQ(record.overload, was_shed ? kShedFeatures : 0);
    EXPECT_EQ(record.sampling_rate, 1U);
    EXPECT_EQ(static_cast<bool>(record.extras), !was_shed);
  }
  EXPECT_EQ(records[0].extras->statistics.src_to_dst.packet_size.mean, 40);
  EXPECT_EQ(records[0].extras->early_packets.size(), 2U) << "a flow that was open keeps its features";
  EXPECT_EQ(flows.counter(Counter::kOverloadFeaturesStopped), 1U);
}

TEST(Shedding, SegmentsOfSuchAFlowHaveNoFeaturesEither) {
  Config config = with_features();
  config.flow.active_timeout = 1s;
  FlowHarness flows(config);
  flows.fall_behind(3);
  flows.add(udp(1, 1s).build());
  flows.fall_behind(0);
  flows.add(udp(1, 3s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  for (const FlowRecord& record : records) EXPECT_EQ(record.overload, kShedFeatures);
  EXPECT_FALSE(records[1].extras);
}

TEST(Shedding, AFlowThatTakesTheEntryOfSuchAOneIsWhole) {
  Config config = with_features();
  config.flow.capacity = 1;
  FlowHarness flows(config);
  flows.fall_behind(5);
  std::uint16_t port = 0;
  while (flows.table().size() == 0) flows.add(udp(++port, 1s).build());
  flows.fall_behind(0);
  flows.add(udp(10'000, 1s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].overload, kShedFeatures | kShedFlows);
  EXPECT_EQ(records[0].sampling_rate, 4U);
  EXPECT_EQ(records[1].overload, 0);
  EXPECT_EQ(records[1].sampling_rate, 1U);
  EXPECT_EQ(records[1].extras->early_packets.size(), 1U);
}

TEST(Shedding, OneInSoManyFlowsIsKeptByItsHashInBothDirections) {
  FlowHarness flows;
  flows.fall_behind(5);
  for (std::uint16_t port = 0; port < 4'000; ++port) {
    flows.add(udp(port, 1s).build());
    flows.add(udp_back(port, 1s).build());
    flows.add(udp(port, 2s).build());
  }
  const auto records = flows.finish();
  EXPECT_NEAR(static_cast<double>(records.size()), 1'000, 100);
  for (const FlowRecord& record : records) {
    ASSERT_EQ(record.src_to_dst.pkts, 2U);
    ASSERT_EQ(record.dst_to_src.pkts, 1U);
    ASSERT_EQ(record.sampling_rate, 4U);
    ASSERT_EQ(record.overload, kShedFlows);
  }
  EXPECT_EQ(flows.counter(Counter::kOverloadSampled), records.size());
  EXPECT_EQ(flows.counter(Counter::kFlowsOpened), records.size());
}

TEST(Shedding, OpenFlowsGoOnWhileOthersAreSampled) {
  FlowHarness flows;
  for (std::uint16_t port = 0; port < 100; ++port) flows.add(udp(port, 1s).build());
  flows.fall_behind(9);
  for (std::uint16_t port = 0; port < 100; ++port) flows.add(udp(port, 2s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 100U);
  for (const FlowRecord& record : records) {
    EXPECT_EQ(record.src_to_dst.pkts, 2U);
    EXPECT_EQ(record.sampling_rate, 1U);
  }
}

// Simulates a live worker whose collector does not keep up. The ring has four blocks of 256 records.
class FullRing : public ::testing::Test {
 protected:
  static constexpr std::size_t kBlocks = 4;
  static constexpr std::uint16_t kFlows = kBlocks * RecordBlock::kRecords;

  static Config config() {
    Config config = of_capacity(2 * kFlows);
    config.flow.inactive_timeout = 10s;
    return config;
  }

  // Adds `count` flows and ends them by a sweep. Their records wait in the ring.
  void write_records(std::uint16_t count) {
    for (std::uint16_t port = 0; port < count; ++port) flows_.add(udp(port, 1s).build());
    flows_.sweep(11s);
  }

  FlowHarness flows_{config(), {.wait = false, .blocks = kBlocks}};
};

TEST_F(FullRing, TheSweepPausesAboveThreeQuarters) {
  write_records(kFlows);
  EXPECT_TRUE(flows_.writer().nearly_full());
  // The sweep pauses when no empty block is left: the first record of the fourth block has taken the last one.
  EXPECT_EQ(flows_.counter(Counter::kExportedInactive), 3U * RecordBlock::kRecords + 1);
  EXPECT_EQ(flows_.counter(Counter::kRecordsRingDropped), 0U);
  EXPECT_TRUE(flows_.ledgers_balance());
}

TEST_F(FullRing, TheSweepGoesOnOnceThereIsRoom) {
  write_records(kFlows);
  flows_.take_records();
  flows_.sweep(11s);
  EXPECT_EQ(flows_.counter(Counter::kExportedInactive), kFlows);
  EXPECT_EQ(flows_.counter(Counter::kRecordsRingDropped), 0U);
}

TEST_F(FullRing, OnlyThenEvictionsDropAndAreCounted) {
  write_records(kFlows);
  // The first loop fills the table. In the second loop, each new flow evicts a flow. The fourth block of the ring has
  // room for 255 more records.
  for (std::uint32_t port = 0; flows_.table().size() < 2U * kFlows; ++port) {
    flows_.add(PacketBuilder().ipv4("9.9.9.9", "8.8.8.8").udp(static_cast<std::uint16_t>(port), 1).at(11s).build());
  }
  for (std::uint16_t port = 0; port < 300; ++port) {
    flows_.add(PacketBuilder().ipv4("7.7.7.7", "8.8.8.8").udp(port, 1).at(11s).build());
  }
  EXPECT_EQ(flows_.counter(Counter::kExportedEvicted), 300U);
  EXPECT_EQ(flows_.counter(Counter::kRecordsRingDropped), 300U - 255);
  EXPECT_TRUE(flows_.ledgers_balance());
  const std::uint64_t handed = flows_.take_records().size();
  EXPECT_EQ(flows_.counter(Counter::kRecordsExported), handed + flows_.counter(Counter::kRecordsRingDropped));
}

// --- Connections that use the ports of an open flow ---

PacketBuilder tcp_to(std::chrono::nanoseconds time) {
  return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1000, 80).at(time);
}
PacketBuilder tcp_back(std::chrono::nanoseconds time) {
  return PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1").tcp(80, 1000).at(time);
}

std::vector<std::uint64_t> packet_counts(const std::vector<FlowRecord>& records) {
  std::vector<std::uint64_t> counts;
  for (const FlowRecord& record : records) counts.push_back(record.src_to_dst.pkts + record.dst_to_src.pkts);
  return counts;
}

TEST(PortReuse, ASynWithANewNumberBeginsAFlow) {
  FlowHarness flows;
  flows.add(tcp_to(1s).syn().seq(100).build());
  flows.add(tcp_back(2s).syn_ack().seq(500).ack_number(101).build());
  flows.add(tcp_to(3s).ack().seq(101).build());
  flows.add(tcp_to(4s).syn().seq(9000).build());
  flows.add(tcp_back(5s).syn_ack().seq(7000).ack_number(9001).build());
  const auto records = flows.finish();
  EXPECT_EQ(packet_counts(records), (std::vector<std::uint64_t>{3, 2}));
  EXPECT_EQ(records[0].end_reason, EndReason::kClosed);
}

TEST(PortReuse, ARetransmittedSynDoesNot) {
  FlowHarness flows;
  for (const auto time : {1s, 2s, 4s}) flows.add(tcp_to(time).syn().seq(100).build());
  flows.add(tcp_back(5s).syn_ack().seq(500).ack_number(101).build());
  flows.add(tcp_to(6s).syn().seq(100).build());
  EXPECT_EQ(packet_counts(flows.finish()), std::vector<std::uint64_t>{5});
}

TEST(PortReuse, ASynThatIsCapturedLateDoesNot) {
  {
    FlowHarness flows;  // the number comes from the SYN-ACK
    flows.add(tcp_back(1s).syn_ack().seq(500).ack_number(101).build());
    flows.add(tcp_to(1s).syn().seq(100).build());
    EXPECT_EQ(packet_counts(flows.finish()), std::vector<std::uint64_t>{2});
  }
  {
    FlowHarness flows;  // after the flow has closed
    flows.add(tcp_back(1s).syn_ack().seq(500).ack_number(101).build());
    flows.add(tcp_to(1s).fin().seq(101).build());
    flows.add(tcp_back(1s).fin().seq(501).build());
    flows.add(tcp_to(1s).syn().seq(100).build());
    EXPECT_EQ(packet_counts(flows.finish()), std::vector<std::uint64_t>{4});
  }
  {
    FlowHarness flows;  // the number comes from the first data
    flows.add(tcp_to(1s).ack().seq(101).payload(10).build());
    flows.add(tcp_to(1s).syn().seq(100).build());
    EXPECT_EQ(packet_counts(flows.finish()), std::vector<std::uint64_t>{2});
  }
}

TEST(PortReuse, BothHostsMayOpenTheConnectionAtTheSameTime) {
  FlowHarness flows;
  flows.add(tcp_to(1s).syn().seq(100).build());
  flows.add(tcp_back(1s).syn().seq(500).build());
  flows.add(tcp_to(2s).syn_ack().seq(100).ack_number(501).build());
  EXPECT_EQ(packet_counts(flows.finish()), std::vector<std::uint64_t>{3});
}

TEST(PortReuse, WithoutTcpCloseNoSynSplitsAFlow) {
  Config config;
  config.flow.tcp_close = false;
  FlowHarness flows(config);
  flows.add(tcp_to(1s).syn().seq(100).build());
  flows.add(tcp_to(2s).syn().seq(9000).build());
  EXPECT_EQ(packet_counts(flows.finish()), std::vector<std::uint64_t>{2});
}

// --- Who opened a flow ---

TEST(BiflowDirection, IsOneOnlyIfItIsKnown) {
  const auto direction_of = [](const PacketBuilder& builder) {
    FlowHarness flows;
    flows.add(builder.build());
    return flows.finish().at(0).biflow_direction;
  };
  const auto ip = [] { return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2"); };
  const auto ip6 = [] { return PacketBuilder().ethernet().ipv6("fd00::1", "fd00::2"); };
  EXPECT_EQ(direction_of(ip().icmp(8, 0)), BiflowDirection::kInitiator);
  EXPECT_EQ(direction_of(ip().icmp(0, 0)), BiflowDirection::kReverseInitiator);
  EXPECT_EQ(direction_of(ip().icmp(3, 1)), BiflowDirection::kArbitrary);
  EXPECT_EQ(direction_of(ip6().icmpv6(128, 0)), BiflowDirection::kInitiator);
  EXPECT_EQ(direction_of(ip6().icmpv6(129, 0)), BiflowDirection::kReverseInitiator);
  EXPECT_EQ(direction_of(ip6().icmpv6(1, 0)), BiflowDirection::kArbitrary);
  EXPECT_EQ(direction_of(ip().udp(40000, 53)), BiflowDirection::kInitiator);
  EXPECT_EQ(direction_of(ip().udp(53, 40000)), BiflowDirection::kArbitrary);
  EXPECT_EQ(direction_of(ip().tcp(1, 2).ack()), BiflowDirection::kArbitrary);
}

// Notes what an observer can read with each packet.
class Notes : public FlowObserver {
 public:
  struct Note {
    std::string application;
    std::string name;
    double mean_size;
    std::size_t early_packets;
    bool operator==(const Note&) const = default;
  };

  std::uint64_t on_packet(std::uint32_t, const PacketInfo&, bool, Flow&, const SegmentReader& reader) override {
    FlowRecord record;
    FlowExtras extras;
    reader.read(record, extras);
    notes.push_back({std::string(record.application_name), std::string(extras.metadata.text(Metadata::kHttpHost)),
                     extras.statistics.bidirectional.packet_size.mean, extras.early_packets.size()});
    return 0;
  }
  void on_end(std::uint32_t, const Flow&) override {}
  void end_burst() override {}

  std::vector<Note> notes;
};

TEST(Observer, ReadsAllValuesOfAnOpenSegmentWithTheCurrentPacket) {
  Config config;
  config.features.statistics = true;
  config.features.splt = 2;
  Notes observer;
  FlowHarness flows(config, {.dpi = true, .names = true, .observer = &observer});
  const auto tcp = [](std::string_view payload) {
    return PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").tcp(40000, 8080).seq(1).payload(payload).at(1s).build();
  };
  flows.add(PacketBuilder().ipv4("10.0.0.1", "10.0.0.2").tcp(40000, 8080).syn().at(1s).build());
  flows.add(tcp(http_get("www.example.test")));
  ASSERT_EQ(observer.notes.size(), 2U);
  EXPECT_EQ(observer.notes[0], (Notes::Note{"Unknown", "", 40.0, 1}));
  EXPECT_EQ(observer.notes[1].application, "HTTP");
  EXPECT_EQ(observer.notes[1].name, "www.example.test");
  EXPECT_GT(observer.notes[1].mean_size, 40.0);
  EXPECT_EQ(observer.notes[1].early_packets, 2U);
}

}  // namespace
}  // namespace spanflow::testing::flow_cache_test
