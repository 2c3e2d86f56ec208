#include "spanflow/streamer.h"

#include <ostream>
#include <span>
#include <stdexcept>

#include "options/loader.h"
#include "sinks/field_selection.h"
#include "sinks/record_text.h"
#include "streamer/record_stream.h"

namespace spanflow {
namespace {

Config config_from(const StreamerOptions& options) {
  Config config;
  set_source(options.source, config);
  config.flow.capacity = options.capacity;
  config.flow.active_timeout = options.active_timeout;
  config.flow.inactive_timeout = options.inactive_timeout;
  config.workers = options.workers;
  for (const std::string& setting : options.settings) apply_setting(setting, config);
  check_for_program(config);
  return config;
}

}  // namespace

struct Streamer::Impl {
  explicit Impl(const StreamerOptions& options)
      : stream(config_from(options), FieldNeeds::all(), options.user_metrics) {}

  void start() {
    if (started) throw std::logic_error("a Streamer can be iterated only once");
    started = true;
    stream.start();
  }

  // Returns the next record, and nullptr at the end.
  const FlowRecord* next() {
    constexpr std::chrono::milliseconds kPatience{100};
    if (records.empty()) {
      std::optional<std::span<const FlowRecord>> more;
      while (!more) more = stream.next(kPatience);
      records = *more;
    }
    if (records.empty()) return nullptr;
    const FlowRecord* record = &records.front();
    records = records.subspan(1);
    return record;
  }

  RecordStream stream;
  std::span<const FlowRecord> records;  // the records of the last batch that next() has not returned
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
