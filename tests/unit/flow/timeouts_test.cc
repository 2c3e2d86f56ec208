// Tests when the two timeouts end a flow, and which records they cause.
#include <gmock/gmock.h>

#include "support/flow_harness.h"

namespace spanflow::testing::timeouts_test {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kStart = 1'700'000'000s;

Config with_timeouts(Nanoseconds active, Nanoseconds inactive) {
  Config config;
  config.flow.active_timeout = active;
  config.flow.inactive_timeout = inactive;
  return config;
}

TestPacket udp(std::uint16_t source_port, std::chrono::nanoseconds after_start) {
  return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(source_port, 53).at(kStart + after_start).build();
}

TestPacket udp_back(std::uint16_t source_port, std::chrono::nanoseconds after_start) {
  return PacketBuilder().ethernet().ipv4("10.0.0.2", "10.0.0.1").udp(53, source_port).at(kStart + after_start).build();
}

std::uint64_t at(std::chrono::nanoseconds after_start) {
  return static_cast<std::uint64_t>((kStart + after_start).count());
}

TEST(InactiveTimeout, APacketJustBeforeItGoesOnWithTheFlow) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 0s));
  flows.add(udp(1, 10s - 1ns));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].src_to_dst.pkts, 2U);
  EXPECT_EQ(records[0].end_reason, EndReason::kCaptureEnd);
}

// No sweep runs here, so the second packet itself must end the flow.
TEST(InactiveTimeout, IsCheckedBeforeThePacketIsAdded) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 0s));
  flows.add(udp_back(1, 10s));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].end_reason, EndReason::kInactive);
  EXPECT_EQ(records[0].end_ns, at(0s));
  EXPECT_EQ(records[1].end_reason, EndReason::kCaptureEnd);
  EXPECT_EQ(records[1].start_ns, at(10s));
  EXPECT_EQ(records[1].segment, 0U);
  EXPECT_NE(records[1].flow_id, records[0].flow_id);
  // The second packet opens a new flow, so its sender is the source.
  EXPECT_EQ(records[1].ip_src, address("10.0.0.2"));
}

TEST(InactiveTimeout, TheSweepEndsTheFlowWhenItsTimeHasCome) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 0s));
  flows.sweep(kStart + 10s - 1ns);
  EXPECT_TRUE(flows.take_records().empty());
  flows.sweep(kStart + 10s);
  const auto records = flows.take_records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::kInactive);
  EXPECT_EQ(flows.counter(Counter::kFlowsOpen), 0U);
  EXPECT_EQ(flows.counter(Counter::kExportedInactive), 1U);
}

TEST(InactiveTimeout, ThePacketsOfEitherDirectionKeepTheFlow) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 0s));
  flows.add(udp_back(1, 8s));
  flows.add(udp(1, 16s));
  EXPECT_EQ(flows.finish().size(), 1U);
}

TEST(ActiveTimeout, CutsTheFlowAndGoesOnUnderTheSameId) {
  FlowHarness flows(with_timeouts(10s, 1h));
  for (const auto time : {0s, 9s, 10s, 19s, 20s}) flows.add(udp(1, time));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(records[i].segment, i);
    EXPECT_EQ(records[i].flow_id, records[0].flow_id);
  }
  EXPECT_EQ(records[0].end_reason, EndReason::kActive);
  EXPECT_EQ(records[0].src_to_dst.pkts, 2U);
  EXPECT_EQ(records[0].start_ns, at(0s));
  EXPECT_EQ(records[0].end_ns, at(9s));
  EXPECT_EQ(records[1].end_reason, EndReason::kActive);
  EXPECT_EQ(records[1].start_ns, at(10s));
  EXPECT_EQ(records[1].end_ns, at(19s));
  EXPECT_EQ(records[2].end_reason, EndReason::kCaptureEnd);
  EXPECT_EQ(flows.counter(Counter::kFlowsOpened), 3U);
}

TEST(ActiveTimeout, ANewSegmentStartsWithCleanCounts) {
  FlowHarness flows(with_timeouts(10s, 1h));
  const auto tcp = [](std::chrono::nanoseconds time) {
    return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(1, 80).at(kStart + time);
  };
  flows.add(tcp(0s).syn().payload(100).build());
  flows.add(tcp(10s).ack().build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].src_to_dst.tcp_flags, tcp::kSyn);
  EXPECT_EQ(records[1].src_to_dst.tcp_flags, tcp::kAck);
  EXPECT_EQ(records[1].src_to_dst.pkts, 1U);
  EXPECT_EQ(records[1].src_to_dst.bytes, 54U);
}

TEST(ActiveTimeout, TheDirectionStaysAcrossTheCut) {
  FlowHarness flows(with_timeouts(10s, 1h));
  flows.add(udp(1, 0s));
  flows.add(udp_back(1, 12s));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].ip_src, address("10.0.0.1"));
  EXPECT_EQ(records[1].src_to_dst.pkts, 0U);
  EXPECT_EQ(records[1].dst_to_src.pkts, 1U);
  EXPECT_EQ(records[1].start_ns, at(12s));
}

TEST(ActiveTimeout, ADormantEntryIsInNoLedgerAndWritesNoRecord) {
  FlowHarness flows(with_timeouts(10s, 20s));
  flows.add(udp(1, 0s));
  flows.add(udp(1, 5s));
  flows.sweep(kStart + 10s);
  EXPECT_EQ(flows.take_records().size(), 1U);
  EXPECT_EQ(flows.counter(Counter::kFlowsOpen), 0U);
  EXPECT_EQ(flows.table().size(), 1U);
  EXPECT_TRUE(flows.ledgers_balance());
  EXPECT_TRUE(flows.finish().empty());
  EXPECT_EQ(flows.table().size(), 0U);
  EXPECT_TRUE(flows.ledgers_balance());
}

TEST(ActiveTimeout, ADormantEntryIsFreedByTheInactiveTimeout) {
  FlowHarness flows(with_timeouts(10s, 20s));
  flows.add(udp(1, 0s));
  flows.add(udp(1, 5s));
  flows.sweep(kStart + 10s);
  flows.sweep(kStart + 25s - 1ns);
  EXPECT_EQ(flows.table().size(), 1U);
  flows.sweep(kStart + 25s);
  EXPECT_EQ(flows.table().size(), 0U);
  EXPECT_EQ(flows.take_records().size(), 1U);
}

TEST(ActiveTimeout, APacketAfterTheDormantEntrysTimeIsANewFlow) {
  FlowHarness flows(with_timeouts(10s, 20s));
  flows.add(udp(1, 0s));
  flows.add(udp(1, 20s));  // both deadlines have passed: the cut at 10 s and the end of the dormant entry at 20 s
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].end_reason, EndReason::kActive);
  EXPECT_EQ(records[1].segment, 0U);
  EXPECT_NE(records[1].flow_id, records[0].flow_id);
}

TEST(ActiveTimeout, APacketWithinTheDormantEntrysTimeIsTheNextSegment) {
  FlowHarness flows(with_timeouts(10s, 20s));
  flows.add(udp(1, 0s));
  flows.add(udp(1, 20s - 1ns));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].segment, 1U);
  EXPECT_EQ(records[1].flow_id, records[0].flow_id);
}

Config without_segments(Nanoseconds active, Nanoseconds inactive) {
  Config config = with_timeouts(active, inactive);
  config.flow.segments = false;
  return config;
}

TEST(WithoutSegments, APacketAfterTheActiveTimeoutBeginsAnotherFlow) {
  FlowHarness flows(without_segments(10s, 20s));
  flows.add(udp(1, 0s));
  flows.add(udp_back(1, 10s));
  flows.add(udp(1, 9s));  // older than the start of its flow
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].end_reason, EndReason::kActive);
  EXPECT_EQ(records[1].ip_src, address("10.0.0.2"));
  EXPECT_EQ(records[1].segment, 0U);
  EXPECT_EQ(records[1].src_to_dst.pkts + records[1].dst_to_src.pkts, 2U);
  EXPECT_TRUE(flows.ledgers_balance());
}

TEST(WithoutSegments, TheActiveTimeoutEndsNoFlowWithoutPackets) {
  FlowHarness flows(without_segments(10s, 8s));
  flows.add(udp(1, 0s));
  flows.add(udp(1, 5s));
  flows.sweep(kStart + 13s - 1ns);
  EXPECT_TRUE(flows.take_records().empty());
  flows.sweep(kStart + 13s);
  const auto records = flows.take_records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::kInactive);
  EXPECT_EQ(flows.table().size(), 0U);
}

TEST(WithoutSegments, ATimeoutOfZeroMakesEachPacketAFlow) {
  for (const Config& config : {without_segments(0s, 20s), without_segments(10s, 0s)}) {
    FlowHarness flows(config);
    for (int packet = 0; packet < 3; ++packet) flows.add(udp(1, 1s));
    EXPECT_EQ(flows.finish().size(), 3U);
  }
}

TEST(BothTimeouts, TheEarlierGivesTheReason) {
  FlowHarness inactive_first(with_timeouts(12s, 10s));
  inactive_first.add(udp(1, 0s));
  inactive_first.sweep(kStart + 1h);
  EXPECT_EQ(inactive_first.take_records().at(0).end_reason, EndReason::kInactive);

  FlowHarness active_first(with_timeouts(12s, 10s));
  active_first.add(udp(1, 0s));
  active_first.add(udp(1, 5s));
  active_first.sweep(kStart + 1h);
  EXPECT_EQ(active_first.take_records().at(0).end_reason, EndReason::kActive);
}

TEST(BothTimeouts, AtTheSameTimeTheFlowIsInactive) {
  FlowHarness flows(with_timeouts(10s, 10s));
  flows.add(udp(1, 0s));
  flows.sweep(kStart + 10s);
  EXPECT_EQ(flows.take_records().at(0).end_reason, EndReason::kInactive);
}

TEST(CaptureEnd, WhatIsOutOfTimeByThenEndsByItsTimeout) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 0s));
  flows.add(udp(2, 11s));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].src_port, 1);
  EXPECT_EQ(records[0].end_reason, EndReason::kInactive);
  EXPECT_EQ(records[1].end_reason, EndReason::kCaptureEnd);
  EXPECT_TRUE(flows.ledgers_balance());
}

TEST(Sweep, EndsNoMoreThanItsBudget) {
  FlowHarness flows(with_timeouts(1h, 10s));
  for (std::uint16_t port = 1; port <= 5; ++port) flows.add(udp(port, 0s));
  flows.sweep(kStart + 20s, 2);
  EXPECT_EQ(flows.take_records().size(), 2U);
  flows.sweep(kStart + 20s, 2);
  flows.sweep(kStart + 20s, 2);
  EXPECT_EQ(flows.take_records().size(), 3U);
}

// The packets of a capture may have wrong times, or come in the wrong order.
TEST(TimeBackwards, StartIsTheLeastAndEndTheGreatestTime) {
  FlowHarness flows(with_timeouts(1h, 10s));
  for (const auto time : {5s, 3s, 7s, 6s}) flows.add(udp(1, time));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].start_ns, at(3s));
  EXPECT_EQ(records[0].end_ns, at(7s));
  EXPECT_EQ(records[0].src_to_dst.pkts, 4U);
  EXPECT_EQ(flows.counter(Counter::kPacketsTimeBackwards), 2U);
}

TEST(TimeBackwards, APacketOlderByATimeoutIsKeptApart) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 20s));
  flows.add(udp(1, 10s));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].start_ns, at(20s));
  EXPECT_EQ(records[1].start_ns, at(10s));
  EXPECT_EQ(flows.counter(Counter::kPacketsTimeBackwards), 0U);
}

TEST(FarFuture, OnePacketDoesNotEndOtherFlows) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 0s));
  flows.add(udp(2, 1000h));
  flows.add(udp(1, 1s));
  flows.sweep(kStart + 1s);
  EXPECT_TRUE(flows.take_records().empty());
  EXPECT_EQ(flows.counter(Counter::kFlowsOpen), 2U);
}

TEST(FarFuture, AFlowWithOneSuchPacketGoesOnAsANewFlow) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 0s));
  flows.add(udp(1, 1000h));
  flows.add(udp(1, 2s));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 3U);
  for (const FlowRecord& record : records) EXPECT_EQ(record.src_to_dst.pkts, 1U);
}

TEST(FarFuture, TheFlowItselfIsEndedOnceItHasBeenQuietForTheTimeout) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 0s));
  flows.add(udp(2, 1000h));
  for (const auto time : {5s, 10s}) {
    flows.add(udp(1, time));
    flows.sweep(kStart + time);
  }
  const auto records = flows.take_records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].src_port, 2);
}

// Regression: if a flow's first packet came before the clock knew the time, a sweep with a slightly earlier time ended
// the flow at once.
TEST(FarFuture, ATimeALittleAheadIsNone) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 5ms));
  flows.sweep(kStart + 1ms);
  EXPECT_TRUE(flows.take_records().empty());
  flows.add(udp(1, 6ms));
  EXPECT_EQ(flows.finish().size(), 1U);
}

// Regression: the order of use followed the greatest packet time. After one packet from the far future, no flow moved
// in this order any more, and the busiest flow was evicted.
TEST(FarFuture, OnePacketDoesNotFreezeTheOrderOfUse) {
  Config config = with_timeouts(1h, 1h);
  config.flow.capacity = 3;
  FlowHarness flows(config);
  flows.add(udp(1, 0s));
  flows.add(udp(2, 1000h));
  flows.add(udp(3, 1s));
  flows.add(udp(1, 2s));
  flows.add(udp(4, 3s));
  const auto records = flows.take_records();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].end_reason, EndReason::kEvicted);
  EXPECT_EQ(records[0].src_port, 2);  // the least recently used flow, although its packet has the greatest time
}

TEST(Timeouts, NewOnesHoldForFlowsThatAreOpen) {
  FlowHarness flows(with_timeouts(1h, 30min));
  flows.add(udp(1, 0s));
  flows.add(udp(1, 20s));
  flows.add(udp(2, 25s));
  flows.set_timeouts(15s, 10s);
  flows.sweep(kStart + 26s);
  const auto cut = flows.take_records();
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_EQ(cut[0].end_reason, EndReason::kActive);
  EXPECT_EQ(cut[0].end_ns, at(20s));
  flows.sweep(kStart + 35s);
  const auto ended = flows.take_records();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].end_reason, EndReason::kInactive);
  EXPECT_EQ(ended[0].end_ns, at(25s));
  EXPECT_TRUE(flows.ledgers_balance());
}

// Longer timeouts keep a flow that the previous timeouts would have ended.
TEST(Timeouts, LongerOnesKeepAFlowThatIsOpen) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 0s));
  flows.set_timeouts(1h, 1min);
  flows.sweep(kStart + 30s);
  flows.add(udp(1, 30s));
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 1U);
  EXPECT_EQ(records[0].src_to_dst.pkts, 2U);
}

// --- Due times of live records ---

FlowHarness live_flows(const Config& config) {
  return FlowHarness(config, {.timestamp_source = TimestampSource::kKernel});
}

TEST(DueTime, IsThatOfTheTimeoutHoweverLateTheSweepIs) {
  FlowHarness flows = live_flows(with_timeouts(20s, 10s));
  flows.add(udp(1, 0s));
  for (int second = 0; second <= 18; second += 9) flows.add(udp(2, second * 1s));
  flows.sweep(kStart + 1h);
  ASSERT_EQ(flows.take_records().size(), 2U);
  EXPECT_THAT(flows.due_ns(), ::testing::UnorderedElementsAre(at(10s), at(20s)));
}

TEST(DueTime, IsThatOfTheTimeoutWhereThePacketAfterItEndsTheFlow) {
  FlowHarness flows = live_flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 0s));
  flows.add(udp(1, 15s));
  ASSERT_EQ(flows.take_records().size(), 1U);
  EXPECT_THAT(flows.due_ns(), ::testing::ElementsAre(at(10s)));
}

TEST(DueTime, OfAClosedFlowIsTheEndOfItsLinger) {
  Config config = with_timeouts(1h, 10min);
  config.flow.tcp_linger = 2s;
  FlowHarness flows = live_flows(config);
  flows.add(PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).flags(tcp::kRst).at(kStart).build());
  flows.sweep(kStart + 5s);
  ASSERT_EQ(flows.take_records().size(), 1U);
  EXPECT_THAT(flows.due_ns(), ::testing::ElementsAre(at(2s)));
}

TEST(DueTime, HasNoFlowThatIsEvictedOrStillOpenAtTheEnd) {
  Config config = with_timeouts(1h, 10s);
  config.flow.capacity = 1;
  FlowHarness flows = live_flows(config);
  flows.add(udp(1, 0s));
  flows.add(udp(2, 1s));
  ASSERT_EQ(flows.finish().size(), 2U);
  EXPECT_THAT(flows.due_ns(), ::testing::ElementsAre(0, 0));
}

TEST(DueTime, HasNoFlowOfACaptureFile) {
  FlowHarness flows(with_timeouts(1h, 10s));
  flows.add(udp(1, 0s));
  flows.sweep(kStart + 1h);
  ASSERT_EQ(flows.take_records().size(), 1U);
  EXPECT_THAT(flows.due_ns(), ::testing::ElementsAre(0));
}

}  // namespace
}  // namespace spanflow::testing::timeouts_test
