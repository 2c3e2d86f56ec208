// Tests the Pipeline from a capture file to records, as the daemon and the Streamer run it.
#include "pipeline/pipeline.h"

#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "sinks/file_settings.h"
#include "support/capture_writer.h"
#include "support/flow_harness.h"
#include "support/memory_sink.h"
#include "support/packet_builder.h"
#include "support/random_traffic.h"
#include "support/temporary_folder.h"

namespace spanflow::testing::pipeline_test {
namespace {

using namespace std::chrono_literals;

class PipelineTest : public ::testing::Test {
 protected:
  Config config_for(const std::vector<TestPacket>& packets) {
    Config config;
    config.input.files = {folder_.write("in.pcap", pcap_of(packets))};
    config.flow.active_timeout = 10s;
    config.flow.inactive_timeout = 4s;
    config.dpi.enabled = false;
    config.features.names = false;
    return config;
  }

  // Runs a pipeline to its end, and returns its records.
  std::vector<FlowRecord> run(const Config& config) {
    const auto kept = std::make_shared<KeptRecords>();
    std::vector<NamedSink> sinks;
    sinks.push_back({"memory", std::make_unique<MemorySink>(kept), 1000});
    Pipeline pipeline(config, std::move(sinks));
    pipeline.start();
    while (!pipeline.wait(100ms)) {
    }
    pipeline.finish();
    summary_ = pipeline.summary();
    failures_ = pipeline.failures();
    return kept->all();
  }

  TemporaryFolder folder_;
  Summary summary_;
  std::vector<std::exception_ptr> failures_;
};

TEST_F(PipelineTest, AnyNumberOfWorkersGivesTheSameRecords) {
  const auto packets = mixed_traffic(1, 10'000);
  Config config = config_for(packets);
  config.decode.fragment_timeout = 1s;
  config.features.statistics = true;
  config.features.splt = 20;
  const auto alone = sorted_lines(run(config));
  const auto counters_of = [this](const char* of) { return nlohmann::json::parse(to_json(summary_)).at(of); };
  const auto packets_alone = counters_of("packets");
  ASSERT_GT(alone.size(), 1000U);
  ASSERT_GT(packets_alone.at("fragments_orphaned"), 100U);
  ASSERT_GT(packets_alone.at("later_fragments"), packets_alone.at("fragments_orphaned").get<unsigned>() + 100);
  EXPECT_EQ(packets_alone.at("metered"), packets.size());
  for (config.workers = 2; config.workers <= 8; ++config.workers) {
    EXPECT_EQ(sorted_lines(run(config)), alone) << config.workers;
    EXPECT_TRUE(failures_.empty());
    EXPECT_EQ(counters_of("packets"), packets_alone) << config.workers;
  }
}

// Each copy has another VLAN id. The VLAN id is part of the flow key by default, so an undetected copy would open
// another flow, perhaps at another worker.
TEST_F(PipelineTest, DuplicatesAreFoundOnAnyNumberOfWorkers) {
  std::vector<TestPacket> once;
  std::vector<TestPacket> twice;
  for (std::uint16_t i = 0; i < 500; ++i) {
    const auto packet = [&](std::uint16_t vlan, std::chrono::nanoseconds delay) {
      return PacketBuilder()
          .ethernet()
          .vlan(vlan)
          .ipv4("1.1.1.1", "2.2.2.2")
          .fragment(0, false, i)
          .udp(i, 53)
          .at(i * 100us + 1s + delay);
    };
    once.push_back(packet(100, 0us).build());
    twice.push_back(once.back());
    twice.push_back(packet(101, 20us).build());
  }
  Config config = config_for(once);
  const auto expected = sorted_lines(run(config));
  config = config_for(twice);
  config.decode.deduplicate = 50us;
  for (config.workers = 1; config.workers <= 4; ++config.workers) {
    EXPECT_EQ(sorted_lines(run(config)), expected) << config.workers;
    const auto packets = nlohmann::json::parse(to_json(summary_)).at("packets");
    EXPECT_EQ(packets.at("received"), 1000);
    EXPECT_EQ(packets.at("metered"), 500);
    EXPECT_EQ(packets.at("ignored").at("duplicate"), 500);
  }
}

// The filter sees packets before fragments are joined and duplicates are removed, whichever thread does this.
TEST_F(PipelineTest, WhatIsFilteredIsNobodysFirstFragmentOnAnyNumberOfWorkers) {
  const auto ip = [](int offset, bool more) {
    PacketBuilder packet;
    packet.ethernet().ipv4("1.1.1.1", "2.2.2.2").fragment(static_cast<std::uint32_t>(offset), more, 7);
    return packet;
  };
  Config config = config_for({ip(0, true).udp(5, 53).payload(64).at(1s).build(),
                              ip(72, false).ip_protocol(protocol::kUdp).payload(30).at(1s).build()});
  config.input.filter = "not udp port 53";
  for (config.workers = 1; config.workers <= 2; ++config.workers) {
    const auto records = run(config);
    ASSERT_EQ(records.size(), 1U);
    EXPECT_EQ(records[0].src_port, 0);
    EXPECT_EQ(value_of(summary_.counters, Counter::kIgnoredFiltered), 1U);
    EXPECT_EQ(value_of(summary_.counters, Counter::kFragmentsOrphaned), 1U);
  }
}

// Regression: if the file with the later packets came first, every sweep ended flows of the other file too early. The
// reasons of flows that are open at the end of the first file may differ, because the input goes on.
TEST_F(PipelineTest, FilesInTheWrongOrderGiveTheRecordsOfEach) {
  const auto without_reasons = [](const std::vector<FlowRecord>& records) {
    std::vector<FlowRecord> changed = records;
    for (FlowRecord& record : changed) record.end_reason = EndReason::kInactive;
    return sorted_lines(changed);
  };
  const auto earlier = random_traffic(5, 3000);
  auto later = random_traffic(6, 3000);
  for (TestPacket& packet : later) packet.time_ns += static_cast<std::uint64_t>(Nanoseconds{24h}.count());
  Config config = config_for(later);
  auto expected = without_reasons(run(config));
  const std::string later_path = config.input.files.front();
  config.input.files = {folder_.write("earlier.pcap", pcap_of(earlier))};
  for (const std::string& line : without_reasons(run(config))) expected.push_back(line);
  std::sort(expected.begin(), expected.end());
  config.input.files.insert(config.input.files.begin(), later_path);
  for (config.workers = 1; config.workers <= 3; ++config.workers) {
    EXPECT_EQ(without_reasons(run(config)), expected) << config.workers;
  }
}

// A single packet long after all other packets is enough to end their flows by the inactive timeout.
TEST_F(PipelineTest, TheLastPacketOfACaptureCanTellThatOthersHadEnded) {
  const auto records = run(config_for({PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).at(1s).build(),
                                       PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").udp(3, 4).at(300s).build()}));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].src_port, 1);
  EXPECT_EQ(records[0].end_reason, EndReason::kInactive);
  EXPECT_EQ(records[1].end_reason, EndReason::kCaptureEnd);
}

TEST_F(PipelineTest, TheWorkerOfARecordIsTheOneThatMeteredIt) {
  Config config = config_for(random_traffic(2, 2000));
  config.workers = 3;
  std::vector<bool> seen(3);
  for (const FlowRecord& record : run(config)) seen.at(record.worker) = true;
  EXPECT_THAT(seen, ::testing::Each(true));
}

std::uint64_t sum_of(const nlohmann::json& counters) {
  std::uint64_t sum = 0;
  for (const auto& count : counters) sum += count.get<std::uint64_t>();
  return sum;
}

void expect_balanced(const nlohmann::json& summary) {
  const auto& packets = summary.at("packets");
  EXPECT_EQ(packets.at("received"), packets.at("metered").get<std::uint64_t>() + sum_of(packets.at("ignored")) +
                                        sum_of(packets.at("malformed")));
  const auto& flows = summary.at("flows");
  EXPECT_EQ(flows.at("opened"), flows.at("open").get<std::uint64_t>() + sum_of(flows.at("exported")));
  const auto& records = summary.at("records");
  EXPECT_EQ(records.at("exported"), sum_of(flows.at("exported")));
  for (const auto& sink : records.at("sinks")) {
    EXPECT_EQ(records.at("exported"),
              records.at("ring_dropped").get<std::uint64_t>() + sink.at("handed").get<std::uint64_t>());
    EXPECT_EQ(sink.at("handed"), sink.at("delivered").get<std::uint64_t>() + sink.at("queued").get<std::uint64_t>() +
                                     sink.at("spooled").get<std::uint64_t>() + sum_of(sink.at("dropped")));
  }
}

TEST_F(PipelineTest, TheSummaryBalances) {
  auto packets = random_traffic(3, 3000);
  packets[10] = packets[10].cut_to(16);
  packets[20].bytes[12] = 0x99;  // an unknown EtherType
  packets[20].bytes[14] = 0x99;  // no IP header follows
  Config config = config_for(packets);
  config.workers = 2;
  config.input.filter = "ip or ether[12] == 0x99";
  config.sinks = {{.type = "csv", .settings = FileSettings{.path = folder_ / "out.csv"}}};
  const auto records = run(config);
  const auto summary = nlohmann::json::parse(to_json(summary_));
  expect_balanced(summary);
  EXPECT_EQ(summary.at("workers"), 2);
  EXPECT_EQ(summary.at("packets").at("received"), 3000);
  EXPECT_EQ(summary.at("packets").at("ignored").at("unknown_ether_type"), 1);
  EXPECT_EQ(summary.at("packets").at("unknown_ether_types").size(), 1U);
  EXPECT_EQ(summary.at("packets").at("malformed").at("ip_header"), 1);
  EXPECT_EQ(summary.at("packets").at("metered"), 2998);
  EXPECT_EQ(summary.at("records").at("sinks").size(), 2U);
  EXPECT_EQ(summary.at("records").at("exported"), records.size());
  EXPECT_EQ(summary.at("flows").at("open"), 0);
}

TEST_F(PipelineTest, TheSummaryForPeopleShowsBothLedgers) {
  run(config_for(random_traffic(4, 1000)));
  const std::string text = to_text(summary_);
  EXPECT_THAT(text, ::testing::HasSubstr("1,000 received = 1,000 metered + 0 ignored + 0 malformed; 0 lost\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("handed to each sink\n"));
  EXPECT_THAT(text, ::testing::HasSubstr("memory: "));
}

TEST_F(PipelineTest, ASinkThatCannotBeWrittenFailsAloneAndIsCounted) {
  Config config = config_for(random_traffic(5, 3000));
  config.sinks = {{.type = "jsonl", .settings = FileSettings{.path = "/dev/full"}}};
  const auto records = run(config);
  EXPECT_GT(records.size(), 100U);
  EXPECT_EQ(failures_.size(), 1U);
  expect_balanced(nlohmann::json::parse(to_json(summary_)));
  for (const SinkLedger& sink : summary_.sinks) {
    const bool full = sink.name == "jsonl:/dev/full";
    EXPECT_EQ(sink.delivered, full ? 0 : records.size());
    EXPECT_EQ(sink.handed, records.size());
  }
}

TEST_F(PipelineTest, AnInputThatIsDamagedExportsWhatCameBefore) {
  const auto packets = random_traffic(6, 500);
  Config config = config_for(packets);
  Bytes damaged = pcap_of(packets);
  damaged.insert(damaged.end(), 64, 0xff);
  config.input.files = {folder_.write("damaged.pcap", damaged)};
  for (config.workers = 1; config.workers <= 2; ++config.workers) {
    std::uint64_t metered = 0;
    for (const FlowRecord& record : run(config)) metered += record.src_to_dst.pkts + record.dst_to_src.pkts;
    EXPECT_EQ(metered, packets.size());
    ASSERT_EQ(failures_.size(), 1U);
    EXPECT_THROW(std::rethrow_exception(failures_[0]), RunError);
  }
}

TEST_F(PipelineTest, ARequestToStopEndsTheRun) {
  const auto kept = std::make_shared<KeptRecords>();
  std::vector<NamedSink> sinks;
  sinks.push_back({"memory", std::make_unique<MemorySink>(kept), 1000});
  Pipeline pipeline(config_for(random_traffic(7, 10'000)), std::move(sinks));
  pipeline.request_stop();
  pipeline.start();
  while (!pipeline.wait(100ms)) {
  }
  pipeline.finish();
  expect_balanced(nlohmann::json::parse(to_json(pipeline.summary())));
}

TEST_F(PipelineTest, AnInputThatIsMissingThrowsAtOnce) {
  Config config;
  config.input.files = {folder_ / "none.pcap"};
  EXPECT_THROW(Pipeline{config}, RunError);
}

TEST_F(PipelineTest, MayBeDestroyedWithoutHavingStarted) {
  EXPECT_NO_THROW(Pipeline{config_for(random_traffic(8, 10))});
}

TEST_F(PipelineTest, MayBeDestroyedWhileItRuns) {
  Config config = config_for(random_traffic(9, 10'000));
  config.workers = 2;
  EXPECT_NO_THROW({
    Pipeline pipeline(config);
    pipeline.start();
  });
}

}  // namespace
}  // namespace spanflow::testing::pipeline_test
