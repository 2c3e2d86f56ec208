// Tests the options of sinks: each sink type has its own options.
#include "options/sink_options.h"

#include <gmock/gmock.h>

#include "base/error.h"
#include "options/options.h"
#include "sinks/sink.h"
#include "support/sink_config.h"

namespace spanflow::testing::sink_options_test {
namespace {

using ::testing::HasSubstr;

std::string shown(const SinkConfig& sink) { return spanflow::sink().show(sink); }

const OptionMember* find_member(const std::string& name) {
  for (const OptionMember& member : find_option("sinks")->members) {
    if (member.name == name) return &member;
  }
  return nullptr;
}

TEST(SinkOptions, WhatIsShownIsReadBack) {
  for (const std::string text :
       {"{type: jsonl}", "{type: csv, fields: [classic], queue: 5, path: a.csv, compression: zstd, rotate_every: 300s}",
        "{type: csv, path: a.csv, rotate_size: 1GiB, compression_level: 19}",
        "{type: ipfix, path: \"udp://h:1\", observation_domain: 7, template_refresh: 30s}",
        "{type: kafka, compression: gzip, brokers: b, topic: t, value: protobuf, tls: {enabled: true, key: k.pem}, "
        "sasl: {mechanism: PLAIN, username: u}, spool: {path: /s, mode: always, sync: off}, rdkafka: {linger.ms: "
        "\"5\"}}"}) {
    Config config;
    apply_setting("sinks=[" + text + "]", config);
    EXPECT_EQ(shown(config.sinks.front()), text);
    Config again;
    apply_setting("sinks=[" + shown(config.sinks.front()) + "]", again);
    EXPECT_EQ(again.sinks, config.sinks);
  }
}

TEST(SinkOptions, ADefaultThatIsGivenIsNoDifference) {
  EXPECT_EQ(sink_from({{"type", "jsonl"}}), SinkConfig{});
  EXPECT_EQ(sink_from({{"path", "'-'"}, {"rotate_every", "off"}}), SinkConfig{});
  EXPECT_NE(sink_from({{"path", "a"}}), SinkConfig{});
  EXPECT_NE(sink_from({{"type", "csv"}}), SinkConfig{});
}

TEST(SinkOptions, AnOptionOfSeveralTypesIsExplainedOnceForEach) {
  const OptionMember* const path = find_member("path");
  ASSERT_NE(path, nullptr);
  EXPECT_EQ(path->of, "jsonl, csv, ipfix");
  EXPECT_THAT(path->help, ::testing::StartsWith("jsonl, csv: "));
  EXPECT_THAT(path->help, HasSubstr("; ipfix: "));
  EXPECT_EQ(find_member("rotate_every")->of, "jsonl, csv");
  EXPECT_EQ(find_member("topic")->of, "kafka");
  EXPECT_EQ(find_member("queue")->of, "");
}

TEST(SinkOptions, TheCommandLineGivesTheSameAsTheFile) {
  const SinkType* const kafka = find_sink_type("kafka");
  EXPECT_EQ(kafka->from_target("b:9092/t"),
            sink_from({{"type", "kafka"}, {"brokers", "'b:9092'"}, {"topic", "t"}}).settings);
  for (const std::string text : {"", "/t", "b/", "b:9092"}) EXPECT_FALSE(kafka->from_target(text)) << text;
}

TEST(SinkPlaces, TwoSinksExcludeEachOtherByTargetOrSpool) {
  const auto kafka = [](const std::string& topic, const std::string& spool) {
    return sink_from({{"type", "kafka"}, {"brokers", "b"}, {"topic", topic}, {"spool", "{path: " + spool + "}"}});
  };
  EXPECT_TRUE(exclude_each_other(kafka("t", "/a"), kafka("t", "/b")));
  EXPECT_TRUE(exclude_each_other(kafka("t", "/a"), kafka("u", "/a")));
  EXPECT_FALSE(exclude_each_other(kafka("t", "''"), kafka("u", "''")));
  Config config;
  config.input.files = {"a.pcap"};
  config.sinks = {kafka("t", "/a"), kafka("u", "/a")};
  EXPECT_THAT([&] { check(config); }, ::testing::ThrowsMessage<ConfigError>("sinks: two sinks write to /a"));
}

}  // namespace
}  // namespace spanflow::testing::sink_options_test
