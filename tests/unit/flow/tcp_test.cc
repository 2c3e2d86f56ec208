// Tests how the opening and closing of TCP connections begin and end flows.
#include <gmock/gmock.h>

#include "support/flow_harness.h"

namespace spanflow::testing::tcp_test {
namespace {

using namespace std::chrono_literals;

PacketBuilder client(std::chrono::nanoseconds time) {
  return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(40000, 80).at(time);
}

PacketBuilder server(std::chrono::nanoseconds time) {
  return PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1").tcp(80, 40000).at(time);
}

// Adds the seven packets of a connection. FINs in both directions close it at 1 s + 60 ms.
void add_closed_connection(FlowHarness& flows) {
  flows.add(client(1s).syn().seq(100).build());
  flows.add(server(1s + 10ms).syn_ack().seq(500).ack_number(101).build());
  flows.add(client(1s + 20ms).ack().seq(101).ack_number(501).build());
  flows.add(client(1s + 30ms).ack().seq(101).payload("GET /").build());
  flows.add(server(1s + 40ms).ack().seq(501).payload("200 OK").build());
  flows.add(client(1s + 50ms).fin().seq(106).build());
  flows.add(server(1s + 60ms).fin().seq(507).build());
}

TEST(TcpClose, FinBothWaysEndsTheFlowAfterTheLinger) {
  FlowHarness flows;
  add_closed_connection(flows);
  flows.sweep(3s + 60ms - 1ns);
  EXPECT_TRUE(flows.take_records().empty());
  flows.sweep(3s + 60ms);
  const auto records = flows.take_records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::kClosed);
  EXPECT_EQ(records[0].src_to_dst.pkts, 4U);
  EXPECT_EQ(records[0].dst_to_src.pkts, 3U);
  EXPECT_EQ(records[0].src_to_dst.tcp_flags, tcp::kSyn | tcp::kAck | tcp::kFin);
  EXPECT_EQ(flows.counter(Counter::kExportedClosed), 1U);
}

TEST(TcpClose, FinOneWayDoesNotEndTheFlow) {
  FlowHarness flows;
  flows.add(client(1s).syn().build());
  flows.add(client(2s).fin().build());
  flows.add(client(3s).fin().build());  // a retransmitted FIN, so only one side has closed
  flows.sweep(60s);
  EXPECT_TRUE(flows.take_records().empty());
}

TEST(TcpClose, RstAtOnceEndsTheFlowAfterTheLinger) {
  FlowHarness flows;
  flows.add(client(1s).syn().build());
  flows.add(server(1s).rst().build());
  flows.sweep(3s);
  const auto records = flows.take_records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::kClosed);
}

TEST(TcpClose, APacketWithinTheLingerBelongsToTheClosedFlow) {
  FlowHarness flows;
  add_closed_connection(flows);
  flows.add(client(1s + 70ms).ack().seq(107).build());
  flows.add(client(3s + 60ms - 1ns).ack().seq(107).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].src_to_dst.pkts, 6U);
  EXPECT_EQ(records[0].end_reason, EndReason::kClosed);
}

TEST(TcpClose, APacketAfterTheLingerStartsANewFlow) {
  FlowHarness flows;
  add_closed_connection(flows);
  flows.add(client(3s + 60ms).ack().seq(107).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].end_reason, EndReason::kClosed);
  EXPECT_EQ(records[0].src_to_dst.pkts, 4U);
  EXPECT_EQ(records[1].src_to_dst.pkts, 1U);
  EXPECT_EQ(records[1].end_reason, EndReason::kCaptureEnd);
  EXPECT_NE(records[1].flow_id, records[0].flow_id);
}

TEST(TcpClose, ALatePacketDoesNotProlongTheLinger) {
  FlowHarness flows;
  add_closed_connection(flows);
  flows.add(client(3s).ack().build());
  flows.sweep(3s + 60ms);
  EXPECT_EQ(flows.take_records().size(), 1U);
}

// FlowTimeouts limits the linger time to 39 hours, half of the time that an entry can store.
TEST(TcpClose, ALingerOfDaysEndsAfter39Hours) {
  Config config;
  config.flow.active_timeout = config.flow.inactive_timeout = config.flow.tcp_linger = std::chrono::hours{1000};
  const auto flows_with_a_packet_at = [&config](std::chrono::nanoseconds time) {
    FlowHarness flows(config);
    add_closed_connection(flows);
    flows.add(client(20h).ack().seq(107).build());
    flows.add(client(time).ack().seq(107).build());
    return flows.finish().size();
  };
  EXPECT_EQ(flows_with_a_packet_at(39h), 1U);
  EXPECT_EQ(flows_with_a_packet_at(40h), 2U);
}

// A reset with a time before the flow's last packet closes the flow. The linger time begins at the time of the reset,
// or later if the entry cannot store that time (more than 78 hours before the last packet).
TEST(TcpClose, AResetThatComesDaysLateCloses) {
  Config config;
  config.flow.active_timeout = config.flow.inactive_timeout = std::chrono::hours{1000};
  for (const auto late : {1h, 38h, 100h}) {
    FlowHarness flows(config);
    flows.add(client(1h).syn().build());
    flows.add(client(200h).ack().seq(101).build());
    flows.add(client(200h - late).rst().seq(101).build());
    flows.add(client(200h + 1s).ack().seq(101).build());
    const auto records = flows.finish();
    ASSERT_EQ(records.size(), 2U) << late.count();
    EXPECT_EQ(records[0].end_reason, EndReason::kClosed);
    EXPECT_EQ(records[0].src_to_dst.pkts, 3U);
    EXPECT_EQ(records[0].src_to_dst.start_ns, static_cast<std::uint64_t>(Nanoseconds{1h}.count()));
    EXPECT_EQ(records[0].src_to_dst.end_ns, static_cast<std::uint64_t>(Nanoseconds{200h}.count()));
  }
}

TEST(TcpClose, TheLingerIsAnOption) {
  Config config;
  config.flow.tcp_linger = 0s;
  FlowHarness flows(config);
  add_closed_connection(flows);
  flows.add(client(1s + 60ms).ack().build());
  EXPECT_EQ(flows.finish().size(), 2U);
}

TEST(TcpClose, ASynWithANewNumberStartsANewFlowAtOnce) {
  FlowHarness flows;
  add_closed_connection(flows);
  flows.add(client(1s + 70ms).syn().seq(9000).build());
  const auto closed = flows.take_records();
  ASSERT_EQ(closed.size(), 1U);
  EXPECT_EQ(closed[0].end_reason, EndReason::kClosed);
  const auto rest = flows.finish();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].src_to_dst.pkts, 1U);
  EXPECT_EQ(rest[0].src_to_dst.tcp_flags, tcp::kSyn);
  EXPECT_EQ(rest[0].segment, 0U);
  EXPECT_NE(rest[0].flow_id, closed[0].flow_id);
}

TEST(TcpClose, ASynFromTheOtherSideStartsANewFlowAtOnce) {
  FlowHarness flows;
  add_closed_connection(flows);
  flows.add(server(1s + 70ms).syn().seq(9000).build());
  EXPECT_EQ(flows.take_records().size(), 1U);
  const auto rest = flows.finish();
  ASSERT_EQ(rest.size(), 1U);
  EXPECT_EQ(rest[0].ip_src, address("10.0.0.2"));
}

TEST(TcpClose, ARetransmittedSynBelongsToTheClosedFlow) {
  FlowHarness flows;
  add_closed_connection(flows);
  flows.add(client(1s + 70ms).syn().seq(100).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].src_to_dst.pkts, 5U);
}

TEST(TcpClose, ARefusedConnectionTriedAgainIsANewFlow) {
  FlowHarness flows;
  for (std::uint32_t attempt = 0; attempt < 3; ++attempt) {
    flows.add(client(1s + attempt * 10ms).syn().seq(100 + attempt).build());
    flows.add(server(1s + attempt * 10ms).rst().build());
  }
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 3U);
  for (const FlowRecord& record : records) {
    EXPECT_EQ(record.end_reason, EndReason::kClosed);
    EXPECT_EQ(record.src_to_dst.pkts, 1U);
    EXPECT_EQ(record.dst_to_src.pkts, 1U);
  }
}

TEST(TcpClose, WhenOffTheFlowGoesOn) {
  Config config;
  config.flow.tcp_close = false;
  FlowHarness flows(config);
  add_closed_connection(flows);
  flows.add(client(10s).syn().seq(9000).build());
  flows.add(server(11s).rst().build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].src_to_dst.pkts, 5U);
  EXPECT_EQ(records[0].end_reason, EndReason::kCaptureEnd);
}

TEST(TcpClose, AtTheCaptureEndAClosedFlowIsClosed) {
  FlowHarness flows;
  add_closed_connection(flows);
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::kClosed);
  EXPECT_TRUE(flows.ledgers_balance());
}

TEST(TcpClose, ReusedEntryStartsWithCleanTcpFlags) {
  Config config;
  config.flow.capacity = 1;
  FlowHarness flows(config);
  add_closed_connection(flows);
  flows.add(client(10s).ack().build());
  flows.add(server(10s + 1ms).fin().build());
  // The new flow has only one FIN. The FINs of the earlier flow in the same entry must not close it.
  flows.sweep(60s);
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].src_to_dst.tcp_flags, tcp::kAck);
  EXPECT_EQ(records[1].dst_to_src.tcp_flags, tcp::kFin | tcp::kAck);
  EXPECT_EQ(records[1].end_reason, EndReason::kCaptureEnd);
}

TEST(TcpClose, FinsOfTwoSegmentsCloseTheFlow) {
  Config config;
  config.flow.active_timeout = 10s;
  FlowHarness flows(config);
  flows.add(client(1s).syn().build());
  flows.add(client(2s).fin().build());
  flows.add(server(12s).fin().build());
  flows.sweep(14s);
  const auto records = flows.take_records();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].end_reason, EndReason::kActive);
  EXPECT_EQ(records[1].end_reason, EndReason::kClosed);
  EXPECT_EQ(records[1].segment, 1U);
}

// Returns the only record of these packets with this flow.direction. The tests below check the source and
// biflowDirection (IPFIX IE 239), which says which host opened the connection.
FlowRecord record_of(FlowDirection direction, const std::vector<PacketBuilder>& packets) {
  Config config;
  config.flow.direction = direction;
  FlowHarness flows(config);
  for (const PacketBuilder& packet : packets) flows.add(packet.build());
  const auto records = flows.finish();
  EXPECT_EQ(records.size(), 1U);
  return records.at(0);
}

TEST(FlowDirection, TheSenderOfTheSynIsTheInitiator) {
  const auto record = record_of(FlowDirection::kFirstPacket, {client(1s).syn(), server(2s).syn_ack()});
  EXPECT_EQ(record.ip_src, address("10.0.0.1"));
  EXPECT_EQ(record.biflow_direction, BiflowDirection::kInitiator);
}

TEST(FlowDirection, ByFirstPacketASynAckComesFromTheSourceButNotTheInitiator) {
  const auto record = record_of(FlowDirection::kFirstPacket, {server(1s).syn_ack(), client(2s).ack()});
  EXPECT_EQ(record.ip_src, address("10.0.0.2"));
  EXPECT_EQ(record.src_port, 80);
  EXPECT_EQ(record.src_to_dst.pkts, 1U);
  EXPECT_EQ(record.biflow_direction, BiflowDirection::kReverseInitiator);
}

TEST(FlowDirection, ByHandshakeASynAckComesFromTheDestination) {
  const auto record = record_of(FlowDirection::kHandshake, {server(1s).syn_ack(), server(2s).ack(), client(3s).ack()});
  EXPECT_EQ(record.ip_src, address("10.0.0.1"));
  EXPECT_EQ(record.src_port, 40000);
  EXPECT_EQ(record.src_to_dst.pkts, 1U);
  EXPECT_EQ(record.dst_to_src.pkts, 2U);
  EXPECT_EQ(record.dst_to_src.tcp_flags, tcp::kSyn | tcp::kAck);
  EXPECT_EQ(record.biflow_direction, BiflowDirection::kInitiator);
}

TEST(FlowDirection, OfAConnectionMetHalfWayItIsNotKnown) {
  const auto record = record_of(FlowDirection::kHandshake, {server(1s).ack(), client(2s).ack()});
  EXPECT_EQ(record.ip_src, address("10.0.0.2"));
  EXPECT_EQ(record.biflow_direction, BiflowDirection::kArbitrary);
}

TEST(FlowDirection, AFlowIdIsThatOfTheDirectionShown) {
  const auto swapped = record_of(FlowDirection::kHandshake, {server(1s).syn_ack()});
  const auto plain = record_of(FlowDirection::kFirstPacket, {client(1s).syn()});
  EXPECT_EQ(swapped.flow_id, plain.flow_id);
}

}  // namespace
}  // namespace spanflow::testing::tcp_test
