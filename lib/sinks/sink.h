// Where records go. A new sink is one .cc file with its class and factory, one line in sink_types() and one in
// lib/meson.build.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"
#include "spanflow/record.h"

namespace spanflow {

// Why a sink did not get a record.
enum class DropReason : std::uint8_t { kQueueFull, kWriteFailed, kStopped, kSpoolFull, kSpoolDamaged };
inline constexpr std::array<std::string_view, 5> kDropReasonNames = {"queue_full", "write_failed", "stopped",
                                                                     "spool_full", "spool_damaged"};
static_assert(kDropReasonNames.size() == static_cast<std::size_t>(DropReason::kSpoolDamaged) + 1);

// How much is in a sink's spool.
struct SpoolDepth {
  std::uint64_t octets = 0;   // of its files
  double oldest_seconds = 0;  // the oldest record that waits is there no longer than this
};

// What became of records that were written to a sink, and of those that a run before had left in its spool.
struct Settled {
  std::uint64_t recovered = 0;  // found in the spool at the start
  std::uint64_t delivered = 0;
  std::uint64_t spooled = 0;  // are there now
  std::array<std::uint64_t, kDropReasonNames.size()> dropped{};
  std::optional<SpoolDepth> spool;
};

// Used by one thread, its own. write() may buffer; what was written counts as delivered once flush() has returned.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(std::span<const FlowRecord> records) = 0;
  // Throws RunError if the target does not take the records; they stay buffered, and the next flush() tries again.
  // Called now and then also while nothing is written.
  virtual void flush() = 0;
  // Nothing more will be written: what the next flush() leaves behind is complete.
  virtual void end() {}

  // Of a sink whose target confirms records later than flush(): those settled so far, of all that were written. Of the
  // others nothing. May be called by any thread.
  virtual std::optional<Settled> settled() const { return std::nullopt; }
  // After the last write(): such a sink waits for what has not been confirmed, within bounds, and leaves the rest in
  // its spool, or else gives it up. Throws RunError if it gave up any.
  virtual void finish() {}
};

inline const std::atomic<std::uint64_t> kNoRotations{0};

struct SinkContext {
  const Config& config;
  const MetricNames& metrics;        // that every record has
  const std::atomic<bool>& abandon;  // set when the run cannot wait any longer: all calls must return or throw
  bool live = false;                 // what fails is tried again, as long as the run goes on
  // Changes when every file is to be completed, and the next one begun.
  const std::atomic<std::uint64_t>& rotations = kNoRotations;
  // Made while the run goes on, by a reload: files that are there may be of this run, and stay.
  bool reloaded = false;
};

struct SinkType {
  std::string_view name;
  std::string_view help;
  // What stands behind "TYPE:" on the command line, in messages and in the summary: how it is called, read (false if
  // the text is not of that form) and shown.
  std::string_view target_form;
  bool (*set_target)(SinkConfig&, const std::string& target);
  std::string (*target)(const SinkConfig&);
  // Throws RunError if the target cannot be opened.
  std::unique_ptr<Sink> (*make)(const SinkConfig&, const SinkContext&);
};

std::span<const SinkType> sink_types();

std::unique_ptr<Sink> make_sink(const SinkConfig& config, const SinkContext& context);

// Nothing if there is none.
const SinkType* find_sink_type(std::string_view name);

// "flows.csv", "broker:9092/flows".
std::string sink_target(const SinkConfig& config);
// "csv:flows.csv": how a sink is called in messages, in the summary and on the command line.
std::string sink_name(const SinkConfig& config);

// The factories, each in the file of its sink.
std::unique_ptr<Sink> make_jsonl_sink(const SinkConfig&, const SinkContext&);
std::unique_ptr<Sink> make_csv_sink(const SinkConfig&, const SinkContext&);
std::unique_ptr<Sink> make_ipfix_sink(const SinkConfig&, const SinkContext&);
std::unique_ptr<Sink> make_kafka_sink(const SinkConfig&, const SinkContext&);

}  // namespace spanflow
