#include "streamer/record_stream.h"

#include <condition_variable>
#include <mutex>

#include "base/error.h"
#include "capture/input.h"

namespace spanflow {
namespace {

// A live run needs a long queue for the times when the caller is slow. The reader of a capture file waits instead.
constexpr std::uint64_t kLiveQueueRecords = 65'536;
constexpr std::uint64_t kQueueRecords = 8192;

}  // namespace

void set_source(const std::string& source, Config& config) {
  for (const InputType& type : input_types()) {
    if (type.configure(source, config.input)) return;
  }
  throw RunError(source + ": no such capture file, network interface or DPDK device");
}

// Passes records to the calling thread without a copy. write() returns when the calling thread has used all records.
class RecordStream::PullSink : public Sink {
 public:
  void write(std::span<const FlowRecord> records) override {
    std::unique_lock lock(mutex_);
    records_ = records;
    changed_.notify_all();
    changed_.wait(lock, [this] { return records_.empty() || closed_; });
    records_ = {};
  }
  void flush() override {}

  // See RecordStream::next().
  std::optional<std::span<const FlowRecord>> next(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    if (taken_) {
      taken_ = false;
      records_ = {};
      changed_.notify_all();
    }
    const bool changed = changed_.wait_for(lock, time, [this] { return !records_.empty() || closed_; });
    if (!changed) return std::nullopt;
    if (closed_) return std::span<const FlowRecord>{};
    taken_ = true;
    return records_;
  }

  // Makes write() and next() return.
  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::span<const FlowRecord> records_;
  bool taken_ = false;  // true: the last next() has returned records_
  bool closed_ = false;
};

RecordStream::RecordStream(Config config, const FieldNeeds& needs, const std::vector<UserMetric>& callbacks,
                           FlowObserver* observer)
    : queue_records_(spanflow::is_live(config.input) ? kLiveQueueRecords : kQueueRecords),
      pipeline_(std::move(config), pull_sinks(needs), callbacks, observer) {}

RecordStream::~RecordStream() {
  stop();
  join();
}

std::vector<NamedSink> RecordStream::pull_sinks(const FieldNeeds& needs) {
  auto sink = std::make_unique<PullSink>();
  pull_ = sink.get();
  std::vector<NamedSink> sinks;
  sinks.push_back({"streamer", std::move(sink), queue_records_, needs});
  return sinks;
}

void RecordStream::start() {
  pipeline_.start();
  supervisor_.begin();
}

void RecordStream::supervise() {
  while (!pipeline_.wait(std::chrono::milliseconds{100})) {
  }
  pipeline_.finish();
  pull_->close();
}

std::optional<std::span<const FlowRecord>> RecordStream::next(std::chrono::milliseconds time) {
  const auto records = pull_->next(time);
  if (!records || !records->empty()) return records;
  join();
  for (const std::exception_ptr& failure : pipeline_.failures()) std::rethrow_exception(failure);
  return records;
}

void RecordStream::join() { supervisor_.join(); }

void RecordStream::stop() {
  pull_->close();
  pipeline_.request_stop();
}

}  // namespace spanflow
