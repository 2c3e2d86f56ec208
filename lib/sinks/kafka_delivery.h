// Messages on their way to Kafka, by a spool if there is one, and where each of them is.
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

// Without a spool, and with one as long as all goes well (SpoolMode::kOnFailure), messages go straight to the producer.
// What it has no room for, and in an outage also what it had not delivered, goes into the spool, and all that follows,
// until everything in there has arrived. One thread, but settled().
class KafkaDelivery {
 public:
  struct Options {
    std::string name;  // for messages to the user
    SpoolOptions spool;
    std::chrono::milliseconds patience;  // with brokers at the end; with an outage, if the run is not live
    bool live;
  };

  // Throws ConfigError of the properties, RunError of the spool.
  KafkaDelivery(const KafkaProperties& properties, const std::string& topic, Options options,
                const std::atomic<bool>& abandon);

  // An empty key is none. Waits for room only in a run that is not live.
  void send(std::string_view key, std::string_view value);
  // To be called now and then. Throws RunError if nobody will repair what is wrong, or the spool cannot be read.
  void poll();
  // Waits for what is under way, within bounds. Throws RunError if messages are given up.
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

  // On the producer's thread.
  void settle(const KafkaProducer::Message& message, KafkaProducer::Outcome outcome);
  void settle_direct(const KafkaProducer::Message& message, KafkaProducer::Outcome outcome);
  void settle_spooled(std::uint64_t position, KafkaProducer::Outcome outcome);
  void append(std::string_view key, std::string_view value);
  void tell(const std::string& trouble) const;

  const Options options_;
  const std::atomic<bool>& abandon_;
  bool spooling_;                          // new messages go into the spool
  std::optional<SpooledRecord> replayed_;  // the producer had no room for it

  std::atomic<std::uint64_t> direct_{0};  // in flight, and in no spool
  std::atomic<std::uint64_t> delivered_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> spooled_refused_{0};  // acknowledged to the spool, that is
  std::atomic<std::uint64_t> given_up_{0};
  std::optional<Spool> spool_;
  KafkaProducer producer_;  // last: it reports until it is gone
};

}  // namespace spanflow
