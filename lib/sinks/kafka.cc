// Sends records to a topic of Apache Kafka. A record counts as delivered once a broker has confirmed it.
#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "sinks/compression.h"
#include "sinks/field_selection.h"
#include "sinks/kafka_delivery.h"
#include "sinks/record_text.h"
#include "sinks/sink.h"

namespace spanflow {
namespace {

// The choice of the message key. The key decides the message's partition.
enum class KafkaKey : std::uint8_t { kCommunityId, kFlow, kNone };
enum class KafkaValue : std::uint8_t { kJson, kProtobuf };

struct Tls {
  bool enabled = false;
  std::string ca;  // ca, certificate and key are paths of PEM files; empty: not given
  std::string certificate;
  std::string key;

  bool operator==(const Tls&) const = default;
};

struct Sasl {
  std::string mechanism;  // SASL mechanism; empty: no login
  std::string username;
  std::string password_file;  // path of a file whose first line is the password

  bool operator==(const Sasl&) const = default;
};

struct KafkaSettings {
  std::string brokers;  // "host:port,host:port"
  std::string topic;
  KafkaKey key = KafkaKey::kCommunityId;
  KafkaValue value = KafkaValue::kJson;
  Compression compression = Compression::kAuto;          // auto: lz4
  Nanoseconds flush_timeout = std::chrono::seconds{10};  // KafkaDelivery::Options::patience
  Tls tls;
  Sasl sasl;
  SpoolOptions spool;
  std::map<std::string, std::string> rdkafka;  // properties of librdkafka

  bool operator==(const KafkaSettings&) const = default;
};

std::vector<Setting> tls_options() {
  return {
      {"enabled", "use TLS; also on if a ca or a certificate is given",
       FlagSetting{at<&KafkaSettings::tls, &Tls::enabled>()}},
      {"ca", "file of the trusted certificate authorities (PEM); default: the system's",
       TextSetting{at<&KafkaSettings::tls, &Tls::ca>()}},
      {"certificate", "file of the client certificate (PEM)",
       TextSetting{at<&KafkaSettings::tls, &Tls::certificate>()}},
      {"key", "file of the client's private key (PEM)", TextSetting{at<&KafkaSettings::tls, &Tls::key>()}},
  };
}

std::vector<Setting> sasl_options() {
  std::vector<std::pair<std::string, std::string>> mechanisms;
  for (const std::string word : {"", "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "GSSAPI", "OAUTHBEARER"}) {
    mechanisms.emplace_back(word, word);
  }
  return {
      {"mechanism", "SASL mechanism; empty: no login",
       choice<std::string>(at<&KafkaSettings::sasl, &Sasl::mechanism>(), mechanisms)},
      {"username", "user name", TextSetting{at<&KafkaSettings::sasl, &Sasl::username>()}},
      {"password_file", "file whose first line is the password",
       TextSetting{at<&KafkaSettings::sasl, &Sasl::password_file>()}},
  };
}

std::vector<Setting> spool_options() {
  return {
      {"path", "folder of the spool, which one process at a time can use; empty: no spool",
       TextSetting{at<&KafkaSettings::spool, &SpoolOptions::path>()}},
      {"mode", "on_failure: only records that the brokers do not take at once; always: every record, before it is sent",
       choice<SpoolMode>(at<&KafkaSettings::spool, &SpoolOptions::mode>(),
                         {{"on_failure", SpoolMode::kOnFailure}, {"always", SpoolMode::kAlways}})},
      {"max_bytes", "size limit; when it is reached, the oldest records are dropped and counted",
       SizeSetting{at<&KafkaSettings::spool, &SpoolOptions::max_bytes>(), 16ULL << 20, 1ULL << 50}},
      {"sync",
       "when records are synced to disk: interval: every 500 ms; always: before they are sent; off: when the "
       "kernel writes them back",
       choice<SpoolSync>(
           at<&KafkaSettings::spool, &SpoolOptions::sync>(),
           {{"interval", SpoolSync::kInterval}, {"always", SpoolSync::kAlways}, {"off", SpoolSync::kOff}})},
  };
}

std::vector<Setting> kafka_options() {
  return {
      {"compression", "compression of message batches; auto is lz4",
       compression_words(at<&KafkaSettings::compression>())},
      {"brokers", "HOST:PORT of one or more brokers, separated by commas", TextSetting{at<&KafkaSettings::brokers>()}},
      {"topic", "topic for the records", TextSetting{at<&KafkaSettings::topic>()}},
      {"key",
       "message key, which decides the partition: records with the same key keep their order; none: any partition",
       choice<KafkaKey>(
           at<&KafkaSettings::key>(),
           {{"community_id", KafkaKey::kCommunityId}, {"flow", KafkaKey::kFlow}, {"none", KafkaKey::kNone}})},
      {"value", "format of a record: json, or protobuf (message Flow of flow.proto)",
       choice<KafkaValue>(at<&KafkaSettings::value>(),
                          {{"json", KafkaValue::kJson}, {"protobuf", KafkaValue::kProtobuf}})},
      {"flush_timeout",
       "how long the sink waits at its end for the brokers to confirm sent records; at most 1.5 s if a stop or a "
       "reload ends it",
       DurationSetting{at<&KafkaSettings::flush_timeout>(), Nanoseconds{0}, std::nullopt}},
      {"tls", "TLS", MappingSetting{"TLS settings", tls_options()}},
      {"sasl", "login to the brokers", MappingSetting{"SASL settings", sasl_options()}},
      {"spool", "keeps unconfirmed records on disk", MappingSetting{"settings of a spool", spool_options()}},
      {"rdkafka", "any other librdkafka property, by its name",
       PropertiesSetting{at<&KafkaSettings::rdkafka>(), "a mapping of librdkafka's properties", kafka_property_error}},
  };
}

std::string kafka_complaint(const SinkSettings& settings) {
  const auto& kafka = settings.as<KafkaSettings>();
  if (kafka.brokers.empty()) return "a kafka sink needs brokers";
  if (kafka.topic.empty()) return "a kafka sink needs a topic";
  return "";
}

std::optional<SinkSettings> kafka_from_target(const std::string& target) {
  const auto slash = target.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == target.size()) return std::nullopt;
  return KafkaSettings{.brokers = target.substr(0, slash), .topic = target.substr(slash + 1)};
}

SinkPlaces kafka_places(const SinkSettings& settings) {
  const auto& kafka = settings.as<KafkaSettings>();
  return {.target = kafka.brokers + "/" + kafka.topic, .spool = kafka.spool.path};
}

std::string first_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw ConfigError(path + ": cannot be read, or is empty");
  return line;
}

std::string_view security_protocol(const KafkaSettings& config) {
  const bool tls = config.tls.enabled || !config.tls.ca.empty() || !config.tls.certificate.empty();
  if (config.sasl.mechanism.empty()) return tls ? "ssl" : "plaintext";
  return tls ? "sasl_ssl" : "sasl_plaintext";
}

std::string_view codec(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "none";
    case Compression::kGzip:
      return "gzip";
    case Compression::kSnappy:
      return "snappy";
    case Compression::kZstd:
      return "zstd";
    case Compression::kAuto:
    case Compression::kLz4:
      return "lz4";
  }
  return "lz4";
}

// The properties in the option `rdkafka` come last, so they override the properties that spanflow sets.
KafkaProperties properties_of(const KafkaSettings& config) {
  KafkaProperties properties = {
      {"bootstrap.servers", config.brokers},
      {"client.id", "spanflowd"},
      {"enable.idempotence", "true"},
      {"message.timeout.ms", "0"},        // 0: messages never expire, so an outage loses none
      {"partitioner", "murmur2_random"},  // compatible with the default partitioner of Kafka's Java producer
      {"queue.buffering.max.kbytes", "131072"},
      {"topic.metadata.propagation.max.ms", "5000"},  // a missing topic is an error after this time
      {"linger.ms", "50"},
      {"compression.codec", std::string(codec(config.compression))},
      {"security.protocol", std::string(security_protocol(config))},
  };
  const auto set_if_given = [&properties](const char* name, const std::string& value) {
    if (!value.empty()) properties.emplace_back(name, value);
  };
  set_if_given("ssl.ca.location", config.tls.ca);
  set_if_given("ssl.certificate.location", config.tls.certificate);
  set_if_given("ssl.key.location", config.tls.key);
  set_if_given("sasl.mechanism", config.sasl.mechanism);
  set_if_given("sasl.username", config.sasl.username);
  if (!config.sasl.password_file.empty()) set_if_given("sasl.password", first_line_of(config.sasl.password_file));
  properties.insert(properties.end(), config.rdkafka.begin(), config.rdkafka.end());
  return properties;
}

// Adds the four fields that identify a record. A consumer may get a record twice, and can find the copy by these
// fields.
std::vector<const Field*> fields_for(const SinkConfig& sink, const KafkaSettings& settings, const Config& config) {
  std::vector<std::string> names = fields_of(sink, config);
  names.insert(names.end(), {"sensor_id", "boot_id", "worker", "sequence"});
  std::vector<const Field*> fields = select_fields(names, config);
  const bool numbered = std::ranges::all_of(fields, [](const Field* field) { return field->number != 0; });
  if (settings.value == KafkaValue::kProtobuf && !numbered) {
    throw ConfigError(sink_name(sink) +
                      ": the fields of nfstream are not in flow.proto: choose other fields, or set value: json");
  }
  return fields;
}

// Returns nullptr if messages have no key.
const Field* key_field(KafkaKey key) {
  switch (key) {
    case KafkaKey::kCommunityId:
      return &field_named("community_id");
    case KafkaKey::kFlow:
      return &field_named("flow_id");
    case KafkaKey::kNone:
      return nullptr;
  }
  return nullptr;
}

using AppendRecord = TextWriter (*)(TextWriter, const FlowRecord&, std::span<const Field* const>);

AppendRecord form_of(KafkaValue value) {
  if (value == KafkaValue::kProtobuf) return append_protobuf;
  return append_json;
}

KafkaDelivery::Options delivery_options(const SinkConfig& config, const KafkaSettings& settings,
                                        const SinkContext& context) {
  return {.name = sink_name(config),
          .spool = settings.spool,
          .patience = std::chrono::duration_cast<std::chrono::milliseconds>(settings.flush_timeout),
          .live = context.live};
}

class KafkaSink : public Sink {
 public:
  KafkaSink(const SinkConfig& config, const KafkaSettings& settings, const SinkContext& context)
      : key_field_(key_field(settings.key)),
        append_record_(form_of(settings.value)),
        fields_(fields_for(config, settings, context.config)),
        delivery_(properties_of(settings), settings.topic, delivery_options(config, settings, context),
                  context.abandon) {}

  void write(std::span<const FlowRecord> records) override {
    for (const FlowRecord& record : records) {
      serialise(record);
      delivery_.send(key_.view(), value_.view());
    }
  }

  // Does not flush the producer, because librdkafka decides when it sends queued messages.
  void flush() override { delivery_.poll(); }
  void finish() override { delivery_.finish(); }
  std::optional<Settled> settled() const override { return delivery_.settled(); }

 private:
  void serialise(const FlowRecord& record) {
    key_.clear();
    value_.clear();
    if (key_field_ != nullptr) key_field_->csv(TextWriter(key_), record).finish();
    append_record_(TextWriter(value_), record, fields_).finish();
  }

  const Field* const key_field_;
  const AppendRecord append_record_;
  const std::vector<const Field*> fields_;
  TextBuffer key_;
  TextBuffer value_;
  KafkaDelivery delivery_;
};

std::unique_ptr<Sink> make_kafka(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<KafkaSink>(config, config.settings.as<KafkaSettings>(), context);
}

}  // namespace

SinkType kafka_sink() {
  return {.name = "kafka",
          .help = "a topic of Apache Kafka",
          .target_form = "BROKER:PORT/TOPIC",
          .options = kafka_options(),
          .complaint = kafka_complaint,
          .from_target = kafka_from_target,
          .places = kafka_places,
          .make = make_kafka};
}

}  // namespace spanflow
