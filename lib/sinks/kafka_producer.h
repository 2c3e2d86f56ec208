// Sends messages to one topic of Apache Kafka with librdkafka. Only kafka_producer.cc includes librdkafka's header.
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

// Names and values of librdkafka properties. If a name occurs twice, the last value counts.
using KafkaProperties = std::vector<std::pair<std::string, std::string>>;

// Returns the error in a property that the user sets, or an empty text.
std::string kafka_property_error(const std::string& name, const std::string& value);

// Reports every accepted message exactly once: as kDelivered when a broker has confirmed it, as kRefused if no broker
// will ever accept it, or as kGivenUp after give_up(). After any other failure, such as no broker, no such topic or no
// permission, the producer sends the message again. The message may then arrive twice. After a fatal error of the
// idempotent producer, librdkafka's client is also replaced. Reports come from the producer's own thread; produce()
// itself reports a message that librdkafka refuses at once. All functions belong to one thread, except trouble().
class KafkaProducer {
 public:
  enum class Outcome : std::uint8_t { kDelivered, kRefused, kGivenUp };
  struct Message {
    std::string_view key;  // message key; empty: no key
    std::string_view value;
    std::uint64_t number;  // any number that the caller chooses; reports repeat it
  };
  // The message is valid only during the call. A Report must not call the producer.
  using Report = std::function<void(const Message&, Outcome)>;
  // Called with an error text when an outage begins, and with an empty text when the outage ends. A Notice must not
  // call the producer.
  using Notice = std::function<void(const std::string& trouble)>;

  struct Trouble {
    std::string text;                             // error that caused the outage; empty: no outage
    std::chrono::steady_clock::time_point since;  // begin of the outage
  };

  // Does not wait for a broker. Throws ConfigError if properties contradict each other.
  KafkaProducer(KafkaProperties properties, std::string topic, Report report, Notice notice);
  ~KafkaProducer();  // gives up the messages in flight
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  // Copies the message. Returns false if there is no room for it.
  bool produce(const Message& message);
  // Waits until produce() may have room again, but at most `time`.
  void wait_for_room(std::chrono::milliseconds time);
  // Sends queued messages without delay and waits for all reports, but at most `time`. Returns false if reports are
  // still missing.
  bool flush(std::chrono::milliseconds time);
  // Returns after all unconfirmed messages have been reported as kGivenUp. Messages that were already sent may still
  // arrive at the broker.
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

  // Called by the producer's thread. Exception: enqueue() also calls report() on the caller's thread of produce(), with
  // the mutex held.
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
  std::atomic<bool> flushing_{false};        // flushing_, giving_up_, ended_: requests to the producer's thread
  std::atomic<bool> giving_up_{false};
  std::atomic<bool> ended_{false};

  // Used by the producer's thread only.
  std::deque<KeptMessage> again_;                   // messages to send again, in order
  std::chrono::steady_clock::time_point again_at_;  // time to send them again
  std::chrono::steady_clock::time_point idle_at_;   // the last time at which no message was in flight
  std::string last_error_;                          // the last error that librdkafka reported for a broker
  bool unreachable_ = false;                        // true while no broker is connected, even if no message waits
  bool troubled_ = false;                           // true during an outage
  bool fatal_ = false;                              // true if the client must be replaced

  mutable std::mutex mutex_;  // protects the members below
  std::condition_variable changed_;
  std::unique_ptr<Client> client_;
  bool has_room_ = true;  // false after a full queue or a failure, until the producer's thread sets it again
  Trouble trouble_;

  std::thread thread_;
};

}  // namespace spanflow
