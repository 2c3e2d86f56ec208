#include "options/sink_options.h"

#include <map>

#include "sinks/field_table.h"
#include "sinks/kafka_producer.h"
#include "sinks/sink.h"

namespace spanflow {
namespace {

using namespace values;

// Properties of librdkafka by their names.
ValueType<std::map<std::string, std::string>> kafka_properties() {
  const std::string expected = "a mapping of librdkafka's properties";
  return {expected, R"("type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]})",
          [expected](const YAML::Node& node) {
            if (!node.IsMap()) throw OptionError{.expected = expected};
            std::map<std::string, std::string> properties;
            for (const auto& entry : node) {
              const std::string name = scalar_of(entry.first, expected);
              OptionError error{.name_suffix = "." + name};
              place(error, entry.first);
              if (!entry.second.IsScalar()) error.complaint = "expected a value, got " + described(entry.second);
              if (error.complaint.empty()) error.complaint = kafka_property_error(name, entry.second.Scalar());
              if (!error.complaint.empty()) throw error;
              properties[name] = entry.second.Scalar();
            }
            return properties;
          },
          [](const std::map<std::string, std::string>& properties) {
            std::vector<std::string> shown;
            for (const auto& [name, value] : properties) {
              shown.push_back(fmt::format("{}: {}", yaml_scalar(name), yaml_scalar(value)));
            }
            return fmt::format("{{{}}}", fmt::join(shown, ", "));
          }};
}

ValueType<KafkaConfig::Tls> tls() {
  return mapping<KafkaConfig::Tls>(
      {member("enabled", &KafkaConfig::Tls::enabled, boolean(),
              "talk TLS to the brokers; a certificate or authority says so too"),
       member("ca", &KafkaConfig::Tls::ca, text(), "file of the authorities to trust; default: the system's"),
       member("certificate", &KafkaConfig::Tls::certificate, text(), "file of this client's certificate (PEM)"),
       member("key", &KafkaConfig::Tls::key, text(), "file of its private key (PEM)")},
      "TLS settings");
}

ValueType<KafkaConfig::Sasl> sasl() {
  return mapping<KafkaConfig::Sasl>(
      {member("mechanism", &KafkaConfig::Sasl::mechanism,
              word_of({"", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER"}), "how to log in"),
       member("username", &KafkaConfig::Sasl::username, text(), "who logs in"),
       member("password_file", &KafkaConfig::Sasl::password_file, text(), "file whose first line is the password")},
      "SASL settings");
}

ValueType<SpoolOptions> spool() {
  return mapping<SpoolOptions>(
      {member("path", &SpoolOptions::path, text(), "folder of the spool; one process has it; without it, no spool"),
       member("mode", &SpoolOptions::mode,
              choice<SpoolMode>({{"on_failure", SpoolMode::kOnFailure}, {"always", SpoolMode::kAlways}}),
              "on_failure: what the brokers do not take at once; always: every record, before it is sent"),
       member("max_bytes", &SpoolOptions::max_bytes, size(16ULL << 20, 1ULL << 50),
              "room that it may take; when it is used up, the oldest records go, counted"),
       member(
           "sync", &SpoolOptions::sync,
           choice<SpoolSync>(
               {{"interval", SpoolSync::kInterval}, {"always", SpoolSync::kAlways}, {"off", SpoolSync::kOff}}),
           "when the disk must have them: interval: every 500 ms; always: before they are sent; off: when the kernel "
           "likes")},
      "settings of a spool");
}

template <typename V>
MemberOption<SinkConfig> kafka_member(std::string name, V KafkaConfig::*place, const ValueType<V>& type,
                                      std::string help) {
  return {std::move(name),
          std::move(help),
          type.schema,
          [=](SinkConfig& sink, const YAML::Node& node) { sink.kafka.*place = type.read(node); },
          [=](const SinkConfig& sink) { return type.show(sink.kafka.*place); },
          type.expected,
          type.members};
}

std::vector<MemberOption<SinkConfig>> file_options() {
  return {member("rotate_every", &SinkConfig::rotate_every,
                 or_off(duration(std::chrono::seconds{1}, std::chrono::hours{24} * 366)),
                 "begin a new file whenever the clock reaches a multiple of this"),
          member("rotate_size", &SinkConfig::rotate_size, or_off(size(1ULL << 10, 1ULL << 50)),
                 "begin a new file before it would have more text than this, compressed or not"),
          member("compression_level", &SinkConfig::compression_level, whole_number(1, 19),
                 "of zstd: more is smaller and slower")};
}

std::vector<MemberOption<SinkConfig>> ipfix_options() {
  return {member("observation_domain", &SinkConfig::observation_domain, whole_number(0, 0xffff'ffff),
                 "id of this observation domain, to tell several probes of one collector apart"),
          member("template_refresh", &SinkConfig::template_refresh, duration(std::chrono::seconds{1}),
                 "over UDP, time after which the templates are sent again")};
}

std::vector<MemberOption<SinkConfig>> kafka_options() {
  return {
      kafka_member("brokers", &KafkaConfig::brokers, text(), "HOST:PORT of one or more brokers, with commas between"),
      kafka_member("topic", &KafkaConfig::topic, text(), "topic that the records go to"),
      kafka_member(
          "key", &KafkaConfig::key,
          choice<KafkaKey>(
              {{"community_id", KafkaKey::kCommunityId}, {"flow", KafkaKey::kFlow}, {"none", KafkaKey::kNone}}),
          "what the partition is chosen by: records with the same one keep their order; none: any partition"),
      kafka_member("value", &KafkaConfig::value,
                   choice<KafkaValue>({{"json", KafkaValue::kJson}, {"protobuf", KafkaValue::kProtobuf}}),
                   "form of a record: json, or protobuf, a message Flow of flow.proto"),
      kafka_member("flush_timeout", &KafkaConfig::flush_timeout, duration(Nanoseconds{0}),
                   "how long the end of a run waits for the brokers to confirm what they were sent"),
      kafka_member("tls", &KafkaConfig::tls, tls(), "TLS"),
      kafka_member("sasl", &KafkaConfig::sasl, sasl(), "who we are to the brokers"),
      kafka_member("spool", &KafkaConfig::spool, spool(), "keeps on disk what the brokers have not confirmed"),
      kafka_member("rdkafka", &KafkaConfig::rdkafka, kafka_properties(),
                   "any other property of librdkafka, by its name"),
  };
}

// What sinks of these types have besides the others; without types, all.
struct OptionGroup {
  std::vector<std::string_view> types;
  std::vector<MemberOption<SinkConfig>> options;
};

std::vector<OptionGroup> option_groups() {
  std::vector<std::string> types;
  for (const SinkType& type : sink_types()) types.emplace_back(type.name);
  return {
      {{},
       {member("type", &SinkConfig::type, word_of(types), "what is written"),
        member("fields", &SinkConfig::fields, field_selection(), "fields of this sink; default: output.fields"),
        member("queue", &SinkConfig::queue, whole_number(1, 100'000'000), "records that may wait for this sink")}},
      {{"jsonl", "csv", "ipfix"},
       {member("path", &SinkConfig::path, text(),
               "file to write, its name with strftime's % conversions, in UTC; - is standard output; of ipfix, "
               "udp://HOST:PORT or tcp://HOST:PORT")}},
      {{"jsonl", "csv", "kafka"},
       {member("compression", &SinkConfig::compression,
               choice<Compression>({{"auto", Compression::kAuto},
                                    {"none", Compression::kNone},
                                    {"gzip", Compression::kGzip},
                                    {"snappy", Compression::kSnappy},
                                    {"lz4", Compression::kLz4},
                                    {"zstd", Compression::kZstd}}),
               "of a file none, zstd or auto, which is zstd if its name ends in .zst; for Kafka any, auto is lz4")}},
      {{"jsonl", "csv"}, file_options()},
      {{"ipfix"}, ipfix_options()},
      {{"kafka"}, kafka_options()},
  };
}

bool is_option_of(const std::vector<OptionGroup>& groups, const std::string& type, const std::string& key) {
  return std::ranges::any_of(groups, [&](const OptionGroup& group) {
    const bool of_type = group.types.empty() || std::ranges::find(group.types, type) != group.types.end();
    return of_type && std::ranges::find(group.options, key, &MemberOption<SinkConfig>::name) != group.options.end();
  });
}

void check_sink(const std::vector<OptionGroup>& groups, const SinkConfig& sink, const YAML::Node& node) {
  for (const auto& entry : node) {
    const std::string key = entry.first.Scalar();
    if (is_option_of(groups, sink.type, key)) continue;
    OptionError error{.name_suffix = "." + key, .complaint = fmt::format("a {} sink has no such option", sink.type)};
    place(error, entry.first);
    throw error;
  }
  if (sink.type != "kafka") {
    const bool known = sink.compression == Compression::kAuto || sink.compression == Compression::kNone ||
                       sink.compression == Compression::kZstd;
    if (!known) throw OptionError{.complaint = "the compression of a file is auto, none or zstd"};
    return;
  }
  if (sink.kafka.brokers.empty()) throw OptionError{.complaint = "a kafka sink needs brokers"};
  if (sink.kafka.topic.empty()) throw OptionError{.complaint = "a kafka sink needs a topic"};
}

}  // namespace

values::ValueType<std::vector<std::string>> field_selection() {
  std::vector<std::string> known{"classic", "full", "nfstream"};
  for (const Field& field : fields()) known.emplace_back(field.name);
  // All the names would bury a mistake; the nearest one is what helps.
  const ValueType<std::string> word =
      described_as("classic, full, nfstream or a field name, see --list-fields", word_of(known));
  ValueType<std::vector<std::string>> list = list_of(word);
  list.expected = "classic, full, nfstream, or a list of field names";
  list.schema = fmt::format(R"("oneOf": [{{"enum": [{0}]}}, {{"type": "array", "items": {{"enum": [{0}]}}}}])",
                            quoted_list(known));
  list.read = [word, read_list = list.read](const YAML::Node& node) {
    return node.IsScalar() ? std::vector<std::string>{word.read(node)} : read_list(node);
  };
  return list;
}

values::ValueType<SinkConfig> sink() {
  const std::vector<OptionGroup> groups = option_groups();
  std::vector<MemberOption<SinkConfig>> members;
  for (const OptionGroup& group : groups) {
    for (MemberOption<SinkConfig> option : group.options) {
      option.of = fmt::format("{}", fmt::join(group.types, ", "));
      members.push_back(std::move(option));
    }
  }
  auto type = mapping<SinkConfig>(members, "a sink");
  type.read = [groups, read = type.read](const YAML::Node& node) {
    SinkConfig sink = read(node);
    check_sink(groups, sink, node);
    return sink;
  };
  return type;
}

}  // namespace spanflow
