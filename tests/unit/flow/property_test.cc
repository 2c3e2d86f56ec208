// What must hold for any stream of packets: random ones, from fixed seeds.
#include <gmock/gmock.h>

#include "flow/flow_key.h"
#include "support/flow_harness.h"
#include "support/random_traffic.h"

namespace spanflow::testing {
namespace {

using namespace std::chrono_literals;

Config short_timeouts() {
  Config config;
  config.flow.active_timeout = 10s;
  config.flow.inactive_timeout = 4s;
  config.flow.tcp_linger = 1s;
  return config;
}

// Sweeps after every `every`th packet, each time at most `budget` flows; 0: never.
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

TEST_P(RandomStream, TheRecordsDoNotDependOnTheNumberOfWorkers) {
  const auto packets = random_traffic(GetParam(), 3000, false);
  const auto alone = sorted_lines(records_with_sweeps(packets, 0, 0));
  for (const std::uint32_t workers : {2U, 3U}) {
    std::vector<std::unique_ptr<FlowHarness>> harnesses;
    for (std::uint32_t i = 0; i < workers; ++i) harnesses.push_back(std::make_unique<FlowHarness>(short_timeouts()));
    for (const TestPacket& packet : packets) {
      Packet decoded;
      Decoder(TunnelSet::all(), VlanKey::kInner).decode(packet.raw(), packet.link_type, decoded);
      harnesses[home_worker(decoded.key, workers)]->add(packet);
    }
    std::vector<FlowRecord> records;
    for (const auto& flows : harnesses) {
      flows->end(std::chrono::nanoseconds{packets.back().time_ns});
      const auto more = flows->take_records();
      records.insert(records.end(), more.begin(), more.end());
    }
    EXPECT_EQ(sorted_lines(records), alone);
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
}  // namespace spanflow::testing
