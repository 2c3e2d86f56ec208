#include "spanflow/streamer.h"

#include <condition_variable>
#include <mutex>
#include <ostream>
#include <span>
#include <stdexcept>
#include <thread>

#include "base/error.h"
#include "capture/input.h"
#include "options/loader.h"
#include "pipeline/pipeline.h"
#include "sinks/field_selection.h"
#include "sinks/record_text.h"

namespace spanflow {
namespace {

// Passes records to the iterating thread without a copy. write() returns when the iterating thread has used all
// records.
class PullSink : public Sink {
 public:
  void write(std::span<const FlowRecord> records) override {
    std::unique_lock lock(mutex_);
    records_ = records;
    changed_.notify_all();
    changed_.wait(lock, [this] { return records_.empty() || closed_; });
    records_ = {};
  }
  void flush() override {}

  // Returns the next record, which is valid until the next call. Returns nullptr at the end.
  const FlowRecord* next() {
    std::unique_lock lock(mutex_);
    if (taken_ > 0 && taken_ == records_.size()) {
      records_ = {};
      taken_ = 0;
      changed_.notify_all();
    }
    changed_.wait(lock, [this] { return !records_.empty() || closed_; });
    return closed_ ? nullptr : &records_[taken_++];
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
  std::size_t taken_ = 0;
  bool closed_ = false;
};

void set_source(const std::string& source, Config& config) {
  for (const InputType& type : input_types()) {
    if (type.configure(source, config.input)) return;
  }
  throw RunError(source + ": no such capture file, network interface or DPDK device");
}

Config config_from(const StreamerOptions& options) {
  Config config;
  set_source(options.source, config);
  config.flow.capacity = options.capacity;
  config.flow.active_timeout = options.active_timeout;
  config.flow.inactive_timeout = options.inactive_timeout;
  config.workers = options.workers;
  for (const std::string& setting : options.settings) apply_setting(setting, config);
  return config;
}

}  // namespace

struct Streamer::Impl {
  explicit Impl(const StreamerOptions& options) : pipeline(config_from(options), pull_sinks(), options.user_metrics) {}

  ~Impl() {
    pull->close();
    pipeline.request_stop();
    if (supervisor.joinable()) supervisor.join();
  }

  std::vector<NamedSink> pull_sinks() {
    constexpr std::uint64_t kQueueRecords = 65'536;
    auto sink = std::make_unique<PullSink>();
    pull = sink.get();
    std::vector<NamedSink> sinks;
    sinks.push_back({"streamer", std::move(sink), kQueueRecords});
    return sinks;
  }

  // Starts the pipeline. Also starts a thread that waits for the end of the pipeline while the caller iterates.
  void start() {
    if (started) throw std::logic_error("a Streamer can be iterated only once");
    started = true;
    pipeline.start();
    supervisor = std::thread([this] {
      while (!pipeline.wait(std::chrono::milliseconds{100})) {
      }
      pipeline.finish();
      pull->close();
    });
  }

  // Returns the next record. At the end, throws the pipeline's first failure, or returns nullptr if there was no
  // failure.
  const FlowRecord* next() {
    const FlowRecord* record = pull->next();
    if (record != nullptr) return record;
    supervisor.join();
    for (const std::exception_ptr& failure : pipeline.failures()) std::rethrow_exception(failure);
    return nullptr;
  }

  PullSink* pull = nullptr;  // owned by the pipeline
  Pipeline pipeline;
  std::thread supervisor;
  bool started = false;
};

Streamer::Streamer(const StreamerOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Streamer::~Streamer() = default;
Streamer::Streamer(Streamer&&) noexcept = default;
Streamer& Streamer::operator=(Streamer&&) noexcept = default;

Streamer::Iterator Streamer::begin() {
  impl_->start();
  return ++Iterator{*this};
}

Streamer::Iterator& Streamer::Iterator::operator++() {
  record_ = streamer_->impl_->next();
  return *this;
}

std::string to_string(const IpAddress& address, unsigned ip_version) {
  TextBuffer text;
  append_address(TextWriter(text), address, ip_version).finish();
  return std::string(text.view());
}

int export_reason(EndReason reason) {
  switch (reason) {
    case EndReason::kInactive:
      return 0;
    case EndReason::kActive:
      return 1;
    case EndReason::kClosed:
    case EndReason::kCaptureEnd:
      return 2;
    case EndReason::kEvicted:
      return 3;
    case EndReason::kPlugin:
      return 4;
  }
  return -1;
}

int flow_end_reason(EndReason reason) {
  switch (reason) {
    case EndReason::kInactive:
      return 1;
    case EndReason::kActive:
      return 2;
    case EndReason::kClosed:
      return 3;
    case EndReason::kCaptureEnd:
      return 4;
    case EndReason::kEvicted:
      return 5;
    case EndReason::kPlugin:
      return 4;
  }
  return -1;
}

std::ostream& operator<<(std::ostream& out, const FlowRecord& record) {
  static const std::vector<const Field*> selected = [] {
    Config everything;               // selects the fields of all features, because JSON omits fields without a value
    everything.input.files = {"-"};  // a file, so that fields of live runs are left out
    everything.features = {.statistics = true, .splt = 1, .tcp = true};
    return select_fields(std::vector<std::string>{"full"}, everything);
  }();
  TextBuffer text;
  append_json(TextWriter(text), record, selected).finish();
  return out.write(text.data(), static_cast<std::streamsize>(text.size()));
}

}  // namespace spanflow
