// Tests properties that hold for every stream of packets, with random streams from fixed seeds.
#include <gmock/gmock.h>

#include "support/random_traffic.h"
#include "support/worker_split.h"

namespace spanflow::testing::property_test {
namespace {

using namespace std::chrono_literals;

Config short_timeouts() {
  Config config;
  config.flow.capacity = 4096;  // more than the number of flows, so none is evicted
  config.flow.active_timeout = 10s;
  config.flow.inactive_timeout = 4s;
  config.flow.tcp_linger = 1s;
  config.decode.fragment_timeout = 1s;
  return config;
}

// Returns the records of a run with a sweep after each `every` packets; 0: no sweeps. A sweep ends at most `budget`
// flows.
std::vector<FlowRecord> records_with_sweeps(const std::vector<TestPacket>& packets, std::size_t every, int budget) {
  FlowHarness flows(short_timeouts());
  for (std::size_t i = 0; i < packets.size(); ++i) {
    flows.add(packets[i]);
    if (every != 0 && i % every == 0) flows.sweep(std::chrono::nanoseconds{packets[i].time_ns}, budget);
  }
  return flows.finish();
}

class RandomStream : public ::testing::TestWithParam<unsigned> {};

TEST_P(RandomStream, TheSweepChangesWhenARecordLeavesAndNeverWhatIsInIt) {
  const auto packets = random_traffic(GetParam(), 3000, false);
  const auto never = sorted_lines(records_with_sweeps(packets, 0, 0));
  ASSERT_GT(never.size(), 100U);
  EXPECT_EQ(sorted_lines(records_with_sweeps(packets, 1, 1'000'000)), never);
  EXPECT_EQ(sorted_lines(records_with_sweeps(packets, 1, 1)), never);
  EXPECT_EQ(sorted_lines(records_with_sweeps(packets, 64, 128)), never);
  EXPECT_EQ(sorted_lines(records_with_sweeps(packets, 97, 2)), never);
}

// Returns the records of several workers, see SplitWorkers.
std::vector<FlowRecord> records_of(const std::vector<TakenIn>& packets, std::uint32_t workers, bool sweeps) {
  return SplitWorkers(short_timeouts(), workers).records_of(packets, sweeps);
}

TEST_P(RandomStream, AnySplitAndAnySweepsGiveTheSameRecords) {
  const auto packets = taken_in(short_timeouts(), mixed_traffic(GetParam(), 3000));
  const auto alone = sorted_lines(records_of(packets, 1, false));
  ASSERT_GT(alone.size(), 300U);
  for (std::uint32_t workers = 1; workers <= 8; ++workers) {
    EXPECT_EQ(sorted_lines(records_of(packets, workers, true)), alone) << workers;
  }
}

TEST_P(RandomStream, AnySplitGivesTheSameRecordsAlsoWhenTimeGoesBack) {
  const auto packets = taken_in(short_timeouts(), mixed_traffic(GetParam(), 3000, true));
  const auto alone = sorted_lines(records_of(packets, 1, false));
  for (std::uint32_t workers = 2; workers <= 8; ++workers) {
    EXPECT_EQ(sorted_lines(records_of(packets, workers, true)), alone) << workers;
  }
}

void expect_sums_of(const std::vector<TestPacket>& packets, const std::vector<FlowRecord>& records) {
  std::uint64_t octets = 0;
  for (const TestPacket& packet : packets) octets += packet.wire;
  std::uint64_t packets_recorded = 0;
  std::uint64_t octets_recorded = 0;
  for (const FlowRecord& record : records) {
    packets_recorded += record.src_to_dst.pkts + record.dst_to_src.pkts;
    octets_recorded += record.src_to_dst.link_bytes + record.dst_to_src.link_bytes;
  }
  EXPECT_EQ(packets_recorded, packets.size());
  EXPECT_EQ(octets_recorded, octets);
}

TEST_P(RandomStream, TheRecordsAddUpToThePackets) {
  const auto packets = random_traffic(GetParam(), 3000, false);
  expect_sums_of(packets, records_with_sweeps(packets, 10, 100));
}

TEST_P(RandomStream, TheRecordsAddUpAlsoWhenTimeGoesBack) {
  const auto packets = random_traffic(GetParam(), 3000, true);
  expect_sums_of(packets, records_with_sweeps(packets, 10, 100));
}

TEST_P(RandomStream, TheRecordsAddUpAlsoWithFragmentsInAnyOrder) {
  for (const bool time_may_go_back : {false, true}) {
    const auto packets = mixed_traffic(GetParam(), 3000, time_may_go_back);
    expect_sums_of(packets, records_of(taken_in(short_timeouts(), packets), 3, true));
  }
}

TEST_P(RandomStream, TheRecordsAddUpAlsoWhenTheTableIsFull) {
  Config config = short_timeouts();
  config.flow.capacity = 7;
  const auto packets = random_traffic(GetParam(), 3000, true);
  FlowHarness flows(config);
  for (const TestPacket& packet : packets) {
    flows.add(packet);
    ASSERT_TRUE(flows.ledgers_balance());
  }
  EXPECT_GT(flows.counter(Counter::kExportedEvicted), 100U);
  expect_sums_of(packets, flows.finish());
  EXPECT_TRUE(flows.ledgers_balance());
  EXPECT_EQ(flows.counter(Counter::kFlowsOpen), 0U);
}

TEST_P(RandomStream, ARecordNeverSpansItsActiveTimeoutAndIsNeverEmpty) {
  constexpr std::uint64_t kActive = 10'000'000'000;
  for (const FlowRecord& record : records_with_sweeps(random_traffic(GetParam(), 3000, true), 50, 3)) {
    EXPECT_LE(record.start_ns, record.end_ns);
    EXPECT_LT(record.end_ns - record.start_ns, kActive);
    EXPECT_GT(record.src_to_dst.pkts + record.dst_to_src.pkts, 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(FlowCache, RandomStream, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace spanflow::testing::property_test
