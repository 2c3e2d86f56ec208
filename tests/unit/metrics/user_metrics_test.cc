// Compares the three kinds of user metrics (YAML, shared object, callback) with values computed by hand, and with each
// other.
#include "metrics/user_metrics.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/error.h"
#include "options/loader.h"
#include "support/flow_harness.h"
#include "support/packet_builder.h"
#include "support/random_traffic.h"

namespace spanflow::testing::user_metrics_test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPlugins = SPANFLOW_TEST_PLUGINS;

Config with_metrics(const std::string& list) {
  Config config;
  apply_setting("metrics=" + list, config);
  config.flow.active_timeout = 10s;
  config.flow.inactive_timeout = 5s;
  return config;
}

Config with_plugin(const std::string& name) {
  return with_metrics("[{name: " + name + ", plugin: \"" + kPlugins + "\"}]");
}

PacketBuilder forward(std::size_t payload, Nanoseconds at) {
  return PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).payload(std::string(payload, 'x')).at(at);
}
PacketBuilder backward(std::size_t payload, Nanoseconds at) {
  return PacketBuilder().ethernet().ipv4("2.2.2.2", "1.1.1.1").udp(2, 1).payload(std::string(payload, 'x')).at(at);
}

// Returns the record of a flow of four packets. Forward: payloads of 10, 20 and 60 octets at 1.0, 1.3 and 2.3 s.
// Backward: 700 octets at 1.1 s. Each frame is 42 octets longer than its payload.
FlowRecord four_packets(const Config& config) {
  FlowHarness flows(config);
  flows.add(forward(10, 1000ms).build());
  flows.add(backward(700, 1100ms).build());
  flows.add(forward(20, 1300ms).build());
  flows.add(forward(60, 2300ms).build());
  return flows.finish().at(0);
}

double value_of(const std::string& metric) {
  const FlowRecord record = four_packets(with_metrics("[{name: x, " + metric + "}]"));
  return record.metrics["x"];
}

TEST(Aggregates, AreTakenOverTheQuantity) {
  EXPECT_EQ(value_of("count: packets"), 4);
  EXPECT_EQ(value_of("sum: size"), 52 + 742 + 62 + 102);
  EXPECT_EQ(value_of("min: payload_size"), 10);
  EXPECT_EQ(value_of("max: payload_size"), 700);
  EXPECT_EQ(value_of("mean: payload_size"), 790.0 / 4);
  EXPECT_EQ(value_of("first: size"), 52);
  EXPECT_EQ(value_of("last: size"), 102);
  EXPECT_EQ(value_of("sum: ttl"), 4 * 64);
}

TEST(Aggregates, MayBeOfOneDirection) {
  EXPECT_EQ(value_of("count: packets, direction: src_to_dst"), 3);
  EXPECT_EQ(value_of("max: payload_size, direction: src_to_dst"), 60);
  EXPECT_EQ(value_of("max: payload_size, direction: dst_to_src"), 700);
  EXPECT_EQ(value_of("max: payload_size, direction: both"), 700);
}

TEST(Aggregates, MayHaveACondition) {
  EXPECT_EQ(value_of("when: greater 667, count: packets"), 1);
  EXPECT_EQ(value_of("when: \"udp src port 1 and less 100\", sum: payload_size"), 30);
  EXPECT_EQ(value_of("when: greater 667, count: packets, direction: src_to_dst"), 0);
}

TEST(Aggregates, OfGapsAreNanosecondsSinceTheFlowsPacketBefore) {
  EXPECT_EQ(value_of("count: gap"), 3);
  EXPECT_EQ(value_of("sum: gap"), 1'300'000'000);
  EXPECT_EQ(value_of("min: gap"), 100'000'000);
  EXPECT_EQ(value_of("max: gap, direction: src_to_dst"), 1'000'000'000);
  EXPECT_EQ(value_of("sum: gap, direction: dst_to_src"), 100'000'000);
}

TEST(Aggregates, OfNoPacketAreZeroOrAbsent) {
  EXPECT_EQ(value_of("when: tcp, count: packets"), 0);
  EXPECT_EQ(value_of("when: tcp, sum: size"), 0);
  for (const std::string aggregate : {"min", "max", "mean", "first", "last"}) {
    EXPECT_TRUE(std::isnan(value_of("when: tcp, " + aggregate + ": size"))) << aggregate;
  }
}

TEST(Aggregates, OfTheTcpWindowAreThoseOfTcpPackets) {
  EXPECT_EQ(value_of("count: tcp_window"), 0);
  FlowHarness flows(with_metrics("[{name: windows, count: tcp_window}, {name: last, last: tcp_window}]"));
  flows.add(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).patch(14, 0x12).patch(15, 0x34).at(1s).build());
  flows.add(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).at(1s).snap(20 + 8).build());
  const FlowRecord record = flows.finish().at(0);
  EXPECT_EQ(record.metrics["windows"], 1);
  EXPECT_EQ(record.metrics["last"], 0x1234);
}

TEST(Aggregates, ANegativeGapIsNone) {
  FlowHarness flows(with_metrics("[{name: gaps, sum: gap}, {name: least, min: gap}]"));
  for (const auto at : {3s, 2s, 4s}) flows.add(forward(1, at).build());
  const FlowRecord record = flows.finish().at(0);
  EXPECT_EQ(record.metrics["gaps"], 1e9);
  EXPECT_EQ(record.metrics["least"], 0);
}

TEST(Aggregates, StartAnewWithEachSegment) {
  FlowHarness flows(
      with_metrics("[{name: n, count: packets}, {name: mean, mean: payload_size}, {name: gaps, count: gap}]"));
  for (int second = 1; second <= 12; ++second) flows.add(forward(second < 11 ? 100 : 7, 1s * second).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].metrics["n"], 10);
  EXPECT_EQ(records[0].metrics["mean"], 100);
  EXPECT_EQ(records[0].metrics["gaps"], 9);
  EXPECT_EQ(records[1].metrics["n"], 2);
  EXPECT_EQ(records[1].metrics["mean"], 7);
  EXPECT_EQ(records[1].metrics["gaps"], 1);
}

TEST(Aggregates, StartAnewInAReusedEntry) {
  Config config = with_metrics("[{name: sum, sum: payload_size}, {name: max, max: payload_size}]");
  config.flow.capacity = 1;
  FlowHarness flows(config);
  flows.add(forward(900, 1s).build());
  flows.add(
      PacketBuilder().ethernet().ipv4("3.3.3.3", "4.4.4.4").udp(5, 6).payload(std::string(5, 'x')).at(2s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].metrics["sum"], 5);
  EXPECT_EQ(records[1].metrics["max"], 5);
}

TEST(Metrics, AreNoneWhereNoneIsConfigured) {
  const FlowRecord record = four_packets(Config{});
  EXPECT_EQ(record.metrics.size(), 0U);
  EXPECT_FALSE(record.extras);
}

TEST(Metrics, OfACopiedRecordAreItsOwn) {
  FlowRecord copy;
  {
    FlowHarness flows(with_metrics("[{name: n, count: packets}]"));
    flows.add(forward(1, 1s).build());
    const FlowRecord record = flows.finish().at(0);
    copy = record;
    copy.metrics["n"] = 7;
    EXPECT_EQ(record.metrics["n"], 1);
  }
  EXPECT_EQ(copy.metrics["n"], 7);
  const FlowRecord moved = std::move(copy);
  EXPECT_EQ(moved.metrics["n"], 7);
}

TEST(Metrics, AnUnknownNameIsOutOfRange) {
  const FlowRecord record = four_packets(with_metrics("[{name: n, count: packets}]"));
  EXPECT_THROW(record.metrics["m"], std::out_of_range);
  const FlowRecord without = four_packets(Config{});
  EXPECT_THROW(without.metrics["n"], std::out_of_range);
}

UserMetric count_large(const std::string& name) {
  return {name, [name](const PacketInfo& packet, Flow& flow) {
            if (packet.size > 666) flow.metrics[name] += 1;
          }};
}

TEST(ThreeWays, GiveEqualValues) {
  const Config config =
      with_metrics(std::string("[{name: yaml, when: greater 667, count: packets}, {name: count_pkts_gt_666, plugin: ") +
                   kPlugins + "}]");
  FlowHarness flows(config, {.callbacks = {count_large("callback")}});
  unsigned number = 0;
  for (TestPacket packet : random_traffic(1, 5000)) {
    if (++number % 3 == 0) packet.wire += 1000;  // as if the snap length had cut the frame
    flows.add(packet);
  }
  double sum = 0;
  for (const FlowRecord& record : flows.finish()) {
    EXPECT_EQ(record.metrics["count_pkts_gt_666"], record.metrics["yaml"]);
    EXPECT_EQ(record.metrics["callback"], record.metrics["yaml"]);
    sum += record.metrics["yaml"];
  }
  EXPECT_EQ(sum, 5000 / 3);
}

TEST(ThreeWays, KeepTheOrderOfTheConfigurationAndCallbacksLast) {
  const Config config =
      with_metrics(std::string("[{name: count_pkts_gt_666, plugin: ") + kPlugins + "}, {name: n, count: packets}]");
  FlowHarness flows(config, {.callbacks = {count_large("callback")}});
  EXPECT_THAT(flows.metrics().names(), ::testing::ElementsAre("count_pkts_gt_666", "n", "callback"));
}

TEST(Plugins, AreCalledFromTheFirstPacketToTheEndOfEachSegment) {
  FlowHarness flows(with_plugin("calls"));
  for (int second : {1, 2, 3, 12, 13}) flows.add(forward(1, 1s * second).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].metrics["calls"], 12223);
  EXPECT_EQ(records[1].metrics["calls"], 1223);
}

TEST(Plugins, HaveAStateForEachOpenSegmentAndNoOther) {
  FlowHarness flows(with_plugin("live_states"));
  for (const char* source : {"1.1.1.1", "3.3.3.3", "4.4.4.4"}) {
    flows.add(PacketBuilder().ipv4(source, "2.2.2.2").udp(1, 2).at(1s).build());
  }
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].metrics["live_states"], 3);
  EXPECT_EQ(records[1].metrics["live_states"], 2);
  EXPECT_EQ(records[2].metrics["live_states"], 1);
}

TEST(Plugins, StatesAreAlignedAsTheyDeclare) {
  const Config config = with_metrics(std::string("[{name: n, count: packets}, {name: aligned, plugin: ") + kPlugins +
                                     "}, {name: calls, plugin: " + kPlugins + "}]");
  FlowHarness flows(config);
  for (const char* source : {"1.1.1.1", "3.3.3.3", "4.4.4.4"}) {
    flows.add(PacketBuilder().ipv4(source, "2.2.2.2").udp(1, 2).at(1s).build());
  }
  for (const FlowRecord& record : flows.finish()) {
    EXPECT_EQ(record.metrics["aligned"], 0);
    EXPECT_EQ(record.metrics["calls"], 123);
  }
}

void expect_the_large_packet_ends_its_flow(FlowHarness& flows) {
  flows.add(forward(10, 1s).build());
  flows.add(forward(700, 2s).build());
  flows.add(forward(20, 3s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].end_reason, EndReason::kPlugin);
  EXPECT_EQ(records[0].src_to_dst.pkts, 2U);
  EXPECT_EQ(records[1].end_reason, EndReason::kCaptureEnd);
  EXPECT_EQ(records[1].src_to_dst.pkts, 1U);
  EXPECT_EQ(records[1].segment, 0U);
  EXPECT_NE(records[1].flow_id, records[0].flow_id);
  EXPECT_EQ(flows.counter(Counter::kExportedPlugin), 1U);
  EXPECT_TRUE(flows.ledgers_balance());
}

TEST(Finish, OfAPluginEndsTheFlowWithItsPacket) {
  FlowHarness flows(with_plugin("ends_at_large"));
  expect_the_large_packet_ends_its_flow(flows);
}

TEST(Finish, OfACallbackEndsTheFlowWithItsPacket) {
  FlowHarness flows(Config{}, {.callbacks = {{"end", [](const PacketInfo& packet, Flow& flow) {
                                                if (packet.size > 666) flow.finish();
                                              }}}});
  expect_the_large_packet_ends_its_flow(flows);
}

TEST(Finish, EndsAClosedConnectionToo) {
  FlowHarness flows(Config{}, {.callbacks = {{"end", [](const PacketInfo& packet, Flow& flow) {
                                                if (packet.tcp_flags == tcp::kAck) flow.finish();
                                              }}}});
  flows.add(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).rst().at(1s).build());
  flows.add(PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").tcp(1, 2).ack().at(2s).build());
  EXPECT_EQ(flows.take_records().at(0).end_reason, EndReason::kPlugin);
  EXPECT_TRUE(flows.ledgers_balance());
}

TEST(AMetricThatThrows, IsSwitchedOffOnceAndSaysWhy) {
  FlowHarness flows(with_plugin("throws_at_thirteen"));
  flows.add(PacketBuilder().ipv4("3.3.3.3", "2.2.2.2").udp(1, 2).at(1s).build());
  flows.end();
  for (const std::size_t payload : {12, 13, 14, 13}) flows.add(forward(payload, 2s).build());
  const auto records = flows.finish();
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].metrics["throws_at_thirteen"], 1);
  EXPECT_TRUE(std::isnan(records[1].metrics["throws_at_thirteen"]));
  EXPECT_EQ(records[1].src_to_dst.pkts, 4U);
  EXPECT_EQ(flows.counter(Counter::kMetricsSwitchedOff), 1U);
  EXPECT_THAT(flows.metrics().take_failures(),
              ::testing::ElementsAre("metric throws_at_thirteen is switched off: it threw thirteen octets"));
  EXPECT_THAT(flows.metrics().take_failures(), ::testing::IsEmpty());
}

TEST(AMetricThatThrows, LeavesTheOthersOn) {
  const Config config =
      with_metrics(std::string("[{name: throws_at_start, plugin: ") + kPlugins + "}, {name: n, count: packets}]");
  FlowHarness flows(config, {.callbacks = {count_large("callback")}});
  flows.add(forward(700, 1s).build());
  const FlowRecord record = flows.finish().at(0);
  EXPECT_TRUE(std::isnan(record.metrics["throws_at_start"]));
  EXPECT_EQ(record.metrics["n"], 1);
  EXPECT_EQ(record.metrics["callback"], 1);
  EXPECT_THAT(flows.metrics().take_failures(),
              ::testing::ElementsAre("metric throws_at_start is switched off: it threw an exception that is "
                                     "not a std::exception"));
}

TEST(AMetricThatThrows, MayDoSoWhenItIsAskedForItsValue) {
  FlowHarness flows(with_plugin("throws_at_end"));
  flows.add(forward(1, 1s).build());
  EXPECT_TRUE(std::isnan(flows.finish().at(0).metrics["throws_at_end"]));
  EXPECT_EQ(flows.counter(Counter::kMetricsSwitchedOff), 1U);
}

TEST(AMetricThatThrows, MayBeACallback) {
  FlowHarness flows(Config{}, {.callbacks = {{"x", [](const PacketInfo&, Flow& flow) { flow.metrics["y"] += 1; }}}});
  flows.add(forward(1, 1s).build());
  EXPECT_TRUE(std::isnan(flows.finish().at(0).metrics["x"]));
  EXPECT_THAT(flows.metrics().take_failures(),
              ::testing::ElementsAre("metric x is switched off: it threw there is no metric y"));
}

TEST(AMetricThatThrows, MayHaveNothingToSay) {
  FlowHarness flows(Config{}, {.callbacks = {{"x", [](const PacketInfo&, Flow&) { throw std::runtime_error(""); }}}});
  flows.add(forward(1, 1s).build());
  EXPECT_THAT(flows.metrics().take_failures(),
              ::testing::ElementsAre("metric x is switched off: it threw an exception without a text"));
}

std::string error_of(const std::vector<MetricConfig>& configured, const std::vector<UserMetric>& callbacks = {}) {
  try {
    const MetricSet set(configured, callbacks);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

std::string error_of_plugin(const std::string& name, const std::string& path = kPlugins) {
  return error_of({{.name = "n", .aggregate = "count", .quantity = "packets"}, {.name = name, .plugin = path}});
}

TEST(Plugins, ThatCannotBeUsedSayWhy) {
  EXPECT_EQ(error_of_plugin("x", "absent.so"),
            "metrics[1].plugin: cannot be loaded: ./absent.so: cannot open shared object file: No such file or "
            "directory");
  EXPECT_EQ(error_of_plugin("x"), std::string("metrics[1].plugin: ") + kPlugins + " has no SPANFLOW_METRIC(x, ...)");
  EXPECT_THAT(error_of_plugin("of_another_version"),
              ::testing::MatchesRegex("metrics\\[1\\]\\.plugin: of_another_version was built for another version "
                                      "\\(interface 2, packet [0-9]+, flow [0-9]+ octets; this spanflow has 1, "
                                      "[0-9]+ and [0-9]+\\): build it again with this spanflow's headers"));
  EXPECT_THAT(error_of_plugin("of_another_packet"), ::testing::HasSubstr("was built for another version"));
  EXPECT_EQ(error_of_plugin("too_aligned"),
            "metrics[1].plugin: too_aligned needs a state that is aligned to 8192 octets; expected a power of two up "
            "to 4096");
}

TEST(Callbacks, ThatCannotBeUsedSayWhy) {
  EXPECT_EQ(error_of({{.name = "n", .aggregate = "count", .quantity = "packets"}}, {count_large("n")}),
            "user_metrics: n is given twice");
  EXPECT_EQ(error_of({}, {count_large("a b")}), "user_metrics: expected a name of letters, digits and _, got \"a b\"");
  EXPECT_EQ(error_of({}, {{"x", nullptr}}), "user_metrics: x has no function");
}

}  // namespace
}  // namespace spanflow::testing::user_metrics_test
