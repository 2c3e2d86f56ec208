// Tests the Streamer: a loop over the records of a capture.
#include "spanflow/streamer.h"

#include <gmock/gmock.h>

#include <stdexcept>

#include "support/capture_writer.h"
#include "support/flow_harness.h"
#include "support/random_traffic.h"
#include "support/temporary_folder.h"

namespace spanflow::testing::streamer_test {
namespace {

using namespace std::chrono_literals;

class StreamerTest : public ::testing::Test {
 protected:
  StreamerOptions options_for(const Bytes& capture) {
    return {.source = folder_.write("in.pcap", capture),
            .active_timeout = 10s,
            .inactive_timeout = 4s,
            .settings = {"dpi.enabled=false"}};
  }
  TemporaryFolder folder_;
};

template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(StreamerTest, GivesEveryRecord) {
  const auto packets = random_traffic(1, 5000);
  Streamer streamer(options_for(pcap_of(packets)));
  std::vector<FlowRecord> records;
  for (const FlowRecord& flow : streamer) records.push_back(flow);

  Config config;
  config.flow.active_timeout = 10s;
  config.flow.inactive_timeout = 4s;
  FlowHarness flows(config);
  for (const TestPacket& packet : packets) flows.add(packet);
  EXPECT_EQ(sorted_lines(records), sorted_lines(flows.finish()));
}

TEST_F(StreamerTest, SeveralWorkersGiveTheSame) {
  const Bytes capture = pcap_of(random_traffic(2, 5000));
  const auto records_with = [&](unsigned workers) {
    StreamerOptions options = options_for(capture);
    options.workers = workers;
    Streamer streamer(options);
    std::vector<FlowRecord> records;
    for (const FlowRecord& flow : streamer) records.push_back(flow);
    return sorted_lines(records);
  };
  EXPECT_EQ(records_with(3), records_with(1));
}

TEST_F(StreamerTest, ACaptureWithoutPacketsGivesNoRecords) {
  Streamer streamer(options_for(pcap_of({})));
  for (const FlowRecord& flow : streamer) ADD_FAILURE() << flow;
}

TEST_F(StreamerTest, LeavingTheLoopStopsTheCapture) {
  const Bytes capture = pcap_of(random_traffic(3, 50'000));
  for (const int wanted : {1, 2, 300}) {
    Streamer streamer(options_for(capture));
    int seen = 0;
    for (const FlowRecord& flow : streamer) {
      EXPECT_GT(flow.src_to_dst.pkts + flow.dst_to_src.pkts, 0U);
      if (++seen == wanted) break;
    }
    EXPECT_EQ(seen, wanted);
  }
}

TEST_F(StreamerTest, MayBeDestroyedWithoutALoop) {
  EXPECT_NO_THROW(Streamer{options_for(pcap_of(random_traffic(4, 10)))});
}

TEST_F(StreamerTest, MayBeMoved) {
  Streamer first(options_for(pcap_of(random_traffic(5, 100))));
  Streamer second(std::move(first));
  std::size_t records = 0;
  for (const FlowRecord& flow : second) records += flow.segment + 1;
  EXPECT_GT(records, 0U);
}

TEST_F(StreamerTest, CanBeIteratedOnlyOnce) {
  Streamer streamer(options_for(pcap_of(random_traffic(6, 100))));
  for (const FlowRecord& flow : streamer) EXPECT_NE(flow.flow_id, 0U);
  EXPECT_THROW(streamer.begin(), std::logic_error);
}

TEST_F(StreamerTest, AMissingSourceIsAOneLineError) {
  const std::string missing = folder_ / "none.pcap";
  EXPECT_EQ(error_of([&] { Streamer streamer({.source = missing}); }),
            missing + ": no such capture file, network interface or DPDK device");
}

TEST_F(StreamerTest, AWrongSettingIsAOneLineError) {
  StreamerOptions options = options_for(pcap_of({}));
  options.settings = {"flow.capcity=1"};
  EXPECT_EQ(error_of([&] { Streamer streamer(options); }),
            "--set flow.capcity=1: flow.capcity: unknown key, did you mean flow.capacity?");
}

TEST_F(StreamerTest, ADamagedCaptureThrowsAfterItsRecords) {
  Bytes damaged = pcap_of(random_traffic(7, 500));
  damaged.insert(damaged.end(), 64, 0xff);
  Streamer streamer(options_for(damaged));
  std::size_t records = 0;
  const std::string error = error_of([&] {
    for (const FlowRecord& flow : streamer) records += flow.flow_id != 0 ? 1 : 0;
  });
  EXPECT_GT(records, 10U);
  EXPECT_THAT(error, ::testing::HasSubstr("in.pcap: offset "));
}

TEST_F(StreamerTest, RecordsHaveAnApplicationName) {
  StreamerOptions options = options_for(
      pcap_of({PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").tcp(40000, 443).syn().at(1s).build()}));
  options.settings = {};
  Streamer streamer(options);
  for (const FlowRecord& flow : streamer) {
    EXPECT_EQ(flow.application_name, "TLS");
    EXPECT_TRUE(flow.application_is_guessed);
  }
}

UserMetric count_packets() {
  return {"n", [](const PacketInfo&, Flow& flow) { flow.metrics["n"] += 1; }};
}

TEST_F(StreamerTest, UserMetricsAreInTheRecordAndItsJson) {
  StreamerOptions options = options_for(pcap_of(random_traffic(8, 5000)));
  options.user_metrics = {count_packets()};
  Streamer streamer(options);
  double packets = 0;
  for (const FlowRecord& flow : streamer) {
    EXPECT_EQ(flow.metrics["n"], flow.src_to_dst.pkts + flow.dst_to_src.pkts);
    const std::string value = std::to_string(flow.src_to_dst.pkts + flow.dst_to_src.pkts);
    EXPECT_THAT(line_of(flow), ::testing::EndsWith(",\"metrics\":{\"n\":" + value + "}}"));
    packets += flow.metrics["n"];
  }
  EXPECT_EQ(packets, 5000);
}

TEST_F(StreamerTest, UserMetricsDoNotDependOnTheNumberOfWorkers) {
  const Bytes capture = pcap_of(random_traffic(9, 5000));
  const auto records_with = [&](unsigned workers) {
    StreamerOptions options = options_for(capture);
    options.workers = workers;
    options.settings.emplace_back("metrics=[{name: mean_gap, mean: gap}]");
    options.user_metrics = {count_packets()};
    Streamer streamer(options);
    std::vector<FlowRecord> records;
    for (const FlowRecord& flow : streamer) records.push_back(flow);
    return sorted_lines(records);
  };
  EXPECT_EQ(records_with(3), records_with(1));
}

TEST_F(StreamerTest, ACopiedRecordKeepsItsMetricsWhenTheStreamerIsGone) {
  std::vector<FlowRecord> kept;
  {
    StreamerOptions options = options_for(pcap_of(random_traffic(10, 100)));
    options.user_metrics = {count_packets()};
    Streamer streamer(options);
    for (const FlowRecord& flow : streamer) kept.push_back(flow);
  }
  for (const FlowRecord& flow : kept) EXPECT_EQ(flow.metrics["n"], flow.src_to_dst.pkts + flow.dst_to_src.pkts);
}

TEST_F(StreamerTest, AUserMetricThatIsGivenTwiceIsAOneLineError) {
  StreamerOptions options = options_for(pcap_of({}));
  options.user_metrics = {count_packets(), count_packets()};
  EXPECT_EQ(error_of([&] { Streamer streamer(options); }), "user_metrics: n is given twice");
}

}  // namespace
}  // namespace spanflow::testing::streamer_test
