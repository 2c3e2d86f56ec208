// Compares the statistics and early packets of flows with values computed by hand.
#include "metrics/features.h"

#include <gmock/gmock.h>

#include <cmath>

#include "metrics/series.h"
#include "support/flow_harness.h"
#include "support/packet_builder.h"

namespace spanflow::testing::features_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;

Config with_features(bool statistics, std::uint64_t splt) {
  Config config;
  config.features = {.statistics = statistics, .splt = splt};
  config.flow.accounting = Accounting::kPayload;
  config.flow.active_timeout = 10s;
  config.flow.inactive_timeout = 5s;
  return config;
}

PacketBuilder forward(std::size_t payload, Nanoseconds at) {
  return PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).payload(std::string(payload, 'x')).at(at);
}
PacketBuilder backward(std::size_t payload, Nanoseconds at) {
  return PacketBuilder().ipv4("2.2.2.2", "1.1.1.1").udp(2, 1).payload(std::string(payload, 'x')).at(at);
}

// Returns the record of a flow of four packets. Forward: payloads of 10, 20 and 60 octets at 1.0, 1.3 and 2.3 s.
// Backward: 30 octets at 1.1 s.
std::vector<FlowRecord> four_packets(const Config& config) {
  FlowHarness flows(config);
  flows.add(forward(10, 1000ms).build());
  flows.add(backward(30, 1100ms).build());
  flows.add(forward(20, 1300ms).build());
  flows.add(forward(60, 2300ms).build());
  return flows.finish();
}

void expect_distribution(const Distribution& distribution, double min, double mean, double stddev, double max) {
  EXPECT_DOUBLE_EQ(distribution.min, min);
  EXPECT_NEAR(distribution.mean, mean, mean * 1e-12);
  EXPECT_NEAR(distribution.stddev, stddev, stddev * 1e-9);
  EXPECT_DOUBLE_EQ(distribution.max, max);
}

TEST(Statistics, OfPacketSizesAreThoseOfTheSample) {
  const auto records = four_packets(with_features(true, 0));
  ASSERT_EQ(records.size(), 1U);
  const FlowStatistics& statistics = records[0].extras->statistics;
  expect_distribution(statistics.bidirectional.packet_size, 10, 30, std::sqrt(1400.0 / 3), 60);
  expect_distribution(statistics.src_to_dst.packet_size, 10, 30, std::sqrt(1400.0 / 2), 60);
  expect_distribution(statistics.dst_to_src.packet_size, 30, 30, 0, 30);
}

TEST(Statistics, OfGapsAreNanosecondsBetweenPacketsOfTheSameSide) {
  const auto records = four_packets(with_features(true, 0));
  const FlowStatistics& statistics = records.at(0).extras->statistics;
  // Gaps in both directions together: 100, 200 and 1000 ms. Forward: 300 and 1000 ms. Backward there is only one
  // packet, so there is no gap.
  expect_distribution(statistics.bidirectional.inter_arrival, 100e6, 1300e6 / 3, std::sqrt(730000.0 / 3) * 1e6, 1000e6);
  expect_distribution(statistics.src_to_dst.inter_arrival, 300e6, 650e6, 350e6 * std::sqrt(2), 1000e6);
  expect_distribution(statistics.dst_to_src.inter_arrival, 0, 0, 0, 0);
}

TEST(Statistics, CountEachTcpFlagOnItsSide) {
  FlowHarness flows(with_features(true, 0));
  flows.add(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).syn().at(1s).build());
  flows.add(PacketBuilder().ipv4("2.2.2.2", "1.1.1.1").tcp(2, 1).syn_ack().at(1s).build());
  flows.add(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).ack().at(1s).build());
  flows.add(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).fin().at(1s).build());
  const auto records = flows.finish();
  const FlowStatistics& statistics = records.at(0).extras->statistics;
  EXPECT_THAT(statistics.src_to_dst.tcp_flag_pkts, ElementsAre(1, 1, 0, 0, 2, 0, 0, 0));
  EXPECT_THAT(statistics.dst_to_src.tcp_flag_pkts, ElementsAre(0, 1, 0, 0, 1, 0, 0, 0));
  EXPECT_THAT(statistics.bidirectional.tcp_flag_pkts, ElementsAre(1, 2, 0, 0, 3, 0, 0, 0));
}

TEST(Statistics, StartAnewWithEachSegmentAndEachFlow) {
  FlowHarness flows(with_features(true, 0));
  for (int second = 1; second <= 12; ++second) flows.add(forward(second == 11 ? 7 : 100, 1s * second).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  expect_distribution(records[0].extras->statistics.src_to_dst.packet_size, 100, 100, 0, 100);
  expect_distribution(records[1].extras->statistics.src_to_dst.packet_size, 7, 53.5, std::sqrt(4324.5), 100);
  expect_distribution(records[1].extras->statistics.src_to_dst.inter_arrival, 1e9, 1e9, 0, 1e9);
}

TEST(Statistics, AGapIsNeverNegative) {
  FlowHarness flows(with_features(true, 3));
  flows.add(forward(1, 3s).build());
  flows.add(forward(1, 2s).build());
  flows.add(forward(1, 4s).build());
  const auto records = flows.finish();
  expect_distribution(records.at(0).extras->statistics.src_to_dst.inter_arrival, 0, 0.5e9, std::sqrt(0.5) * 1e9, 1e9);
  EXPECT_EQ(records[0].extras->early_packets.at(1).time_ns, 3'000'000'000U);
}

TEST(MillisecondGaps, AreTakenBetweenTimesInWholeMilliseconds) {
  Config config = with_features(true, 0);
  config.features.millisecond_gaps = true;
  FlowHarness flows(config);
  flows.add(forward(1, 1'900us).build());
  flows.add(forward(1, 2'100us).build());  // 0.2 ms later, in the next millisecond
  flows.add(forward(1, 2'999us).build());  // 0.899 ms later, in the same millisecond
  const auto records = flows.finish();
  expect_distribution(records.at(0).extras->statistics.src_to_dst.inter_arrival_ms, 0, 0.5, std::sqrt(0.5), 1);
  expect_distribution(records[0].extras->statistics.bidirectional.inter_arrival_ms, 0, 0.5, std::sqrt(0.5), 1);
}

TEST(MillisecondGaps, AreNotKeptWhereNobodyAsks) {
  const auto records = four_packets(with_features(true, 0));
  expect_distribution(records.at(0).extras->statistics.bidirectional.inter_arrival_ms, 0, 0, 0, 0);
}

TEST(EarlyPackets, AreTheFirstOfBothSides) {
  const auto records = four_packets(with_features(false, 3));
  const auto& packets = records.at(0).extras->early_packets;
  ASSERT_EQ(packets.size(), 3U);
  EXPECT_EQ(packets[0].size, 10U);
  EXPECT_EQ(packets[0].time_ns, records[0].start_ns);
  EXPECT_EQ(packets[1].direction, Direction::kDstToSrc);
  EXPECT_EQ(packets[1].time_ns - packets[0].time_ns, 100'000'000U);
  EXPECT_EQ(packets[2].size, 20U);
  EXPECT_EQ(packets[2].time_ns - packets[1].time_ns, 200'000'000U);
}

TEST(EarlyPackets, OfAShortFlowAreAsManyAsItHas) {
  EXPECT_EQ(four_packets(with_features(false, 255)).at(0).extras->early_packets.size(), 4U);
}

TEST(Extras, AreNothingWithAllFeaturesOff) { EXPECT_FALSE(four_packets(with_features(false, 0)).at(0).extras); }

TEST(Extras, OfACopiedRecordAreItsOwn) {
  FlowExtras extras;
  extras.early_packets = {{.size = 1}};
  FlowRecord record;
  record.extras = ExtrasView(extras);
  const FlowRecord copy = record;
  extras.early_packets.clear();
  EXPECT_EQ(record.extras->early_packets.size(), 0U);
  EXPECT_EQ(copy.extras->early_packets.size(), 1U);
}

TEST(Series, IsStableFarFromZero) {
  Series series;
  constexpr std::uint64_t kFar = 1'000'000'000'000'000;
  for (const std::uint64_t value : {kFar, kFar + 1, kFar + 2}) series.add(value);
  EXPECT_DOUBLE_EQ(series.distribution().mean, kFar + 1.0);
  EXPECT_DOUBLE_EQ(series.distribution().stddev, 1);
}

}  // namespace
}  // namespace spanflow::testing::features_test
