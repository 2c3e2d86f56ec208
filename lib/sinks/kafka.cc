// Records to a topic of Apache Kafka. One counts as delivered once a broker has confirmed it.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "base/error.h"
#include "sinks/field_table.h"
#include "sinks/kafka_producer.h"
#include "sinks/record_text.h"
#include "sinks/sink.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

constexpr std::chrono::milliseconds kLookUp{50};  // how soon an abandoned run is noticed

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
  return select_fields(names, config);
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

class KafkaSink : public Sink {
 public:
  KafkaSink(const SinkConfig& config, const SinkContext& context)
      : name_(sink_name(config)),
        flush_timeout_(std::chrono::duration_cast<std::chrono::milliseconds>(config.kafka.flush_timeout)),
        live_(context.live),
        abandon_(context.abandon),
        key_field_(key_field(config.kafka.key)),
        fields_(fields_for(config, context.config)),
        producer_(
            properties_of(config.kafka, config.compression), config.kafka.topic,
            [this](std::uint64_t, KafkaProducer::Outcome outcome) { count(outcome); },
            [this](const std::string& trouble) { tell(trouble); }) {}

  void write(std::span<const FlowRecord> records) override {
    for (const FlowRecord& record : records) {
      serialise(record);
      produce();
    }
  }

  // librdkafka sends what it has in its own time.
  void flush() override {
    if (is_hopeless()) throw RunError(complaint());
  }

  void finish() override {
    const auto end = std::chrono::steady_clock::now() + flush_timeout_;
    bool all = producer_.flush(kLookUp);
    while (!all && !abandon_ && !is_hopeless() && std::chrono::steady_clock::now() < end)
      all = producer_.flush(kLookUp);
    if (all) return;
    const std::uint64_t before = given_up_;
    producer_.give_up();
    if (given_up_ > before)
      throw RunError(fmt::format("{}; {} records were not delivered", complaint(), given_up_ - before));
  }

  std::optional<Settled> settled() const override {
    Settled settled{.delivered = delivered_};
    settled.dropped[static_cast<std::size_t>(DropReason::kWriteFailed)] = refused_;
    settled.dropped[static_cast<std::size_t>(DropReason::kStopped)] = given_up_;
    return settled;
  }

 private:
  void serialise(const FlowRecord& record) {
    key_.clear();
    value_.clear();
    if (key_field_ != nullptr) key_field_->csv(TextWriter(key_), record).finish();
    append_json(TextWriter(value_), record, fields_).finish();
  }

  // While there is no room the records wait in the queue of this sink, and then of the run.
  void produce() {
    while (!producer_.produce(key_.view(), value_.view(), 0)) {
      if (abandon_ || is_hopeless()) {
        ++given_up_;
        return;
      }
      producer_.wait_for_room(kLookUp);
    }
  }

  // Of a run that nobody will repair while it lasts.
  bool is_hopeless() const {
    if (live_) return false;
    const KafkaProducer::Trouble trouble = producer_.trouble();
    return !trouble.text.empty() && std::chrono::steady_clock::now() - trouble.since >= flush_timeout_;
  }

  std::string complaint() const {
    const std::string trouble = producer_.trouble().text;
    return fmt::format("{}: {}", name_, trouble.empty() ? "the brokers are slow to confirm" : trouble);
  }

  // Both on the producer's thread.
  void count(KafkaProducer::Outcome outcome) {
    switch (outcome) {
      case KafkaProducer::Outcome::kDelivered:
        ++delivered_;
        break;
      case KafkaProducer::Outcome::kRefused:
        ++refused_;
        break;
      case KafkaProducer::Outcome::kGivenUp:
        ++given_up_;
        break;
    }
  }
  void tell(const std::string& trouble) const {
    if (trouble.empty()) {
      log().info("{}: records are delivered again", name_);
    } else {
      log().error("{}: {}", name_, trouble);
    }
  }

  const std::string name_;
  const std::chrono::milliseconds flush_timeout_;
  const bool live_;
  const std::atomic<bool>& abandon_;
  const Field* const key_field_;
  const std::vector<const Field*> fields_;
  TextBuffer key_;
  TextBuffer value_;
  std::atomic<std::uint64_t> delivered_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> given_up_{0};
  KafkaProducer producer_;  // last: it reports until it is gone
};

}  // namespace

std::unique_ptr<Sink> make_kafka_sink(const SinkConfig& config, const SinkContext& context) {
  return std::make_unique<KafkaSink>(config, context);
}

}  // namespace spanflow
