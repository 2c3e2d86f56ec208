// Tests the packet loop: every packet is in exactly one counter, and every record is in the ring.
#include "flow/meter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <random>
#include <thread>

#include "base/error.h"
#include "export/collector.h"
#include "support/eventually.h"
#include "support/flow_harness.h"
#include "support/ledgers.h"
#include "support/vector_source.h"

namespace spanflow::testing::meter_test {
namespace {

using namespace std::chrono_literals;

// Runs a Meter over packets, by default without nDPI.
class MeterTest : public ::testing::Test {
 protected:
  MeterTest() {
    config_.dpi.enabled = false;
    config_.features.names = false;
  }

  void run(std::vector<TestPacket> packets, const VectorSource::Options& options = {}) {
    VectorSource source(std::move(packets), options);
    run(source);
  }

  void run(PacketSource& source) {
    const Decoder decoder(config_.decode.tunnels, config_.flow.vlan_key);
    const MetricSet metrics(config_.metrics, {});
    Meter meter(config_, 0, source, decoder, ring_, metrics, nullptr, counters_);
    meter.run();
    failure_ = meter.failure();
    while (RecordBlock* block = ring_.pop()) {
      records_.insert(records_.end(), block->records.begin(),
                      block->records.begin() + static_cast<std::ptrdiff_t>(block->count));
      ring_.give_back(block);
    }
  }

  std::uint64_t counter(Counter id) const { return counters_.get(id); }
  bool packets_balance() const { return testing::packets_balance(counters_); }

  Config config_;
  Counters counters_;
  ExportRing ring_{256, true, 4};  // with room for extras, and for 4 metric cells per record
  std::vector<FlowRecord> records_;
  std::exception_ptr failure_;
};

PacketBuilder udp(std::uint16_t port, std::chrono::nanoseconds time) {
  return PacketBuilder().ethernet().ipv4("10.0.0.1", "10.0.0.2").udp(port, 53).at(time);
}

TEST_F(MeterTest, EveryPacketIsInExactlyOneCounter) {
  run({udp(1, 1s).build(), udp(2, 1s).build(), PacketBuilder().ethernet().patch(12, 8).patch(13, 6).build(),
       udp(1, 2s).snap(10).build(), udp(1, 2s).snap(20).build(), udp(1, 2s).snap(36).build()});
  EXPECT_EQ(counter(Counter::kPacketsReceived), 6U);
  EXPECT_EQ(counter(Counter::kPacketsMetered), 2U);
  EXPECT_EQ(counter(Counter::kIgnoredNotIp), 1U);
  EXPECT_EQ(counter(Counter::kMalformedLink), 1U);
  EXPECT_EQ(counter(Counter::kMalformedIpHeader), 1U);
  EXPECT_EQ(counter(Counter::kMalformedTransport), 1U);
  EXPECT_EQ(counter(Counter::kOctetsMetered), 84U);
  EXPECT_TRUE(packets_balance());
  EXPECT_EQ(records_.size(), 2U);
}

TEST_F(MeterTest, FilteredPacketsAreIgnored) {
  config_.input.filter = "udp port 2";
  run({udp(1, 1s).build(), udp(2, 1s).build(), udp(3, 1s).build()});
  EXPECT_EQ(counter(Counter::kIgnoredFiltered), 2U);
  EXPECT_EQ(counter(Counter::kPacketsMetered), 1U);
  EXPECT_TRUE(packets_balance());
  ASSERT_EQ(records_.size(), 1U);
  EXPECT_EQ(records_[0].src_port, 2);
}

TEST_F(MeterTest, AFilterThatMeansNothingOnTheLinkFailsTheRun) {
  config_.input.filter = "ether host 02:00:00:00:00:01";
  run({PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).build()});
  ASSERT_NE(failure_, nullptr);
  EXPECT_THROW(std::rethrow_exception(failure_), RunError);
}

PacketBuilder fragment(std::uint32_t offset, bool more, std::uint16_t id, std::chrono::nanoseconds time) {
  return PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").fragment(offset, more, id).at(time);
}

TEST_F(MeterTest, LaterFragmentsCountInTheFlowOfTheirFirstAndLeaveItsTcpStateAlone) {
  run({fragment(64, true, 9, 1s).ip_protocol(protocol::kTcp).payload(64).build(),
       fragment(0, true, 9, 2s).tcp(1000, 80).fin().payload(44).build(),
       fragment(128, false, 9, 3s).ip_protocol(protocol::kTcp).payload(20U).build()});
  ASSERT_EQ(records_.size(), 1U);
  const FlowRecord& record = records_[0];
  EXPECT_EQ(record.src_port, 1000);
  EXPECT_EQ(record.src_to_dst.pkts, 3U);
  EXPECT_EQ(record.src_to_dst.link_bytes, 3 * 34U + 64 + 64 + 20);
  EXPECT_EQ(record.src_to_dst.ip_bytes, 3 * 20U + 64 + 64 + 20);
  EXPECT_EQ(record.src_to_dst.tcp_flags, tcp::kFin | tcp::kAck);
  EXPECT_EQ(record.start_ns, 1'000'000'000U);
  EXPECT_EQ(record.end_ns, 3'000'000'000U);
  EXPECT_EQ(record.end_reason, EndReason::kCaptureEnd);
  EXPECT_EQ(counter(Counter::kPacketsMetered), 3U);
  EXPECT_EQ(counter(Counter::kPacketsLaterFragments), 2U);
  EXPECT_EQ(counter(Counter::kFragmentsOrphaned), 0U);
}

TEST_F(MeterTest, OrphanedFragmentsAreAFlowWithoutPorts) {
  run({udp(1, 1s).build(), fragment(64, false, 9, 1s).ip_protocol(protocol::kUdp).payload(30).build()});
  EXPECT_EQ(counter(Counter::kPacketsMetered), 2U);
  EXPECT_EQ(counter(Counter::kPacketsLaterFragments), 1U);
  EXPECT_EQ(counter(Counter::kFragmentsOrphaned), 1U);
  EXPECT_EQ(counter(Counter::kFragmentsHeld), 0U);
  EXPECT_TRUE(packets_balance());
  ASSERT_EQ(records_.size(), 2U);
  EXPECT_EQ(records_[1].src_port, 0);
  EXPECT_EQ(records_[1].src_to_dst.ip_bytes, 50U);
}

// The first fragment releases 200 held fragments, which is more than a burst holds.
TEST_F(MeterTest, ManyHeldFragmentsGoOnAtOnce) {
  std::vector<TestPacket> packets;
  for (std::uint32_t i = 1; i <= 200; ++i) {
    packets.push_back(fragment(64 * i, i < 200, 9, 1s).ip_protocol(protocol::kUdp).payload(64).build());
  }
  packets.push_back(fragment(0, true, 9, 1s).udp(1000, 53).payload(56).build());
  run(packets);
  ASSERT_EQ(records_.size(), 1U);
  EXPECT_EQ(records_[0].src_port, 1000);
  EXPECT_EQ(records_[0].src_to_dst.pkts, 201U);
  EXPECT_TRUE(packets_balance());
}

TEST_F(MeterTest, FramesAboveTheMtuAreMeteredAndCounted) {
  run({udp(1, 1s).payload(1480).build(), udp(1, 1s).payload(100).build()}, {.greatest_frame = 1514});
  EXPECT_EQ(counter(Counter::kPacketsMetered), 2U);
  EXPECT_EQ(counter(Counter::kPacketsOverMtu), 1U);
}

TEST_F(MeterTest, TimeInTheBurstEndsFlowsWithoutTheirPackets) {
  std::vector<TestPacket> packets{udp(1, 1s).build()};
  for (int second = 2; second < 200; ++second) packets.push_back(udp(2, std::chrono::seconds{second}).build());
  config_.flow.active_timeout = 1h;
  run(packets, {.burst = 1});
  ASSERT_EQ(records_.size(), 2U);
  EXPECT_EQ(records_[0].src_port, 1);
  EXPECT_EQ(records_[0].end_reason, EndReason::kInactive);
  EXPECT_EQ(records_[1].end_reason, EndReason::kCaptureEnd);
}

TEST_F(MeterTest, BurstsOfAnySizeGiveTheSameRecords) {
  std::vector<TestPacket> packets;
  for (int i = 0; i < 500; ++i) packets.push_back(udp(static_cast<std::uint16_t>(i % 17), i * 1s).payload(i).build());
  run(packets, {.burst = 1});
  const auto one_by_one = sorted_lines(records_);
  for (const std::size_t burst : {7U, 64U}) {
    records_.clear();
    run(packets, {.burst = burst, .idle_between_bursts = true});
    EXPECT_EQ(sorted_lines(records_), one_by_one);
  }
}

// The packets go in both directions. Connections close and begin again, and timeouts pass. All flows have the same
// symmetric_sum(), so this sum alone cannot tell two flows apart.
TEST_F(MeterTest, PacketsOfAFlowInARowAreMeteredAsIfEachCameAlone) {
  constexpr std::array<std::uint8_t, 8> kFlags = {tcp::kAck, tcp::kAck, tcp::kAck, tcp::kAck,
                                                  tcp::kSyn, tcp::kFin, tcp::kRst, tcp::kSyn | tcp::kAck};
  config_.flow.direction = FlowDirection::kHandshake;
  config_.flow.active_timeout = 60s;
  config_.flow.inactive_timeout = 20s;
  std::mt19937 random(7);
  std::vector<TestPacket> packets;
  std::uint16_t shift = 0;
  std::chrono::nanoseconds time = 1'000s;
  for (int i = 0; i < 5'000; ++i) {
    if (random() % 4 == 0) shift = random() % 3;
    time += random() % 50 == 0 ? 25'000ms : std::chrono::milliseconds(random() % 1'000);
    const auto client = static_cast<std::uint16_t>(1'000 + shift);
    const auto server = static_cast<std::uint16_t>(80 - shift);
    PacketBuilder packet = PacketBuilder().ethernet();
    if (random() % 2 == 0) {
      packet.ipv4("10.0.0.1", "10.0.0.2").tcp(client, server);
    } else {
      packet.ipv4("10.0.0.2", "10.0.0.1").tcp(server, client);
    }
    packets.push_back(packet.flags(kFlags[random() % kFlags.size()]).seq(random()).payload(i % 99).at(time).build());
  }
  run(packets, {.burst = 1});
  const auto one_by_one = sorted_lines(records_);
  EXPECT_GT(one_by_one.size(), 500U);
  for (const std::size_t burst : {7U, 64U}) {
    records_.clear();
    run(packets, {.burst = burst});
    EXPECT_EQ(sorted_lines(records_), one_by_one);
  }
}

TEST_F(MeterTest, AFlowThatHadToMakeRoomIsNotTakenForTheOneInItsPlace) {
  config_.flow.capacity = 1;
  run({udp(1, 1s).build(), udp(1, 1s).build(), udp(2, 1s).build(), udp(2, 1s).build(), udp(2, 1s).build(),
       udp(1, 1s).build()});
  ASSERT_EQ(records_.size(), 3U);
  EXPECT_EQ(records_[0].src_port, 1);
  EXPECT_EQ(records_[0].src_to_dst.pkts, 2U);
  EXPECT_EQ(records_[1].src_port, 2);
  EXPECT_EQ(records_[1].src_to_dst.pkts, 3U);
  EXPECT_EQ(records_[2].src_port, 1);
  EXPECT_EQ(records_[2].src_to_dst.pkts, 1U);
}

TEST_F(MeterTest, AnErrorOfTheSourceExportsWhatWasMetered) {
  class FailingSource : public VectorSource {
   public:
    using VectorSource::VectorSource;
    Burst poll() override {
      const Burst burst = VectorSource::poll();
      if (burst.state == Burst::State::kEnd) throw RunError("in.pcap: offset 99: damaged");
      return burst;
    }
  };
  FailingSource source({udp(1, 1s).build()});
  run(source);
  ASSERT_NE(failure_, nullptr);
  EXPECT_EQ(records_.size(), 1U);
  EXPECT_EQ(counter(Counter::kFlowsOpen), 0U);
}

TEST_F(MeterTest, WithNdpiRecordsHaveAnApplication) {
  config_.dpi.enabled = true;
  run({udp(1, 1s).build()});
  ASSERT_EQ(records_.size(), 1U);
  EXPECT_TRUE(records_[0].has_application);
  EXPECT_EQ(records_[0].application_name, "DNS");
}

TEST_F(MeterTest, ConditionsOfMetricsSeeTheOuterFrame) {
  config_.metrics = {{.name = "vxlan", .aggregate = "count", .quantity = "packets", .when = "udp port 4789"},
                     {.name = "all", .aggregate = "count", .quantity = "packets"},
                     {.name = "tcp", .aggregate = "count", .quantity = "packets", .when = "tcp"}};
  run({PacketBuilder()
           .ethernet()
           .ipv4("10.0.0.1", "10.0.0.2")
           .udp(1000, 4789)
           .vxlan(5)
           .ethernet()
           .ipv4("1.1.1.1", "2.2.2.2")
           .tcp(1, 2)
           .at(1s)
           .build()});
  ASSERT_EQ(records_.size(), 1U);
  EXPECT_EQ(records_[0].ip_protocol, protocol::kTcp);
  EXPECT_EQ(records_[0].metrics["vxlan"], 1);
  EXPECT_EQ(records_[0].metrics["all"], 1);
  EXPECT_EQ(records_[0].metrics["tcp"], 0);
}

TEST_F(MeterTest, AConditionThatMeansNothingOnThisLinkIsAFailure) {
  config_.metrics = {
      {.name = "x", .aggregate = "count", .quantity = "packets", .when = "ether host 02:00:00:00:00:01"}};
  run({PacketBuilder().raw_ip().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).at(1s).build()});
  ASSERT_NE(failure_, nullptr);
  EXPECT_THROW(std::rethrow_exception(failure_), RunError);
}

// A live worker gets bursts of one packet, most of them 5 ms apart. It stays behind until it meters only one in four
// new flows.
TEST_F(MeterTest, AWorkerThatFallsBehindLeavesOutMoreAndMoreAndRecovers) {
  constexpr std::uint16_t kOpen = 1;
  constexpr std::uint16_t kNew = 400;
  config_.features.statistics = true;
  VectorSource::Options options{.burst = 1, .live = true, .backlog = {}};
  std::vector<TestPacket> packets;
  auto now = 1'000ms;
  const auto step = [&](std::uint16_t port, double backlog, std::chrono::milliseconds time) {
    now += time;
    packets.push_back(udp(port, now).build());
    options.backlog.push_back(backlog);
  };
  step(kOpen, 0, 5ms);
  step(kOpen, 0.9, 5ms);  // makes the clock accept the time
  step(kOpen, 0.9, 5ms);
  step(kOpen, 0.9, 5ms);  // reaches level 1
  step(kOpen, 0.9, 5ms);
  step(2, 0.9, 5ms);  // reaches level 2
  step(kOpen, 0.9, 5ms);
  step(3, 0.9, 5ms);  // reaches level 3
  step(4, 0.9, 4ms);
  step(kOpen, 0.9, 6ms);   // reaches level 4: meters one in two new flows
  step(kOpen, 0.9, 10ms);  // meters one in four new flows
  for (std::uint16_t port = 0; port < kNew; ++port) step(1'000 + port, 0.3, 0ms);
  for (int second = 0; second <= 5; ++second) step(kOpen, 0.1, 1'000ms);
  step(5, 0.1, 0ms);
  run(packets, options);

  const auto with = [this](std::uint8_t overload, std::uint32_t rate) {
    return std::count_if(records_.begin(), records_.end(), [&](const FlowRecord& record) {
      return record.overload == overload && record.sampling_rate == rate &&
             static_cast<bool>(record.extras) == ((overload & kShedFeatures) == 0);
    });
  };
  const auto sampled = static_cast<std::uint16_t>(counter(Counter::kOverloadSampled));
  EXPECT_GT(sampled, kNew / 8);
  EXPECT_LT(sampled, kNew / 2);
  EXPECT_EQ(with(0, 1), 3) << "the flows of ports 1, 2 and 5";
  EXPECT_EQ(with(kShedFeatures, 1), 2) << "the flows of ports 3 and 4";
  EXPECT_EQ(with(kShedFeatures | kShedFlows, 4), sampled);
  EXPECT_EQ(records_.size(), 5U + sampled);
  EXPECT_EQ(counter(Counter::kOverloadFeaturesStopped), 2U + sampled);
  EXPECT_EQ(counter(Counter::kOverloadRaised), 5U);
  EXPECT_EQ(counter(Counter::kOverloadLevel), 0U);
  EXPECT_EQ(counter(Counter::kIgnoredSampledOut), kNew - sampled);
  EXPECT_EQ(counter(Counter::kPacketsReceived), packets.size());
  EXPECT_EQ(counter(Counter::kOctetsMetered), 42 * counter(Counter::kPacketsMetered));
  EXPECT_TRUE(packets_balance());
}

TEST_F(MeterTest, AFileIsNeverSampled) {
  VectorSource::Options options{.burst = 1, .backlog = std::vector<double>(1'000, 1.0)};
  std::vector<TestPacket> packets;
  for (std::uint16_t port = 0; port < 1'000; ++port) packets.push_back(udp(port, 1s + port * 10ms).build());
  run(packets, options);
  EXPECT_EQ(records_.size(), 1'000U);
  EXPECT_EQ(counter(Counter::kOverloadRaised), 0U);
}

TEST_F(MeterTest, OverloadCanBeSwitchedOff) {
  config_.overload.enabled = false;
  VectorSource::Options options{.burst = 1, .live = true, .backlog = std::vector<double>(1'000, 1.0)};
  std::vector<TestPacket> packets;
  for (std::uint16_t port = 0; port < 1'000; ++port) packets.push_back(udp(port, 1s + port * 10ms).build());
  run(packets, options);
  EXPECT_EQ(counter(Counter::kFlowsOpened), 1'000U);
  EXPECT_EQ(counter(Counter::kOverloadRaised), 0U);
}

// A live port that gives `flows` flows of one packet each. The clock then jumps ahead by a day, and the port is idle
// until the test sets `ended`.
class QuietPort : public PacketSource {
 public:
  explicit QuietPort(std::uint32_t flows) : flows_(flows) {}

  Burst poll() override {
    if (next_ == flows_) later_ns_ += 1'000'000;
    if (ended) return {.state = Burst::State::kEnd, .now_ns = later_ns_};
    if (next_ == flows_) return {.state = Burst::State::kIdle, .now_ns = later_ns_};
    std::size_t count = 0;
    for (; count < packets_.size() && next_ < flows_; ++count, ++next_) {
      packets_[count] = PacketBuilder().ipv4(address_of(next_), "10.0.0.2").udp(1, 53).at(1s).build();
      raw_[count] = packets_[count].raw();
    }
    return {.state = Burst::State::kPackets,
            .packets = std::span(raw_).first(count),
            .link_type = LinkType::kRawIp,
            .now_ns = raw_[0].time_ns};
  }
  TimestampSource timestamp_source() const override { return TimestampSource::kTsc; }
  bool is_live() const override { return true; }

  std::atomic<bool> ended{false};

 private:
  static std::string address_of(std::uint32_t number) {
    return fmt::format("10.{}.{}.{}", 1 + (number >> 16), number >> 8 & 0xff, number & 0xff);
  }

  const std::uint32_t flows_;
  std::uint32_t next_ = 0;
  std::uint64_t later_ns_ = 86'400'000'000'000;
  std::array<TestPacket, kBurstPackets> packets_;
  std::array<RawPacket, kBurstPackets> raw_;
};

// A sink that takes about 50,000 records/s.
class SlowSink : public Sink {
 public:
  explicit SlowSink(std::atomic<std::uint64_t>& taken) : taken_(taken) {}
  void write(std::span<const FlowRecord> records) override {
    std::this_thread::sleep_for(20us * records.size());
    taken_ += records.size();
  }
  void flush() override {}

 private:
  std::atomic<std::uint64_t>& taken_;
};

TEST(LiveMeter, FlowsThatAllReachATimeoutAtOnceWaitInTheTableForASlowSink) {
  constexpr std::uint32_t kFlows = 60'000;  // about three times as many records as the ring and the queue hold
  Config config;
  config.dpi.enabled = false;
  config.features.names = false;
  std::atomic<bool> abandon{false};
  std::atomic<std::uint64_t> taken{0};
  SinkRunner sink("slow", std::make_unique<SlowSink>(taken), 4096, false, abandon);
  ExportRing ring(kExportRingBlocks);
  Counters collected;
  Collector collector({&ring}, {&sink}, collected);
  Counters counters;
  QuietPort port(kFlows);
  const Decoder decoder(config.decode.tunnels, config.flow.vlan_key);
  const MetricSet metrics({}, {});
  Meter meter(config, 0, port, decoder, ring, metrics, nullptr, counters);
  sink.start();
  collector.start();
  std::thread worker([&] { meter.run(); });
  EXPECT_TRUE(eventually([&] { return taken == kFlows; }));
  port.ended = true;
  worker.join();
  collector.finish();
  sink.finish();
  EXPECT_EQ(counters.get(Counter::kExportedActive) + counters.get(Counter::kExportedInactive), kFlows);
  EXPECT_EQ(counters.get(Counter::kRecordsRingDropped), 0U);
  EXPECT_EQ(counters.get(Counter::kOverloadRaised), 0U);
  EXPECT_EQ(sink.ledger().delivered, kFlows);
}

}  // namespace
}  // namespace spanflow::testing::meter_test
