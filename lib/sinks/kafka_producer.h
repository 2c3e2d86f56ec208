// Sends messages to one topic of Apache Kafka with librdkafka, whose types stay in kafka_producer.cc.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

struct rd_kafka_s;
struct rd_kafka_topic_s;
struct rd_kafka_message_s;

namespace spanflow {

// If a name occurs twice, the last value counts.
using KafkaProperties = std::vector<std::pair<std::string, std::string>>;

// The error in a property that a user gives, or empty.
std::string kafka_property_error(const std::string& name, const std::string& value);

// Every accepted message is reported exactly once: as delivered when a broker has confirmed it, as refused if no broker
// will ever accept it, or as given up by give_up(). After any other failure (no broker, no such topic, no permission, a
// fatal error of the idempotent producer, which gets replaced) the message is sent again, so it may arrive twice.
// Reports come from the producer's own thread. All functions belong to one thread, except trouble().
class KafkaProducer {
 public:
  enum class Outcome : std::uint8_t { kDelivered, kRefused, kGivenUp };
  struct Message {
    std::string_view key;  // message key; empty: no key
    std::string_view value;
    std::uint64_t number;  // a number that the caller chooses
  };
  // The message is valid during the call only. A Report must not call the producer.
  using Report = std::function<void(const Message&, Outcome)>;
  // Called when an outage of delivery begins or, with an empty text, ends. The rules of Report apply.
  using Notice = std::function<void(const std::string& trouble)>;

  struct Trouble {
    std::string text;  // error that caused the outage; empty: no outage
    std::chrono::steady_clock::time_point since;
  };

  // Does not wait for a broker. Throws ConfigError if properties contradict each other.
  KafkaProducer(KafkaProperties properties, std::string topic, Report report, Notice notice);
  ~KafkaProducer();  // gives up the messages in flight
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  // Copies the message. False if there is no room.
  bool produce(const Message& message);
  void wait_for_room(std::chrono::milliseconds time);
  // Sends queued messages without delay. False if some are not reported within the time.
  bool flush(std::chrono::milliseconds time);
  // Reports all unconfirmed messages as given up. A message that was already sent may still arrive.
  void give_up();
  Trouble trouble() const;

 private:
  struct Client;  // librdkafka's producer and topic
  struct KeptMessage {
    std::string key;
    std::string value;
    std::uint64_t number;
  };

  std::unique_ptr<Client> make_client();
  bool enqueue(const Message& message);

  // Called by the producer's thread.
  void run();
  void serve();
  void send_again();
  void renew_client();
  void purge();
  void give_up_all();
  void look_for_outage();
  void note_trouble(const std::string& text);
  void on_report(const rd_kafka_message_s& message);
  void on_error(int code, const char* reason);
  void report(const Message& message, Outcome outcome);

  const KafkaProperties properties_;
  const std::string topic_;
  const Report report_;
  const Notice notice_;

  std::atomic<std::uint64_t> in_flight_{0};  // messages accepted and not reported yet
  std::atomic<bool> flushing_{false};
  std::atomic<bool> giving_up_{false};
  std::atomic<bool> ended_{false};

  // Used by the producer's thread only.
  std::deque<KeptMessage> again_;  // messages to send again, in order
  std::chrono::steady_clock::time_point again_at_;
  std::chrono::steady_clock::time_point idle_at_;  // the last time that no message was in flight
  std::string last_error_;                         // the last error that librdkafka reported for a broker
  bool unreachable_ = false;  // true while no broker is connected, also if there is nothing to send
  bool troubled_ = false;
  bool fatal_ = false;  // true if the client must be replaced

  mutable std::mutex mutex_;  // protects the members below
  std::condition_variable changed_;
  std::unique_ptr<Client> client_;
  bool has_room_ = true;  // false after a full queue or a failure, until the next reports
  Trouble trouble_;

  std::thread thread_;
};

}  // namespace spanflow
