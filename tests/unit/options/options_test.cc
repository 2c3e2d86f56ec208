// Tests the option table and the texts that are generated from it.
#include "options/options.h"

#include <gmock/gmock.h>

#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "options/describe.h"
#include "options/loader.h"
#include "options/nearest_word.h"

namespace spanflow::testing::options_test {
namespace {

// For each option except features.*, a value that is not the default.
const std::map<std::string, std::string> kOtherValues = {
    {"sensor_id", "probe-1"},
    {"user", "nobody"},
    {"crash_folder", "/var/crashes"},
    {"workers", "3"},
    {"input.files", "[a.pcap, \"with space.pcap\", \"-\"]"},
    {"input.interface", "eth7"},
    {"input.driver", "af_xdp"},
    {"input.devices", "[\"0000:03:00.0\", \"net_pcap0,iface=lo\"]"},
    {"input.filter", "\"tcp port 80 and not host 10.0.0.1\""},
    {"input.duration", "90s"},
    {"input.cores", "[2, 3, 4]"},
    {"input.busy_poll", "true"},
    {"input.memory", "1GiB"},
    {"input.ring_frames", "4096"},
    {"input.frame_size", "4096"},
    {"input.eal_arguments", "[--iova-mode=va, \"--log-level=8\"]"},
    {"decode.tunnels", "[vxlan, gtp]"},
    {"decode.tunnel_ports", "{vxlan: [4789, 5000], gtp: []}"},
    {"decode.fragments", "100"},
    {"decode.fragment_timeout", "30s"},
    {"decode.deduplicate", "500us"},
    {"flow.capacity", "77"},
    {"flow.active_timeout", "1500ms"},
    {"flow.inactive_timeout", "15s"},
    {"flow.tcp_close", "false"},
    {"flow.tcp_linger", "0"},
    {"flow.accounting", "payload"},
    {"flow.vlan_key", "both"},
    {"flow.direction", "handshake"},
    {"dpi.enabled", "false"},
    {"dpi.max_packets", "9"},
    {"dpi.max_packets_udp", "8"},
    {"dpi.max_flows", "100"},
    {"dpi.metadata", "false"},
    {"dpi.time_budget", "5ms"},
    {"dpi.guard", "true"},
    {"dpi.most_crashes", "9"},
    {"dpi.protocols_file", "/etc/spanflow/protos.txt"},
    {"dpi.categories_file", "/etc/spanflow/categories.txt"},
    {"metrics",
     "[{name: large, count: packets, when: \"greater 667\"}, {name: m, mean: gap, direction: dst_to_src}, {name: x, "
     "plugin: x.so}]"},
    {"output.fields", "[classic, flow_id]"},
    {"features.statistics", "true"},
    {"features.splt", "20"},
    {"features.tcp", "true"},
    {"features.names", "false"},
    {"features.names_memory", "16MiB"},
    {"features.dns_names", "1000"},
    {"inspect", "[tls, dns]"},
    {"overload.enabled", "false"},
    {"overload.max_sampling", "16"},
    {"output.max_delay", "1s"},
    {"output.community_id_seed", "65535"},
    {"output.spreadsheet_safe", "true"},
    {"sinks",
     "[{type: csv, path: out.csv, fields: [classic], queue: 5}, {type: jsonl}, {type: kafka, brokers: \"a:1,b:2\", "
     "topic: t, "
     "key: none, flush_timeout: 1s, tls: {enabled: true, ca: ca.pem}, sasl: {mechanism: PLAIN, username: u}, "
     "rdkafka: {linger.ms: \"5\"}}]"},
    {"telemetry.listen", "\"[::1]:9090\""},
    {"control.socket", "/run/here.sock"},
    {"log.level", "debug"},
    {"log.format", "json"},
};

TEST(Options, NamesAreUniqueAndFound) {
  std::set<std::string> names;
  for (const Option& option : options()) {
    EXPECT_TRUE(names.insert(option.name).second) << option.name;
    EXPECT_EQ(find_option(option.name), &option);
    EXPECT_FALSE(option.help.empty()) << option.name;
    EXPECT_FALSE(option.expected.empty()) << option.name;
  }
  EXPECT_EQ(find_option("flow"), nullptr);
  EXPECT_EQ(find_option("flow.capacity.x"), nullptr);
}

TEST(DumpConfig, TheDefaultsAreReadBack) {
  Config loaded;
  loaded.workers = 99;  // must be overwritten
  load_yaml(dump_config(Config{}), "dump", loaded);
  EXPECT_EQ(dump_config(loaded), dump_config(Config{}));
}

TEST(DumpConfig, EveryOptionIsReadBack) {
  const Config defaults;
  Config changed;
  for (const Option& option : options()) {
    ASSERT_TRUE(kOtherValues.contains(option.name)) << option.name << " is new: give it a value in this test";
    apply_setting(option.name + "=" + kOtherValues.at(option.name), changed);
    EXPECT_NE(option.show(changed), option.show(defaults)) << option.name;
  }
  Config loaded;
  load_yaml(dump_config(changed), "dump", loaded);
  EXPECT_EQ(dump_config(loaded), dump_config(changed));
  for (const Option& option : options()) EXPECT_EQ(option.show(loaded), option.show(changed)) << option.name;
}

TEST(DumpConfig, AnyTextIsReadBack) {
  for (const std::string text : {"",       "-",    "true", "no",        "null",        "~",    "12",  "1.5",
                                 "a: b",   "# c",  "it's", "say \"x\"", "back\\slash", "[x]",  "{x}", " lead",
                                 "trail ", "Null", "NULL", "grün",      "two\nlines",  "a\tb", "*x",  "&x"}) {
    Config config;
    config.sensor_id = text;
    Config loaded;
    ASSERT_NO_THROW(load_yaml(dump_config(config), "dump", loaded)) << text;
    EXPECT_EQ(loaded.sensor_id, text);
  }
}

TEST(ListOptions, HasARowForEach) {
  const std::string text = list_options();
  for (const Option& option : options()) EXPECT_THAT(text, ::testing::HasSubstr("| `" + option.name + "` |"));
}

TEST(Schema, IsJsonAndKnowsEveryOption) {
  const auto schema = nlohmann::json::parse(config_schema());
  EXPECT_EQ(schema.at("type"), "object");
  EXPECT_EQ(schema.at("additionalProperties"), false);
  for (const Option& option : options()) {
    const auto dot = option.name.find('.');
    const auto* properties = &schema.at("properties");
    if (dot != std::string::npos) properties = &properties->at(option.name.substr(0, dot)).at("properties");
    const auto& described = properties->at(option.name.substr(dot + 1));
    EXPECT_TRUE(described.contains("type") || described.contains("enum") || described.contains("oneOf")) << option.name;
    EXPECT_THAT(described.at("description").get<std::string>(), ::testing::StartsWith(option.help));
  }
}

TEST(Schema, KnowsNoOtherOption) {
  const auto schema = nlohmann::json::parse(config_schema());
  std::size_t described = 0;
  for (const auto& [name, property] : schema.at("properties").items()) {
    described += property.contains("properties") ? property.at("properties").size() : 1;
  }
  EXPECT_EQ(described, options().size());
}

TEST(Nearest, IsOneThatIsNearOrNone) {
  const std::vector<std::string> known{"capacity", "accounting", "direction"};
  EXPECT_EQ(nearest("capcity", known), "capacity");
  EXPECT_EQ(nearest("acounting", known), "accounting");
  EXPECT_EQ(nearest("zzzzzzzz", known), "");
}

}  // namespace
}  // namespace spanflow::testing::options_test
