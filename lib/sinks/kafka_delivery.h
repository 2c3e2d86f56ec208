// Delivers messages to Kafka, through a spool if one is configured. Counts the outcome of every message exactly once.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "sinks/kafka_producer.h"
#include "sinks/sink.h"
#include "spool/spool.h"

namespace spanflow {

// Without a spool, messages go directly to the producer. With SpoolMode::kAlways, all messages go through the spool.
// With SpoolMode::kOnFailure, messages go directly to the producer until the producer is full or the brokers fail.
// Undelivered messages and all later messages then go through the spool, until the spool is empty and the brokers work.
// One thread calls all functions; only settled() is thread-safe.
class KafkaDelivery {
 public:
  struct Options {
    std::string name;  // name of the sink, for log messages and errors
    SpoolOptions spool;
    // Longest wait for confirmations at the end of a run. If the run is not live, also the longest outage.
    std::chrono::milliseconds patience;
    bool live;  // see SinkContext::live
  };

  // Throws ConfigError for bad properties, RunError if the spool cannot be opened.
  KafkaDelivery(const KafkaProperties& properties, const std::string& topic, Options options,
                const std::atomic<bool>& abandon);

  // An empty key means no key. Without a spool, waits for room in the producer. With a spool, waits only if the run is
  // not live and the brokers work. A message without room goes to the spool, or is given up if there is no spool.
  void send(std::string_view key, std::string_view value);
  // Moves messages between spool and producer. The caller must call it regularly. Throws RunError if the spool cannot
  // be read. Without a spool, throws RunError if the run is not live and an outage lasts longer than the patience.
  void poll();
  // Waits until all messages are settled, at most as long as the patience. Throws RunError if it gives messages up.
  void finish();
  Settled settled() const;  // thread-safe

 private:
  using Clock = std::chrono::steady_clock;

  bool is_troubled() const { return !producer_.trouble().text.empty(); }
  bool is_hopeless() const;
  bool may_wait() const;
  std::string complaint() const;
  void keep(std::string_view key, std::string_view value);
  void recall();
  void replay();
  void wait_for_spool();
  void send_the_rest();
  void leave_the_rest();

  // The producer calls settle() and tell() on its own thread. Exception: if librdkafka refuses a message at once,
  // produce() calls settle() on the caller's thread.
  void settle(const KafkaProducer::Message& message, KafkaProducer::Outcome outcome);
  void settle_direct(const KafkaProducer::Message& message, KafkaProducer::Outcome outcome);
  void settle_spooled(std::uint64_t position, KafkaProducer::Outcome outcome);
  void append(std::string_view key, std::string_view value);
  void tell(const std::string& trouble) const;

  const Options options_;
  const std::atomic<bool>& abandon_;
  bool spooling_;                          // true if new messages go to the spool
  std::optional<SpooledRecord> replayed_;  // record read from the spool that waits for room in the producer

  std::atomic<std::uint64_t> direct_{0};     // messages in flight that are not in the spool
  std::atomic<std::uint64_t> delivered_{0};  // delivered_ and refused_ count only messages that were not in the spool
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> spooled_refused_{0};  // refused messages that the spool counts as acknowledged
  std::atomic<std::uint64_t> given_up_{0};
  std::optional<Spool> spool_;
  KafkaProducer producer_;  // last member, so it is destroyed first: its thread uses the other members
};

}  // namespace spanflow
