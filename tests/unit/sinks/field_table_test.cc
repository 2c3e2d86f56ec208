// Tests the field table, and the records that sinks write with it.
#include "sinks/field_table.h"

#include <gmock/gmock.h>

#include <cctype>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "sinks/field_reference.h"
#include "sinks/field_selection.h"
#include "sinks/file_settings.h"
#include "sinks/record_text.h"
#include "support/records.h"
#include "support/temporary_folder.h"

namespace spanflow::testing::field_table_test {
namespace {

std::vector<std::string> names_of(const std::vector<const Field*>& selected) {
  std::vector<std::string> names;
  for (const Field* field : selected) names.emplace_back(field->name);
  return names;
}

std::vector<std::string> select(const std::vector<std::string>& names, bool dpi = true) {
  Config config;
  config.dpi.enabled = dpi;
  return names_of(select_fields(names, config));
}

const std::vector<std::string> kClassic = {
    "ip_src",          "src_port",        "ip_dst",           "dst_port",         "ip_protocol",
    "src_to_dst_pkts", "dst_to_src_pkts", "src_to_dst_bytes", "dst_to_src_bytes", "application_name",
    "category_name",   "start_time",      "end_time",         "export_reason"};

TEST(Fields, NamesAreUniqueAndEveryOneHasAMeaning) {
  std::set<std::string_view> names;
  for (const Field& field : fields()) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    EXPECT_FALSE(field.help.empty()) << field.name;
  }
}

TEST(Fields, OnlyOneHasAnInformationElementAndAReverseOneHasItsForward) {
  std::set<std::string> elements;
  for (const Field& field : fields()) {
    if (field.ipfix.empty()) continue;
    EXPECT_TRUE(elements.insert(std::string(field.ipfix)).second) << field.ipfix;
  }
  EXPECT_THAT(elements, ::testing::Contains("sourceIPv4Address"));
  for (const std::string& reverse : elements) {
    if (!reverse.starts_with("reverse")) continue;
    std::string forward = reverse.substr(7);
    forward.front() = static_cast<char>(std::tolower(forward.front()));
    EXPECT_THAT(elements, ::testing::Contains(forward));
  }
}

TEST(Fields, TheClassicOnesKeepTheirNamesAndOrder) { EXPECT_EQ(select({"classic"}), kClassic); }

TEST(Fields, FullStartsWithTheClassicOnes) {
  const auto full = select({"full"});
  ASSERT_GT(full.size(), kClassic.size());
  EXPECT_EQ(std::vector<std::string>(full.begin(), full.begin() + 14), kClassic);
}

TEST(Fields, FullWithAllFeaturesOnIsEveryField) {
  Config config;
  config.features = {.statistics = true, .splt = 1, .tcp = true};
  EXPECT_EQ(select_fields(std::vector<std::string>{"full"}, config).size(), fields().size());
}

TEST(Fields, OfACaptureFileFullLeavesOutWhatDiffersFromRunToRun) {
  Config config;
  config.input.files = {"a.pcap"};
  const auto full = names_of(select_fields(std::vector<std::string>{"full"}, config));
  EXPECT_THAT(full, ::testing::Not(::testing::Contains("boot_id")));
  EXPECT_THAT(full, ::testing::Contains("sequence"));
}

TEST(Fields, FullLeavesOutAGroupWhoseFeatureIsOff) {
  const auto full = select({"full"}, false);
  EXPECT_THAT(full, ::testing::Not(::testing::Contains("application_confidence")));
  EXPECT_THAT(full, ::testing::Not(::testing::Contains("bidirectional_mean_ps")));
  EXPECT_THAT(full, ::testing::Not(::testing::Contains("splt_ps")));
  EXPECT_THAT(full, ::testing::Contains("flow_id"));
}

TEST(Fields, NamesAreTakenInTheirOrderAndOnce) {
  EXPECT_EQ(select({"end_time", "ip_src", "end_time"}), (std::vector<std::string>{"end_time", "ip_src"}));
  EXPECT_EQ(select({"flow_id", "classic"}).at(1), "ip_src");
  EXPECT_EQ(select({"classic", "ip_src"}).size(), 14U);
}

TEST(Fields, TheReferenceHasARowForEach) {
  const std::string text = list_fields();
  for (const Field& field : fields()) {
    EXPECT_THAT(text, ::testing::HasSubstr("| `" + std::string(field.name) + "` |"));
  }
}

FlowRecord full_record() {
  FlowRecord record = record_number(0xabcdef);
  record.start_ns = 1'700'000'000'123'999'999;
  record.end_ns = 1'700'000'060'000'000'001;
  record.segment = 2;
  record.src_mac = {2, 0, 0, 0, 0, 0x0a};
  record.dst_mac = {2, 0, 0, 0, 0, 0x0b};
  record.src_to_dst = {.pkts = 3,
                       .bytes = 300,
                       .link_bytes = 342,
                       .ip_bytes = 300,
                       .start_ns = record.start_ns,
                       .end_ns = record.end_ns,
                       .tcp_flags = 0x1b,
                       .dscp = 46,
                       .ttl_min = 63,
                       .ttl_max = 64};
  record.dst_to_src = {.pkts = 1,
                       .bytes = 60,
                       .link_bytes = 74,
                       .ip_bytes = 60,
                       .start_ns = 1'700'000'000'200'000'000,
                       .end_ns = 1'700'000'000'200'000'000,
                       .tcp_flags = 0x12,
                       .ttl_min = 55,
                       .ttl_max = 55};
  record.biflow_direction = BiflowDirection::kInitiator;
  record.application_name = "TLS.Instagram";
  record.category_name = "SocialNetwork";
  record.has_application = true;
  record.application_confidence = 6;
  record.end_reason = EndReason::kClosed;
  return record;
}

std::string line(const FlowRecord& record, const std::vector<std::string>& names) {
  Config config;
  config.input.files = {"a.pcap"};
  TextBuffer out;
  append_json(TextWriter(out), record, select_fields(names, config)).finish();
  return std::string(out.view());
}

TEST(Records, TheClassicFieldsAsJson) {
  EXPECT_EQ(line(full_record(), {"classic"}),
            R"({"ip_src":"10.0.0.1","src_port":1234,"ip_dst":"10.0.0.2","dst_port":443,"ip_protocol":6,)"
            R"("src_to_dst_pkts":3,"dst_to_src_pkts":1,"src_to_dst_bytes":300,"dst_to_src_bytes":60,)"
            R"("application_name":"TLS.Instagram","category_name":"SocialNetwork","start_time":1700000000123,)"
            R"("end_time":1700000060000,"export_reason":2})");
}

TEST(Records, AllFieldsAsJson) {
  EXPECT_EQ(nlohmann::json::parse(line(full_record(), {"full"})), nlohmann::json::parse(R"({
    "ip_src": "10.0.0.1", "src_port": 1234, "ip_dst": "10.0.0.2", "dst_port": 443, "ip_protocol": 6,
    "src_to_dst_pkts": 3, "dst_to_src_pkts": 1, "src_to_dst_bytes": 300, "dst_to_src_bytes": 60,
    "application_name": "TLS.Instagram", "category_name": "SocialNetwork", "start_time": 1700000000123,
    "end_time": 1700000060000, "export_reason": 2, "flow_id": "0000000000abcdef",
    "community_id": "1:ykQ1ME2JeKb+7Ccjc9ugF3NGISE=", "segment": 2,
    "end_reason": "closed", "flow_end_reason": 3, "start_time_ns": 1700000000123999999,
    "end_time_ns": 1700000060000000001, "duration_ns": 59876000002, "ip_version": 4,
    "src_to_dst_ip_bytes": 300, "dst_to_src_ip_bytes": 60, "src_to_dst_link_bytes": 342,
    "dst_to_src_link_bytes": 74, "src_to_dst_start_time_ns": 1700000000123999999,
    "src_to_dst_end_time_ns": 1700000060000000001, "dst_to_src_start_time_ns": 1700000000200000000,
    "dst_to_src_end_time_ns": 1700000000200000000, "src_to_dst_dscp": 46, "src_to_dst_ttl_min": 63,
    "src_to_dst_ttl_max": 64, "dst_to_src_dscp": 0, "dst_to_src_ttl_min": 55, "dst_to_src_ttl_max": 55,
    "src_mac": "02:00:00:00:00:0a", "src_oui": "02:00:00", "dst_mac": "02:00:00:00:00:0b", "dst_oui": "02:00:00",
    "sequence": 0, "src_to_dst_tcp_flags": 27, "dst_to_src_tcp_flags": 18, "biflow_direction": 1,
    "timestamp_source": "file", "worker": 0, "sampling_rate": 1, "application_is_guessed": 0,
    "application_confidence": 6})"));
}

TEST(Records, OfOneStartHaveTheSameBootId) {
  const std::string one = line(full_record(), {"boot_id"});
  EXPECT_THAT(one, ::testing::MatchesRegex(R"(\{"boot_id":"[0-9a-f]{16}"\})"));
  EXPECT_EQ(line(record_number(7), {"boot_id"}), one);
}

TEST(Records, AreWrittenToStreamsInFull) {
  std::ostringstream out;
  out << full_record();
  EXPECT_EQ(out.str(), line(full_record(), {"full"}));
}

TEST(Records, ValuesThatDoNotApplyAreMissing) {
  FlowRecord record = full_record();
  record.ip_protocol = protocol::kUdp;
  record.has_application = false;
  const auto json = nlohmann::json::parse(line(record, {"full"}));
  for (const char* name : {"src_to_dst_tcp_flags", "icmp_type", "vlan_id", "tunnel_type", "tunnel_id", "sensor_id",
                           "application_name", "category_name", "application_confidence"}) {
    EXPECT_FALSE(json.contains(name)) << name;
  }
}

TEST(Records, ValuesThatApplyAreThere) {
  FlowRecord record = full_record();
  record.ip_protocol = protocol::kIcmp;
  record.icmp_type = 3;
  record.icmp_code = 0;
  record.vlan_id = 200;
  record.vlan_outer_id = 100;
  record.tunnel_type = TunnelType::kVxlan;
  record.tunnel_key = 42;
  record.dst_to_src.tunnel_id = 7;
  record.sensor_id = "probe-1";
  EXPECT_EQ(line(record, {"icmp_type", "icmp_code", "vlan_id", "vlan_outer_id", "tunnel_type", "tunnel_id",
                          "src_to_dst_tunnel_id", "dst_to_src_tunnel_id", "sensor_id"}),
            R"({"icmp_type":3,"icmp_code":0,"vlan_id":200,"vlan_outer_id":100,"tunnel_type":"vxlan","tunnel_id":42,)"
            R"("dst_to_src_tunnel_id":7,"sensor_id":"probe-1"})");
}

TEST(Records, OverloadNamesWhatWasLeftOut) {
  const std::pair<int, const char*> kNames[] = {
      {kShedDpi, "dpi"},
      {kShedFeatures, "features"},
      {kShedFlows, "flows"},
      {kShedDpi | kShedFlows, "dpi, flows"},
      {kShedFeatures | kShedFlows, "features, flows"},
      {kShedDpi | kShedFeatures, "dpi, features"},
      {kShedDpi | kShedFeatures | kShedFlows, "dpi, features, flows"},
      {kShedNames, "names"},
      {kShedNames | kShedDpi, "names, dpi"},
      {kShedNames | kShedDpi | kShedFeatures | kShedFlows, "names, dpi, features, flows"}};
  FlowRecord record = record_number(1);
  record.sampling_rate = 8;
  for (const auto& [bits, names] : kNames) {
    record.overload = static_cast<std::uint8_t>(bits);
    EXPECT_EQ(line(record, {"sampling_rate", "overload"}),
              std::string(R"({"sampling_rate":8,"overload":")") + names + R"("})");
  }
}

TEST(Records, WithoutAnyValueAnObjectIsEmpty) { EXPECT_EQ(line(record_number(1), {"vlan_id"}), "{}"); }

const std::vector<std::string> kNfstream = {"id",
                                            "expiration_id",
                                            "src_ip",
                                            "src_mac",
                                            "src_oui",
                                            "src_port",
                                            "dst_ip",
                                            "dst_mac",
                                            "dst_oui",
                                            "dst_port",
                                            "protocol",
                                            "ip_version",
                                            "vlan_id",
                                            "tunnel_id",
                                            "bidirectional_first_seen_ms",
                                            "bidirectional_last_seen_ms",
                                            "bidirectional_duration_ms",
                                            "bidirectional_packets",
                                            "bidirectional_bytes",
                                            "src2dst_first_seen_ms",
                                            "src2dst_last_seen_ms",
                                            "src2dst_duration_ms",
                                            "src2dst_packets",
                                            "src2dst_bytes",
                                            "dst2src_first_seen_ms",
                                            "dst2src_last_seen_ms",
                                            "dst2src_duration_ms",
                                            "dst2src_packets",
                                            "dst2src_bytes"};

TEST(Nfstream, ColumnsHaveItsNamesAndOrder) {
  Config config;
  config.dpi.enabled = false;
  config.features.names = false;
  EXPECT_EQ(names_of(select_fields(std::vector<std::string>{"nfstream"}, config)), kNfstream);
}

std::string nfstream_line(const FlowRecord& record) {
  Config config;
  config.dpi.enabled = false;
  config.features.names = false;
  TextBuffer out;
  append_csv(TextWriter(out), record, select_fields(std::vector<std::string>{"nfstream"}, config)).finish();
  return std::string(out.view().substr(0, out.size() - 1));
}

TEST(Nfstream, TimesAreInWholeMillisecondsBeforeADurationIsTaken) {
  FlowRecord record = full_record();
  record.sequence = 9;
  EXPECT_EQ(nfstream_line(record),
            "9,0,10.0.0.1,02:00:00:00:00:0a,02:00:00,1234,10.0.0.2,02:00:00:00:00:0b,02:00:00,443,6,4,0,0,"
            "1700000000123,1700000060000,59877,4,360,1700000000123,1700000060000,59877,3,300,"
            "1700000000200,1700000000200,0,1,60");
}

TEST(Nfstream, ExpirationSaysWhetherTheFlowWasCutOrEndedByAMetric) {
  FlowRecord record = full_record();
  record.end_reason = EndReason::kActive;
  EXPECT_TRUE(nfstream_line(record).starts_with("0,1,"));
  record.end_reason = EndReason::kPlugin;
  EXPECT_TRUE(nfstream_line(record).starts_with("0,-1,"));
}

TEST(EndReasons, HaveTheirDocumentedCodes) {
  const std::pair<EndReason, std::pair<int, int>> kCodes[] = {
      {EndReason::kInactive, {0, 1}},   {EndReason::kActive, {1, 2}},  {EndReason::kClosed, {2, 3}},
      {EndReason::kCaptureEnd, {2, 4}}, {EndReason::kEvicted, {3, 5}}, {EndReason::kPlugin, {4, 4}}};
  for (const auto& [reason, codes] : kCodes) {
    EXPECT_EQ(export_reason(reason), codes.first);
    EXPECT_EQ(flow_end_reason(reason), codes.second);
  }
}

// Writes the records through a sink into a file, and returns the file's content.
std::string written_by(const std::string& type, const std::vector<FlowRecord>& records,
                       const MetricNames& metrics = {}) {
  const TemporaryFolder folder;
  Config config;
  const std::string path = folder / "out";
  const SinkConfig sink_config{
      .type = type, .fields = {"ip_src", "vlan_id", "application_name"}, .settings = FileSettings{.path = path}};
  const std::atomic<bool> abandon{false};
  const auto sink = make_sink(sink_config, {config, metrics, abandon});
  sink->write(records);
  sink->end();
  sink->flush();
  return content_of(path);
}

TEST(CsvSink, WritesAHeaderAndALineForEachRecord) {
  FlowRecord odd = full_record();
  odd.application_name = "a,\"b\"\n";
  EXPECT_EQ(written_by("csv", {full_record(), odd}),
            "ip_src,vlan_id,application_name\n"
            "10.0.0.1,,TLS.Instagram\n"
            "10.0.0.1,,\"a,\"\"b\"\"\\x0A\"\n");
}

TEST(CsvSink, WithoutRecordsWritesTheHeader) { EXPECT_EQ(written_by("csv", {}), "ip_src,vlan_id,application_name\n"); }

TEST(JsonlSink, WritesALineForEachRecord) {
  EXPECT_EQ(written_by("jsonl", {full_record(), full_record()}),
            "{\"ip_src\":\"10.0.0.1\",\"application_name\":\"TLS.Instagram\"}\n"
            "{\"ip_src\":\"10.0.0.1\",\"application_name\":\"TLS.Instagram\"}\n");
}

const MetricNames kMetricNames{"large", "mean", "none"};

FlowRecord record_with_metrics() {
  MetricCell cells[] = {{.names = &kMetricNames}, {.value = 3}, {.value = 2.0 / 3}, {.value = kNoValue}};
  FlowRecord record = full_record();
  record.metrics = MetricsView(cells);
  return FlowRecord(std::as_const(record));
}

TEST(CsvSink, WritesAColumnForEachMetricAfterTheFields) {
  EXPECT_EQ(written_by("csv", {record_with_metrics()}, kMetricNames),
            "ip_src,vlan_id,application_name,metrics.large,metrics.mean,metrics.none\n"
            "10.0.0.1,,TLS.Instagram,3,0.667,\n");
}

TEST(JsonlSink, WritesTheMetricsThatHaveAValueAsAnObject) {
  EXPECT_EQ(written_by("jsonl", {record_with_metrics()}, kMetricNames),
            "{\"ip_src\":\"10.0.0.1\",\"application_name\":\"TLS.Instagram\","
            "\"metrics\":{\"large\":3,\"mean\":0.667}}\n");
}

TEST(JsonlSink, WritesAnEmptyObjectWhereNoMetricHasAValue) {
  FlowRecord record = record_with_metrics();
  record.metrics["large"] = record.metrics["mean"] = kNoValue;
  EXPECT_THAT(written_by("jsonl", {record}, kMetricNames), ::testing::EndsWith(",\"metrics\":{}}\n"));
}

}  // namespace
}  // namespace spanflow::testing::field_table_test
