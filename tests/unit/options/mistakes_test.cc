// Tests the message about each mistake: one line with the place, the expected value, and what was probably meant.
#include <gmock/gmock.h>

#include <string>

#include "base/error.h"
#include "options/loader.h"
#include "sinks/sink.h"
#include "support/temporary_folder.h"

namespace spanflow::testing::mistakes_test {
namespace {

// Returns the message of the ConfigError that `call` throws, or "no error".
template <typename Call>
std::string error_of(Call call) {
  try {
    call();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

struct Mistake {
  std::string name;
  std::string yaml;
  std::string message;
};

class EveryMistake : public ::testing::TestWithParam<Mistake> {};

TEST_P(EveryMistake, IsOneLineThatHelps) {
  Config config;
  EXPECT_EQ(error_of([&] { load_yaml(GetParam().yaml, "spanflow.yaml", config); }), GetParam().message);
}

const Mistake kMistakes[] = {
    {"MistypedKey", "flow:\n  capcity: 5\n",
     "spanflow.yaml:2:3: flow.capcity: unknown key, did you mean flow.capacity?"},
    {"MistypedSection", "flwo:\n  capacity: 5\n", "spanflow.yaml:1:1: flwo: unknown key, did you mean flow?"},
    {"KeyWithoutItsSection", "capacity: 5\n", "spanflow.yaml:1:1: capacity: unknown key, did you mean flow.capacity?"},
    {"KeyLikeNoOther", "quux_frobnication: 5\n",
     "spanflow.yaml:1:1: quux_frobnication: unknown key, see --list-options"},
    {"KeyWithALineEnd", "\"quux\\nfrobnication\": 5\n",
     "spanflow.yaml:1:1: quux\\x0Afrobnication: unknown key, see --list-options"},
    {"ValueWithALineEnd", "workers: \"1\\n2\"\n",
     "spanflow.yaml:1:10: workers: expected a whole number from 1 to 128, got \"1\\x0A2\""},
    {"NotANumber", "flow:\n  capacity: many\n",
     "spanflow.yaml:2:13: flow.capacity: expected a whole number from 1 to 1073741824, got \"many\""},
    {"NumberOutOfRange", "workers: 0\n",
     "spanflow.yaml:1:10: workers: expected a whole number from 1 to 128, got \"0\""},
    {"NumberWithAFraction", "workers: 1.5\n",
     "spanflow.yaml:1:10: workers: expected a whole number from 1 to 128, got \"1.5\""},
    {"DurationWithoutUnit", "flow:\n  active_timeout: 120\n",
     "spanflow.yaml:2:19: flow.active_timeout: expected a duration with its unit, such as 120s, 2m or 500ms, of at "
     "least 1ms, got \"120\""},
    {"DurationTooShort", "flow:\n  inactive_timeout: 0\n",
     "spanflow.yaml:2:21: flow.inactive_timeout: expected a duration with its unit, such as 120s, 2m or 500ms, of at "
     "least 1ms, got \"0\""},
    {"SizeTooSmall", "input:\n  memory: 1MiB\n",
     "spanflow.yaml:2:11: input.memory: expected a size such as 64MiB, from 32MiB to 1TiB, got \"1MiB\""},
    {"MistypedChoice", "flow:\n  accounting: links\n",
     "spanflow.yaml:2:15: flow.accounting: expected one of link, ip, transport, payload, got \"links\", did you mean "
     "link?"},
    {"NotABoolean", "dpi:\n  enabled: maybe\n",
     "spanflow.yaml:2:12: dpi.enabled: expected true or false, got \"maybe\""},
    {"ListInsteadOfScalar", "workers: [1]\n",
     "spanflow.yaml:1:10: workers: expected a whole number from 1 to 128, got a list"},
    {"ScalarInsteadOfList", "input:\n  files: a.pcap\n",
     "spanflow.yaml:2:10: input.files: expected a list, each item text, got \"a.pcap\""},
    {"ScalarInsteadOfSection", "flow: 5\n", "spanflow.yaml:1:7: flow: expected a mapping, got \"5\""},
    {"GivenTwice", "flow:\n  capacity: 1\n  capacity: 2\n", "spanflow.yaml:3:3: flow.capacity: given twice"},
    {"RotationWithoutUnit", "sinks:\n  - rotate_every: 300\n",
     "spanflow.yaml:2:19: sinks[0].rotate_every: expected off, or a duration such as 10s, from 1s to 366d, got "
     "\"300\""},
    {"RotationOfTooSmallFiles", "sinks: [{rotate_size: 10}]\n",
     "spanflow.yaml:1:23: sinks[0].rotate_size: expected off, or a size such as 64MiB, from 1KiB to 1024TiB, got "
     "\"10\""},
    {"MistypedCompression", "sinks: [{compression: zst}]\n",
     "spanflow.yaml:1:23: sinks[0].compression: expected one of auto, none, gzip, snappy, lz4, zstd, got \"zst\", did "
     "you mean zstd?"},
    {"MistypedSinkType", "sinks:\n  - type: jsonl\n  - type: csw\n",
     "spanflow.yaml:3:11: sinks[1].type: expected one of jsonl, csv, ipfix, kafka, got \"csw\", did you mean csv?"},
    {"OptionOfAnotherSink", "sinks:\n  - type: csv\n    topic: flows\n",
     "spanflow.yaml:3:5: sinks[0].topic: a csv sink has no such option"},
    {"PathOfASinkWithoutOne", "sinks:\n  - {path: a, type: kafka, brokers: b, topic: t}\n",
     "spanflow.yaml:2:6: sinks[0].path: a kafka sink has no such option"},
    {"IpfixWithoutAPath", "sinks:\n  - {type: ipfix}\n", "spanflow.yaml:2:5: sinks[0]: an ipfix sink needs a path"},
    {"CompressionThatNoFileHas", "sinks:\n  - {type: csv, compression: lz4}\n",
     "spanflow.yaml:2:5: sinks[0]: the compression of a file is auto, none or zstd"},
    {"KafkaWithoutBrokers", "sinks:\n  - {type: kafka, topic: t}\n",
     "spanflow.yaml:2:5: sinks[0]: a kafka sink needs brokers"},
    {"KafkaWithoutATopic", "sinks:\n  - {type: kafka, brokers: b}\n",
     "spanflow.yaml:2:5: sinks[0]: a kafka sink needs a topic"},
    {"MistypedKafkaKey", "sinks:\n  - {type: kafka, brokers: b, topic: t, key: flows}\n",
     "spanflow.yaml:2:46: sinks[0].key: expected one of community_id, flow, none, got \"flows\", did you mean flow?"},
    {"UnknownKafkaProperty", "sinks:\n  - type: kafka\n    brokers: b\n    topic: t\n    rdkafka: {linger.mss: 5}\n",
     "spanflow.yaml:5:15: sinks[0].rdkafka.linger.mss: No such configuration property: \"linger.mss\""},
    {"KafkaPropertyOutOfRange", "sinks:\n  - type: kafka\n    brokers: b\n    topic: t\n    rdkafka: {linger.ms: -5}\n",
     "spanflow.yaml:5:15: sinks[0].rdkafka.linger.ms: Configuration property \"queue.buffering.max.ms\" value -5 is "
     "outside allowed "
     "range 0..900000"},
    {"MistypedTunnel", "decode:\n  tunnels: [vxlan, gtpu]\n",
     "spanflow.yaml:2:20: decode.tunnels[1]: expected one of ipip, gre, erspan, vxlan, geneve, gtp, capwap, "
     "teredo, l2tp, pptp, etherip, mpls, tzsp, got \"gtpu\", did you mean gtp?"},
    {"TunnelsNeitherBooleanNorList", "decode:\n  tunnels: maybe\n",
     "spanflow.yaml:2:12: decode.tunnels: expected true, false or a list of ipip, gre, erspan, vxlan, geneve, gtp, "
     "capwap, teredo, l2tp, pptp, etherip, mpls, tzsp, got \"maybe\""},
    {"MistypedField", "output:\n  fields: [ip_src, src_prt]\n",
     "spanflow.yaml:2:20: output.fields[1]: expected classic, full, nfstream or a field name, see --list-fields, got "
     "\"src_prt\", did you mean src_port?"},
    {"MoreEarlyPacketsThanCanBe", "features:\n  splt: 256\n",
     "spanflow.yaml:2:9: features.splt: expected a whole number from 0 to 255, got \"256\""},
    {"NoPowerOfTwo", "overload:\n  max_sampling: 100\n",
     "spanflow.yaml:2:17: overload.max_sampling: expected a power of two from 1 to 32768, got \"100\""},
    {"MetricWithoutAName", "metrics:\n  - {count: packets}\n", "spanflow.yaml:2:5: metrics[0]: a metric needs a name"},
    {"MetricWithoutAnAggregate", "metrics:\n  - {name: x}\n",
     "spanflow.yaml:2:5: metrics[0]: a metric needs one of count, sum, min, max, mean, first, last or plugin"},
    {"MetricWithTwoAggregates", "metrics:\n  - {name: x, sum: size, max: size}\n",
     "spanflow.yaml:2:31: metrics[0].max: a metric has one aggregate only"},
    {"MetricOfAnUnknownQuantity", "metrics:\n  - {name: x, sum: sise}\n",
     "spanflow.yaml:2:20: metrics[0].sum: expected one of size, payload_size, ttl, tcp_window, gap, got \"sise\", did "
     "you mean size?"},
    {"MetricWithAnUnknownKey", "metrics:\n  - {name: x, sum: size, wen: tcp}\n",
     "spanflow.yaml:2:26: metrics[0].wen: unknown key, did you mean when?"},
    {"MetricWhoseNameIsNoWord", "metrics:\n  - {name: a b, sum: size}\n",
     "spanflow.yaml:2:12: metrics[0].name: expected a name of letters, digits and _, got \"a b\""},
    {"MetricWithAnUnknownDirection", "metrics:\n  - {name: x, sum: size, direction: up}\n",
     "spanflow.yaml:2:37: metrics[0].direction: expected one of both, src_to_dst, dst_to_src, got \"up\""},
    {"MetricGivenTwice", "metrics:\n  - {name: x, sum: size}\n  - {name: x, max: size}\n",
     "spanflow.yaml:3:12: metrics[1].name: x is given twice"},
    {"MetricOfAPluginWithMoreKeys", "metrics:\n  - {name: x, plugin: x.so, when: tcp}\n",
     "spanflow.yaml:2:5: metrics[0]: a metric with a plugin has no other key than name"},
    {"ListOfOptions", "- flow\n", "spanflow.yaml:1:1: expected a mapping of options, got a list"},
};

INSTANTIATE_TEST_SUITE_P(LoadYaml, EveryMistake, ::testing::ValuesIn(kMistakes),
                         [](const auto& each) { return each.param.name; });

TEST(LoadYaml, AnUnknownMemberOfASinkIsNamed) {
  Config config;
  const std::string error = error_of([&] { load_yaml("sinks:\n  - type: csv\n    pth: x\n", "a.yaml", config); });
  EXPECT_THAT(error, ::testing::StartsWith("a.yaml:3:5: sinks[0].pth: "));
  EXPECT_THAT(error, ::testing::EndsWith("did you mean path?"));
}

TEST(LoadYaml, AFilterThatDoesNotCompileSaysWhy) {
  Config config;
  const std::string error = error_of([&] { load_yaml("input:\n  filter: tcp prot 80\n", "a.yaml", config); });
  EXPECT_THAT(error, ::testing::StartsWith(
                         "a.yaml:2:11: input.filter: expected a pcap-filter expression, got \"tcp prot 80\" ("));
}

TEST(LoadYaml, AConditionThatDoesNotCompileSaysWhy) {
  Config config;
  const std::string error =
      error_of([&] { load_yaml("metrics:\n  - {name: x, when: tcp prot 80, sum: size}\n", "a.yaml", config); });
  EXPECT_THAT(error, ::testing::StartsWith("a.yaml:2:21: metrics[0].when: expected a pcap-filter expression, got \"tcp "
                                           "prot 80\" ("));
}

TEST(LoadYaml, TooManyDifferentConditionsAreNamed) {
  std::string yaml = "metrics:\n";
  for (int i = 0; i < 65; ++i)
    yaml += "  - {name: x" + std::to_string(i) + ", when: greater " + std::to_string(i) + ", sum: size}\n";
  Config config;
  EXPECT_EQ(error_of([&] { load_yaml(yaml, "a.yaml", config); }),
            "a.yaml:66:23: metrics[64].when: more than 64 different ones");
}

TEST(LoadYaml, WhatIsNotYamlSaysWhere) {
  Config config;
  const std::string error = error_of([&] { load_yaml("flow:\n  capacity: [1\n", "a.yaml", config); });
  EXPECT_THAT(error, ::testing::MatchesRegex("a\\.yaml:[0-9]+:[0-9]+: not YAML: .*"));
  EXPECT_THAT(error, ::testing::Not(::testing::HasSubstr("\n")));
}

TEST(LoadYaml, AMissingFileIsNamed) {
  Config config;
  const TemporaryFolder folder;
  const std::string path = folder / "missing.yaml";
  EXPECT_EQ(error_of([&] { load_yaml_file(path, config); }), path + ": cannot be read: No such file or directory");
}

TEST(LoadYaml, AnEmptyFileChangesNothing) {
  Config config;
  const TemporaryFolder folder;
  const std::string path = folder.write("empty.yaml", "");
  EXPECT_NO_THROW(load_yaml_file(path, config));
  EXPECT_EQ(config.flow.capacity, Config{}.flow.capacity);
}

TEST(ApplySetting, ReadsTheValueAsYaml) {
  Config config;
  apply_setting("flow.capacity=1000000", config);
  apply_setting("flow.active_timeout=30s", config);
  apply_setting("decode.tunnels=[vxlan, gtp]", config);
  apply_setting("sinks=[{type: csv, path: out.csv}]", config);
  EXPECT_EQ(config.flow.capacity, 1'000'000U);
  EXPECT_EQ(config.flow.active_timeout, std::chrono::seconds{30});
  EXPECT_TRUE(config.decode.tunnels.has(TunnelType::kVxlan));
  EXPECT_FALSE(config.decode.tunnels.has(TunnelType::kGre));
  ASSERT_EQ(config.sinks.size(), 1U);
  EXPECT_EQ(places_of(config.sinks[0]).target, "out.csv");
}

TEST(ApplySetting, AnEmptyValueIsAnEmptyText) {
  Config config;
  config.sensor_id = "a";
  apply_setting("sensor_id=", config);
  EXPECT_EQ(config.sensor_id, "");
}

TEST(ApplySetting, MistakesNameTheSetting) {
  Config config;
  EXPECT_EQ(error_of([&] { apply_setting("flow.capacity", config); }), "--set flow.capacity: expected name=value");
  EXPECT_EQ(error_of([&] { apply_setting("flow.capcity=1", config); }),
            "--set flow.capcity=1: flow.capcity: unknown key, did you mean flow.capacity?");
  EXPECT_EQ(error_of([&] { apply_setting("workers=x", config); }),
            "--set workers=x: workers: expected a whole number from 1 to 128, got \"x\"");
}

TEST(DecodeTunnels, TakesTrueFalseAndLists) {
  const auto tunnels = [](const std::string& value) {
    Config config;
    apply_setting("decode.tunnels=" + value, config);
    return config.decode.tunnels;
  };
  EXPECT_EQ(tunnels("true"), TunnelSet::all());
  EXPECT_EQ(tunnels("false"), TunnelSet::none());
  EXPECT_EQ(tunnels("[]"), TunnelSet::none());
  EXPECT_EQ(tunnels("[ipip, gre, erspan, vxlan, geneve, gtp, capwap, teredo, l2tp, pptp, etherip, mpls, tzsp]"),
            TunnelSet::all());
  TunnelSet gre = TunnelSet::none();
  gre.add(TunnelType::kGre);
  EXPECT_EQ(tunnels("[gre]"), gre);
}

Config complete() {
  Config config;
  config.input.files = {"a.pcap"};
  config.sinks = {{}};
  return config;
}

TEST(Check, ACompleteConfigurationPasses) { EXPECT_NO_THROW(check(complete())); }

TEST(Check, NeedsOneKindOfInput) {
  Config none = complete();
  none.input.files.clear();
  EXPECT_EQ(error_of([&] { check(none); }),
            "no input: name capture files (-r, input.files), an interface (-i) or DPDK devices (-d)");
  Config two = complete();
  two.input.interface = "eth0";
  EXPECT_EQ(error_of([&] { check(two); }),
            "more than one kind of input: give input.files, input.interface or input.devices");
}

TEST(Check, NeedsASink) {
  Config config = complete();
  config.sinks.clear();
  EXPECT_EQ(error_of([&] { check(config); }), "no sinks: name where records go (-w, sinks)");
}

TEST(Check, NeedsACpuForEachWorkerWhereTheyAreNamed) {
  Config config = complete();
  config.workers = 3;
  config.input.cores = {0, 1};
  EXPECT_EQ(error_of([&] { check(config); }), "input.cores: expected at least as many CPUs as workers (3), got 2");
}

TEST(Warnings, NoneAboutTheDefaults) { EXPECT_TRUE(warnings(complete()).empty()); }

TEST(Warnings, TimeoutsThatLookSwapped) {
  Config config = complete();
  config.flow.inactive_timeout = std::chrono::minutes{30};
  const auto lines = warnings(config);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0],
              ::testing::StartsWith("flow.inactive_timeout (30m) is longer than flow.active_timeout (120s): "));
}

TEST(Warnings, LessCapacityThanWorkers) {
  Config config = complete();
  config.flow.capacity = 1;
  config.workers = 2;
  EXPECT_THAT(warnings(config),
              ::testing::ElementsAre(::testing::StartsWith("flow.capacity (1) is less than workers (2)")));
}

}  // namespace
}  // namespace spanflow::testing::mistakes_test
