// Delivers messages to Kafka, through a spool if there is one, and counts every message in one outcome.
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

// Without a spool, messages go directly to the producer. With SpoolMode::kOnFailure they also do, until the producer is
// full or the brokers fail. Then undelivered messages and all later ones go through the spool, until the spool is
// empty. Used by one thread, except settled().
class KafkaDelivery {
 public:
  struct Options {
    std::string name;  // name of the sink, for log messages and errors
    SpoolOptions spool;
    std::chrono::milliseconds patience;  // limit for confirmations at the end of a run, and for an outage if not live
    bool live;
  };

  // Throws ConfigError for bad properties, RunError if the spool cannot be opened.
  KafkaDelivery(const KafkaProperties& properties, const std::string& topic, Options options,
                const std::atomic<bool>& abandon);

  // An empty key means no key. Waits for room only if the run is not live.
  void send(std::string_view key, std::string_view value);
  // Moves messages between spool and producer; call it regularly. Throws RunError if the run is not live and the outage
  // exceeds the patience, or if the spool cannot be read.
  void poll();
  // Waits for messages in flight, within bounds. Throws RunError if messages are given up.
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
  void leave_the_rest();

  // Called on the producer's thread.
  void settle(const KafkaProducer::Message& message, KafkaProducer::Outcome outcome);
  void settle_direct(const KafkaProducer::Message& message, KafkaProducer::Outcome outcome);
  void settle_spooled(std::uint64_t position, KafkaProducer::Outcome outcome);
  void append(std::string_view key, std::string_view value);
  void tell(const std::string& trouble) const;

  const Options options_;
  const std::atomic<bool>& abandon_;
  bool spooling_;                          // true if new messages go to the spool
  std::optional<SpooledRecord> replayed_;  // read from the spool; waits for room in the producer

  std::atomic<std::uint64_t> direct_{0};  // messages in flight that are not in the spool
  std::atomic<std::uint64_t> delivered_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> spooled_refused_{0};  // spooled messages that were refused, and therefore acknowledged
  std::atomic<std::uint64_t> given_up_{0};
  std::optional<Spool> spool_;
  KafkaProducer producer_;  // last member: its thread uses the others until it is destroyed
};

}  // namespace spanflow
