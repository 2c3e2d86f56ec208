// Messages to one topic of Apache Kafka, through librdkafka, whose types stay in kafka_producer.cc.
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

using KafkaProperties = std::vector<std::pair<std::string, std::string>>;  // the last of a name holds

// What is wrong with a property as a user may give it, or empty.
std::string kafka_property_error(const std::string& name, const std::string& value);

// Every message that was taken is reported once: as delivered when the broker has confirmed it, as refused if it never
// will take it, as given up by give_up(). All else (no broker, no such topic, no permission, a fatal error of the
// idempotent producer, for which librdkafka's producer is made anew) is waited out, and the message sent again, so one
// may arrive twice. A thread of its own reports. The other functions are for one thread, but trouble().
class KafkaProducer {
 public:
  enum class Outcome : std::uint8_t { kDelivered, kRefused, kGivenUp };
  struct Message {
    std::string_view key;  // empty: none
    std::string_view value;
    std::uint64_t number;  // the caller's own
  };
  // The message holds for the time of the call. Must not call the producer.
  using Report = std::function<void(const Message&, Outcome)>;
  // Something that keeps messages from being delivered has begun or, with an empty text, ended. As for Report.
  using Notice = std::function<void(const std::string& trouble)>;

  struct Trouble {
    std::string text;  // empty: none
    std::chrono::steady_clock::time_point since;
  };

  // Does not wait for a broker. Throws ConfigError if the properties contradict each other.
  KafkaProducer(KafkaProperties properties, std::string topic, Report report, Notice notice);
  ~KafkaProducer();  // gives up what is in flight
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  // Takes a copy of the octets. False while there is no room.
  bool produce(const Message& message);
  void wait_for_room(std::chrono::milliseconds time);
  // Sends what waits to be sent without delay. False if not all has been reported within the time.
  bool flush(std::chrono::milliseconds time);
  // Reports what is in flight as given up, if it is not known to have arrived. What was under way may yet arrive.
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

  // Of the producer's thread.
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

  std::atomic<std::uint64_t> in_flight_{0};  // taken, and not reported yet
  std::atomic<bool> flushing_{false};
  std::atomic<bool> giving_up_{false};
  std::atomic<bool> ended_{false};

  // The producer's thread's.
  std::deque<KeptMessage> again_;  // to be sent again, in order
  std::chrono::steady_clock::time_point again_at_;
  std::chrono::steady_clock::time_point idle_at_;  // when nothing was in flight last
  std::string last_error_;                         // what librdkafka last said of a broker
  bool unreachable_ = false;                       // no broker is connected; for want of messages it may be
  bool troubled_ = false;
  bool fatal_ = false;  // the client is of no use any more

  mutable std::mutex mutex_;  // of what follows
  std::condition_variable changed_;
  std::unique_ptr<Client> client_;
  bool has_room_ = true;  // false from a full queue, or messages to be sent again, until the next reports
  Trouble trouble_;

  std::thread thread_;
};

}  // namespace spanflow
