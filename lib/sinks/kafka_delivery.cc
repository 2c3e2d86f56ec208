#include "sinks/kafka_delivery.h"

#include <fmt/format.h>

#include <cstring>

#include "base/error.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

// Message::number of a message that is not in the spool. The number of a spooled message is its spool position.
constexpr std::uint64_t kDirect = ~std::uint64_t{0};

// Format of a spooled record: length of the key (2 octets, little endian), key, value.
using KeyLength = std::uint16_t;

KafkaProducer::Message message_of(const SpooledRecord& record) {
  KeyLength length = 0;
  if (record.payload.size() < sizeof(length)) return {{}, record.payload, record.position};
  std::memcpy(&length, record.payload.data(), sizeof(length));
  const std::string_view rest = record.payload.substr(sizeof(length));
  return {rest.substr(0, length), rest.substr(std::min<std::size_t>(length, rest.size())), record.position};
}

}  // namespace

KafkaDelivery::KafkaDelivery(const KafkaProperties& properties, const std::string& topic, Options options,
                             const std::atomic<bool>& abandon)
    : options_(std::move(options)),
      abandon_(abandon),
      producer_(
          properties, topic, [this](const auto& message, auto outcome) { settle(message, outcome); },
          [this](const std::string& trouble) { tell(trouble); }) {
  if (!options_.spool.path.empty()) spool_.emplace(options_.spool);
  spooling_ = spool_ && (options_.spool.mode == SpoolMode::kAlways || spool_->ledger().waiting > 0);
}

void KafkaDelivery::send(std::string_view key, std::string_view value) {
  if (spooling_) return append(key, value);
  ++direct_;
  while (!producer_.produce({key, value, kDirect})) {
    if (!may_wait()) {
      --direct_;
      return keep(key, value);
    }
    producer_.wait_for_room(kAbandonCheck);
  }
}

// True if send() may wait for the brokers. While send() waits, later records wait in the sink's queue.
bool KafkaDelivery::may_wait() const {
  if (abandon_ || is_hopeless()) return false;
  return !spool_ || !(options_.live || is_troubled());
}

// Puts the message into the spool, or gives it up if there is no spool.
void KafkaDelivery::keep(std::string_view key, std::string_view value) {
  if (!spool_) {
    ++given_up_;
    return;
  }
  append(key, value);
  spooling_ = true;
}

void KafkaDelivery::append(std::string_view key, std::string_view value) {
  const auto length = static_cast<KeyLength>(key.size());
  std::string payload(reinterpret_cast<const char*>(&length), sizeof(length));
  payload.append(key).append(value);
  spool_->append(payload);
}

void KafkaDelivery::poll() {
  if (!spool_) {
    if (is_hopeless()) throw RunError(complaint());
    return;
  }
  spool_->flush();
  if (direct_ > 0 && is_troubled()) recall();
  replay();
  if (!options_.live) wait_for_spool();
  const bool done = options_.spool.mode == SpoolMode::kOnFailure && !is_troubled() && spool_->ledger().waiting == 0;
  if (done) spooling_ = false;
}

// Moves the messages that are only in memory to the spool, because an outage may last longer than this process.
void KafkaDelivery::recall() {
  spooling_ = true;
  producer_.give_up();
  spool_->flush();
  replayed_.reset();
  spool_->rewind();
}

void KafkaDelivery::replay() {
  if (!replayed_) replayed_ = spool_->next();
  while (replayed_ && producer_.produce(message_of(*replayed_))) replayed_ = spool_->next();
}

// A run that is not live waits while the spool is more than half full. Otherwise the spool would drop its oldest
// records when it is full.
void KafkaDelivery::wait_for_spool() {
  while (spool_->ledger().octets > options_.spool.max_bytes / 2 && !abandon_ && !is_hopeless()) {
    producer_.wait_for_room(kAbandonCheck);
    replay();
  }
}

// True if the run is not live and an outage has lasted as long as the patience. A live run waits until the outage ends.
bool KafkaDelivery::is_hopeless() const {
  if (options_.live) return false;
  const KafkaProducer::Trouble trouble = producer_.trouble();
  return !trouble.text.empty() && Clock::now() - trouble.since >= options_.patience;
}

std::string KafkaDelivery::complaint() const {
  const std::string trouble = producer_.trouble().text;
  return fmt::format("{}: {}", options_.name, trouble.empty() ? "the brokers are slow to confirm" : trouble);
}

void KafkaDelivery::finish() {
  send_the_rest();
  if (!spool_) return;
  const std::uint64_t lost = spool_->ledger().dropped[static_cast<std::size_t>(SpoolDrop::kWriteFailed)];
  if (lost > 0) {
    throw RunError(fmt::format("{}: {} records were lost, because {} could not be written", options_.name, lost,
                               options_.spool.path));
  }
}

void KafkaDelivery::send_the_rest() {
  const auto end = Clock::now() + options_.patience;
  for (;;) {
    if (spool_) poll();
    const bool settled = producer_.flush(kAbandonCheck);
    if (settled && (!spool_ || spool_->ledger().waiting == 0)) return;
    if (settled) producer_.wait_for_room(kAbandonCheck);  // then the next poll() sends more of the spool
    if (abandon_ || is_hopeless() || Clock::now() >= end) return leave_the_rest();
  }
}

// Leaves the undelivered messages in the spool. Without a spool, gives them up and throws RunError.
void KafkaDelivery::leave_the_rest() {
  const std::uint64_t before = given_up_;
  producer_.give_up();
  if (given_up_ > before) {
    throw RunError(fmt::format("{}; {} records were not delivered", complaint(), given_up_ - before));
  }
  if (!spool_) return;
  spool_->sync();
  log().warn("{}; {} records wait in {} for the next start", complaint(), spool_->ledger().waiting,
             options_.spool.path);
}

Settled KafkaDelivery::settled() const {
  Settled settled{.delivered = delivered_};
  const auto dropped = [&settled](DropReason reason) -> std::uint64_t& {
    return settled.dropped[static_cast<std::size_t>(reason)];
  };
  // Read before the spool's `acknowledged`, which includes this count: the difference below is then never negative.
  const std::uint64_t spooled_refused = spooled_refused_;
  dropped(DropReason::kWriteFailed) = refused_ + spooled_refused;
  dropped(DropReason::kStopped) = given_up_;
  if (!spool_) return settled;
  const SpoolLedger spool = spool_->ledger();
  const auto lost = [&spool](SpoolDrop reason) { return spool.dropped[static_cast<std::size_t>(reason)]; };
  settled.recovered = spool.recovered;
  settled.delivered += spool.acknowledged - spooled_refused;
  settled.spooled = spool.waiting;
  settled.spool = {.octets = spool.octets, .oldest_seconds = spool.oldest_seconds};
  dropped(DropReason::kSpoolFull) = lost(SpoolDrop::kNoSpace) + lost(SpoolDrop::kMaxBytes);
  dropped(DropReason::kSpoolDamaged) = lost(SpoolDrop::kCorrupt) + lost(SpoolDrop::kMissing) + lost(SpoolDrop::kTorn);
  dropped(DropReason::kWriteFailed) += lost(SpoolDrop::kWriteFailed);
  return settled;
}

void KafkaDelivery::settle(const KafkaProducer::Message& message, KafkaProducer::Outcome outcome) {
  if (message.number == kDirect) {
    settle_direct(message, outcome);
  } else {
    settle_spooled(message.number, outcome);
  }
}

void KafkaDelivery::settle_direct(const KafkaProducer::Message& message, KafkaProducer::Outcome outcome) {
  switch (outcome) {
    case KafkaProducer::Outcome::kDelivered:
      ++delivered_;
      break;
    case KafkaProducer::Outcome::kRefused:
      ++refused_;
      break;
    case KafkaProducer::Outcome::kGivenUp:
      if (spool_) {
        append(message.key, message.value);
      } else {
        ++given_up_;
      }
      break;
  }
  --direct_;
}

// Acknowledges the message in the spool. A message that was given up stays in the spool.
void KafkaDelivery::settle_spooled(std::uint64_t position, KafkaProducer::Outcome outcome) {
  if (outcome == KafkaProducer::Outcome::kGivenUp) return;
  const bool waited = spool_->acknowledge(position);
  if (outcome == KafkaProducer::Outcome::kRefused && waited) ++spooled_refused_;
}

void KafkaDelivery::tell(const std::string& trouble) const {
  if (trouble.empty()) {
    log().info("{}: delivery works again", options_.name);
  } else {
    log().error("{}: {}", options_.name, trouble);
  }
}

}  // namespace spanflow
