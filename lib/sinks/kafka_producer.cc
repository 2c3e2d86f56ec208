#include "sinks/kafka_producer.h"

#include <fmt/format.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <array>
#include <bit>

#include "base/error.h"
#include "base/thread.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

constexpr int kPollMs = 100;
constexpr std::chrono::milliseconds kAgainAfter{500};  // pause before failed messages are sent again
constexpr std::chrono::seconds kOutage{1};             // time that messages wait for a broker before an outage begins
constexpr std::chrono::seconds kPurge{5};              // longest wait for librdkafka to return all messages

using Text = std::array<char, 512>;

struct ConfDeleter {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, ConfDeleter>;

// Sets a property. Returns the error, or an empty text.
std::string set(rd_kafka_conf_t* conf, const std::string& name, const std::string& value) {
  Text error{};
  if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), error.data(), error.size()) == RD_KAFKA_CONF_OK) return "";
  const std::string_view text = error.data();
  return std::string(text.substr(0, text.find_last_not_of('\n') + 1));
}

// True for errors of the message itself: no broker will ever accept this message.
bool is_of_the_message(rd_kafka_resp_err_t error) {
  switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
    case RD_KAFKA_RESP_ERR__BAD_MSG:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:  // occurs only if the user sets message.timeout.ms
      return true;
    default:
      return false;
  }
}

bool is_of_a_purge(rd_kafka_resp_err_t error) {
  return error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
         error == RD_KAFKA_RESP_ERR__FATAL;
}

std::string_view octets(const void* data, std::size_t size) { return {static_cast<const char*>(data), size}; }

}  // namespace

std::string kafka_property_error(const std::string& name, const std::string& value) {
  if (name == "delivery.report.only.error") return "must not be set: spanflow needs every delivery report";
  return set(Conf(rd_kafka_conf_new()).get(), name, value);
}

// rd_kafka_new() has failed, because the system refuses a thread, or because properties contradict each other.
[[noreturn]] void throw_refusal(const char* reason) {
  const std::string text = fmt::format("kafka: {}", reason);
  if (rd_kafka_last_error() == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE) throw RunError(text);
  throw ConfigError(text);
}

struct KafkaProducer::Client {
  explicit Client(rd_kafka_t* producer) : handle(producer) {}
  ~Client() {
    if (topic != nullptr) rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(handle);
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* handle;
  rd_kafka_topic_t* topic = nullptr;
};

KafkaProducer::KafkaProducer(KafkaProperties properties, std::string topic, Report report, Notice notice)
    : properties_(std::move(properties)),
      topic_(std::move(topic)),
      report_(std::move(report)),
      notice_(std::move(notice)),
      client_(make_client()) {
  thread_ = start_thread("kafka", [this] { run(); });
}

KafkaProducer::~KafkaProducer() {
  give_up();
  ended_ = true;
  thread_.join();
}

std::unique_ptr<KafkaProducer::Client> KafkaProducer::make_client() {
  Conf conf(rd_kafka_conf_new());
  for (const auto& [name, value] : properties_) {
    const std::string error = set(conf.get(), name, value);
    if (!error.empty()) throw ConfigError(fmt::format("kafka: {}: {}", name, error));
  }
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_dr_msg_cb(conf.get(), [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
    static_cast<KafkaProducer*>(self)->on_report(*message);
  });
  rd_kafka_conf_set_error_cb(conf.get(), [](rd_kafka_t*, int code, const char* reason, void* self) {
    static_cast<KafkaProducer*>(self)->on_error(code, reason);
  });
  // Logs librdkafka's messages at level debug, because librdkafka logs every attempt to reach a broker. spanflow itself
  // logs an outage once.
  rd_kafka_conf_set_log_cb(
      conf.get(), [](const rd_kafka_t*, int, const char*, const char* line) { log().debug("librdkafka: {}", line); });
  Text error{};
  rd_kafka_t* const handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), error.data(), error.size());
  if (handle == nullptr) throw_refusal(error.data());
  (void)conf.release();  // the handle now owns the configuration
  auto client = std::make_unique<Client>(handle);
  client->topic = rd_kafka_topic_new(handle, topic_.c_str(), nullptr);
  if (client->topic == nullptr) {
    throw ConfigError(fmt::format("kafka: topic {}: {}", topic_, rd_kafka_err2str(rd_kafka_last_error())));
  }
  return client;
}

bool KafkaProducer::produce(const Message& message) {
  const std::lock_guard lock(mutex_);
  if (!has_room_) return false;
  ++in_flight_;
  if (enqueue(message)) return true;
  --in_flight_;
  has_room_ = false;
  return false;
}

// The caller holds the mutex. Returns false if there is no room, or after a fatal error. Returns true for a message
// that no broker will accept: the message is then reported as refused.
bool KafkaProducer::enqueue(const Message& message) {
  // The cast is safe: librdkafka does not change a message that it copies.
  void* const payload = const_cast<char*>(message.value.data());
  const char* const key = message.key.empty() ? nullptr : message.key.data();
  const int result =
      rd_kafka_produce(client_->topic, RD_KAFKA_PARTITION_UA, RD_KAFKA_MSG_F_COPY, payload, message.value.size(), key,
                       message.key.size(), std::bit_cast<void*>(message.number));
  if (result == 0) return true;
  if (!is_of_the_message(rd_kafka_last_error())) return false;
  report(message, Outcome::kRefused);
  return true;
}

void KafkaProducer::wait_for_room(std::chrono::milliseconds time) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, time, [this] { return has_room_; });
}

bool KafkaProducer::flush(std::chrono::milliseconds time) {
  flushing_ = true;
  std::unique_lock lock(mutex_);
  const bool all = changed_.wait_for(lock, time, [this] { return in_flight_ == 0; });
  flushing_ = false;
  return all;
}

void KafkaProducer::give_up() {
  giving_up_ = true;
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return in_flight_ == 0; });
}

KafkaProducer::Trouble KafkaProducer::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void KafkaProducer::run() {
  while (!ended_) {
    serve();
    if (giving_up_) give_up_all();
    if (fatal_) renew_client();
    if (!again_.empty()) send_again();
    if (in_flight_ == 0) idle_at_ = std::chrono::steady_clock::now();
    if (unreachable_ && !troubled_) look_for_outage();
    const std::lock_guard lock(mutex_);
    has_room_ = again_.empty() && !fatal_;
    changed_.notify_all();
  }
}

// Lets librdkafka call its callbacks, for up to kPollMs. If no message is queued, rd_kafka_flush() returns at once, and
// calling it in a loop would keep librdkafka's threads busy.
void KafkaProducer::serve() {
  if (flushing_ && rd_kafka_outq_len(client_->handle) > 0) {
    rd_kafka_flush(client_->handle, kPollMs);
  } else {
    rd_kafka_poll(client_->handle, kPollMs);
  }
}

void KafkaProducer::on_report(const rd_kafka_message_t& told) {
  const Message message{octets(told.key, told.key_len), octets(told.payload, told.len),
                        std::bit_cast<std::uint64_t>(told._private)};
  if (told.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    unreachable_ = false;
    if (troubled_) note_trouble("");
    return report(message, Outcome::kDelivered);
  }
  if (is_of_the_message(told.err)) return report(message, Outcome::kRefused);
  if (again_.empty()) again_at_ = std::chrono::steady_clock::now() + kAgainAfter;
  again_.push_back({std::string(message.key), std::string(message.value), message.number});
  if (!is_of_a_purge(told.err)) note_trouble(fmt::format("topic {}: {}", topic_, rd_kafka_err2str(told.err)));
}

void KafkaProducer::on_error(int code, const char* reason) {
  Text text{};
  switch (code) {
    case RD_KAFKA_RESP_ERR__FATAL:
      rd_kafka_fatal_error(client_->handle, text.data(), text.size());
      fatal_ = true;
      return note_trouble(text.data());
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      unreachable_ = true;
      return;
    default:
      last_error_ = reason;
      // librdkafka ends the text with its state and a count of errors, in brackets. The text is cut before the bracket.
      last_error_.resize(std::min(last_error_.size(), last_error_.find(" (after ")));
  }
}

// Brokers close idle connections. A lost connection is therefore an outage only if messages have waited for kOutage.
void KafkaProducer::look_for_outage() {
  if (std::chrono::steady_clock::now() - idle_at_ < kOutage) return;
  note_trouble("no broker can be reached" + (last_error_.empty() ? "" : ": " + last_error_));
}

void KafkaProducer::report(const Message& message, Outcome outcome) {
  report_(message, outcome);
  --in_flight_;
}

void KafkaProducer::note_trouble(const std::string& text) {
  const bool troubled = !text.empty();
  if (troubled == troubled_) return;  // report only the first error of an outage
  troubled_ = troubled;
  {
    const std::lock_guard lock(mutex_);
    trouble_ = {text, std::chrono::steady_clock::now()};
  }
  notice_(text);
}

// Sends failed messages again, in the order in which they failed. No new message is accepted before them.
void KafkaProducer::send_again() {
  const std::lock_guard lock(mutex_);
  has_room_ = false;
  if (std::chrono::steady_clock::now() < again_at_) return;
  while (!again_.empty() && enqueue({again_.front().key, again_.front().value, again_.front().number})) {
    again_.pop_front();
  }
}

// After a fatal error the client is unusable. Takes all messages back from the client and makes a new client, which
// sends the messages again. Messages that were in flight may arrive twice.
void KafkaProducer::renew_client() {
  {
    const std::lock_guard lock(mutex_);
    has_room_ = false;
  }
  purge();
  try {
    auto renewed = make_client();
    const std::lock_guard lock(mutex_);
    client_ = std::move(renewed);
    fatal_ = false;
  } catch (const std::runtime_error& error) {  // ConfigError or RunError
    // For example, the file of a certificate is missing, or the system refuses a thread. run() calls this function
    // again.
    log().debug("{}", error.what());
  }
}

// Makes librdkafka return all unconfirmed messages. on_report() receives these messages and adds them to again_.
void KafkaProducer::purge() {
  rd_kafka_purge(client_->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  const auto end = std::chrono::steady_clock::now() + kPurge;
  while (rd_kafka_outq_len(client_->handle) > 0 && std::chrono::steady_clock::now() < end) {
    rd_kafka_poll(client_->handle, kPollMs);
  }
}

// Reports all unconfirmed messages as kGivenUp. Sets fatal_, because the purged client must be replaced: the sequence
// numbers of its idempotent producer have a gap now.
void KafkaProducer::give_up_all() {
  {
    const std::lock_guard lock(mutex_);
    has_room_ = false;
  }
  purge();
  for (const KeptMessage& message : again_) report({message.key, message.value, message.number}, Outcome::kGivenUp);
  again_.clear();
  fatal_ = true;
  giving_up_ = in_flight_ > 0;
}

}  // namespace spanflow
