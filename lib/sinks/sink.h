// The targets of records. A new type of sink is one .cc file (its settings, its options, its class), one line in
// sink.cc and one in lib/meson.build.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "config/setting.h"
#include "spanflow/record.h"

namespace spanflow {

// Why a record did not reach its target.
enum class DropReason : std::uint8_t { kQueueFull, kWriteFailed, kStopped, kSpoolFull, kSpoolDamaged };
inline constexpr std::array<std::string_view, 5> kDropReasonNames = {"queue_full", "write_failed", "stopped",
                                                                     "spool_full", "spool_damaged"};
static_assert(kDropReasonNames.size() == static_cast<std::size_t>(DropReason::kSpoolDamaged) + 1);

// The fill level of a sink's spool.
struct SpoolDepth {
  std::uint64_t octets = 0;   // size of the spool's files
  double oldest_seconds = 0;  // upper bound for the age of the oldest waiting record
};

// Counts of the records that were written to a sink, and of those that an earlier run left in the sink's spool.
struct Settled {
  std::uint64_t recovered = 0;  // records found in the spool at the start
  std::uint64_t delivered = 0;
  std::uint64_t spooled = 0;  // records in the spool now
  std::array<std::uint64_t, kDropReasonNames.size()> dropped{};
  std::optional<SpoolDepth> spool;
};

// Used only by the thread of its SinkRunner. write() may buffer; records count as delivered once flush() has returned.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(std::span<const FlowRecord> records) = 0;
  // Throws RunError if the target does not accept the records. They stay buffered, and the next flush() tries again.
  // Also called from time to time while nothing is written.
  virtual void flush() = 0;
  // Called after the last write(): the next flush() completes the output.
  virtual void end() {}

  // For a sink whose target confirms records later than flush(): how many of the written records are settled so far.
  // Other sinks return nothing. Thread-safe.
  virtual std::optional<Settled> settled() const { return std::nullopt; }
  // Called after the last write(). A sink with settled() waits for confirmations, within bounds; records that remain
  // stay in its spool or are given up. Throws RunError if any were given up.
  virtual void finish() {}
};

inline const std::atomic<std::uint64_t> kNoRotations{0};

// Greatest time between two checks of `abandon` while a sink waits.
inline constexpr std::chrono::milliseconds kAbandonCheck{50};

struct SinkContext {
  const Config& config;
  const MetricNames& metrics;        // names of the user's metrics, which every record has
  const std::atomic<bool>& abandon;  // true when the run cannot wait any longer: all calls must return or throw
  bool live = false;                 // true: failed calls are retried as long as the run lasts
  // Changes when every sink must complete its file and begin the next one.
  const std::atomic<std::uint64_t>& rotations = kNoRotations;
  // True if a reload made the sink: existing files may belong to this run and must not be replaced.
  bool reloaded = false;
};

// The places that a sink writes to. Two sinks must not use the same place at the same time.
struct SinkPlaces {
  std::string target;  // the target: "flows.csv", "broker:9092/flows"
  std::string spool;   // folder of the spool; empty: no spool
};

struct SinkType {
  std::string_view name;
  std::string_view help;
  std::string_view target_form;  // the text after "TYPE:" on the command line: "PATH"
  std::vector<Setting> options;  // options that only this type has
  // The error in the settings taken together; empty: none.
  std::string (*complaint)(const SinkSettings&);
  // Parses the text after "TYPE:"; nullopt if the text does not have that form.
  std::optional<SinkSettings> (*from_target)(const std::string& target);
  SinkPlaces (*places)(const SinkSettings&);
  // Throws RunError if the target cannot be opened.
  std::unique_ptr<Sink> (*make)(const SinkConfig&, const SinkContext&);
};

std::span<const SinkType> sink_types();

std::unique_ptr<Sink> make_sink(const SinkConfig& config, const SinkContext& context);

// nullptr if there is no such type.
const SinkType* find_sink_type(std::string_view name);
// Throws ConfigError if there is no such type.
const SinkType& sink_type(const SinkConfig& config);

SinkPlaces places_of(const SinkConfig& config);
// True if both sinks would use the same place.
bool exclude_each_other(const SinkConfig& a, const SinkConfig& b);
// "csv:flows.csv": the sink's name in messages, in the summary and on the command line.
std::string sink_name(const SinkConfig& config);

}  // namespace spanflow
