// Records to a topic of Apache Kafka. One counts as delivered once a broker has confirmed it.
#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "sinks/field_table.h"
#include "sinks/kafka_delivery.h"
#include "sinks/record_text.h"
#include "sinks/sink.h"

namespace spanflow {
namespace {

std::string first_line_of(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  if (!std::getline(file, line)) throw ConfigError(path + ": cannot be read, or is empty");
  return line;
}

std::string_view security_protocol(const KafkaConfig& config) {
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

// What the user gives by name comes last.
KafkaProperties properties_of(const KafkaConfig& config, Compression compression) {
  KafkaProperties properties = {
      {"bootstrap.servers", config.brokers},
      {"client.id", "spanflowd"},
      {"enable.idempotence", "true"},
      {"message.timeout.ms", "0"},        // an outage ends no message
      {"partitioner", "murmur2_random"},  // as Java's producer does by default
      {"queue.buffering.max.kbytes", "131072"},
      {"topic.metadata.propagation.max.ms", "5000"},  // then a topic that is not there is told of
      {"linger.ms", "50"},
      {"compression.codec", std::string(codec(compression))},
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

// A consumer may get a record twice: these tell it which. sensor_id only where it is set.
std::vector<const Field*> fields_for(const SinkConfig& sink, const Config& config) {
  std::vector<std::string> names = fields_of(sink, config);
  names.insert(names.end(), {"sensor_id", "boot_id", "worker", "sequence"});
  std::vector<const Field*> fields = select_fields(names, config);
  const bool numbered = std::ranges::all_of(fields, [](const Field* field) { return field->number != 0; });
  if (sink.kafka.value == KafkaValue::kProtobuf && !numbered) {
    throw ConfigError(sink_name(sink) +
                      ": the fields of nfstream are not in flow.proto: choose others, or value: json");
  }
  return fields;
}

// nullptr: none.
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

KafkaDelivery::Options delivery_options(const SinkConfig& config, const SinkContext& context) {
  return {.name = sink_name(config),
          .spool = config.kafka.spool,
          .patience = std::chrono::duration_cast<std::chrono::milliseconds>(config.kafka.flush_timeout),
          .live = context.live};
}

class KafkaSink : public Sink {
 public:
  KafkaSink(const SinkConfig& config, const SinkContext& context)
      : key_field_(key_field(config.kafka.key)),
        append_record_(form_of(config.kafka.value)),
        fields_(fields_for(config, context.config)),
        delivery_(properties_of(config.kafka, config.compression), config.kafka.topic,
                  delivery_options(config, context), context.abandon) {}

  void write(std::span<const FlowRecord> records) override {
    for (const FlowRecord& record : records) {
      serialise(record);
      delivery_.send(key_.view(), value_.view());
    }
  }

  // librdkafka sends what it has in its own time.
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

}  // namespace

std::unique_ptr<Sink> make_kafka_sink(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<KafkaSink>(config, context);
}

}  // namespace spanflow
