// Sinks: they write records to a target. A new type of sink needs one .cc file (its settings, its options, its class),
// one line in sink.cc and one line in lib/meson.build.
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
  std::uint64_t octets = 0;   // octets in the spool's files and in its write buffer
  double oldest_seconds = 0;  // upper bound for the age of the oldest waiting record; 0: no record waits
};

// Counts of a sink's records by outcome. They include the records passed to write() and the records that an earlier run
// left in the spool. A record whose outcome is not known yet is in no count.
struct Settled {
  std::uint64_t recovered = 0;  // records found in the spool at the start
  std::uint64_t delivered = 0;
  std::uint64_t spooled = 0;                                     // records in the spool now
  std::array<std::uint64_t, kDropReasonNames.size()> dropped{};  // index: DropReason
  std::optional<SpoolDepth> spool;                               // nullopt: the sink has no spool
};

// Only the thread of the sink's SinkRunner calls these functions, except settled(). write() may buffer records: they
// count as delivered after the next flush() has returned.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void write(std::span<const FlowRecord> records) = 0;
  // Throws RunError if the target does not accept the records. The records stay buffered, and the next flush() tries
  // again. The SinkRunner also calls flush() from time to time while no new records come.
  virtual void flush() = 0;
  // Called after the last write(). The next flush() then completes the output.
  virtual void end() {}

  // Returns the number of records that counted as delivered and were lost since the last call, because somebody removed
  // the file that they were in.
  virtual std::uint64_t take_lost() { return 0; }

  // For a sink whose target confirms records some time after flush(): returns the counts so far. Other sinks return
  // nullopt. Thread-safe.
  virtual std::optional<Settled> settled() const { return std::nullopt; }
  // Called after the last flush(). A sink with settled() waits a limited time for confirmations. It then leaves the
  // unconfirmed records in its spool. Without a spool, it gives them up and throws RunError.
  virtual void finish() {}
};

inline const std::atomic<std::uint64_t> kNoRotations{0};

// Longest time between two checks of SinkContext::abandon while a sink waits.
inline constexpr std::chrono::milliseconds kAbandonCheck{50};

struct SinkContext {
  const Config& config;
  const MetricNames& metrics;        // names of the user's metrics, which every record has
  const std::atomic<bool>& abandon;  // true: the sink must not wait any longer; all its calls return or throw soon
  bool live = false;                 // true for a live run: a failed flush() is retried until the run ends
  // The value changes when every sink must complete its file and begin the next file.
  const std::atomic<std::uint64_t>& rotations = kNoRotations;
  // True if a reload made the sink. Existing files may then belong to this run, so the sink must not replace them.
  bool reloaded = false;
};

// The places that a sink writes to. Two sinks must not use the same place at the same time.
struct SinkPlaces {
  std::string target;  // "flows.csv" or "broker:9092/flows", for example
  std::string spool;   // folder of the spool; empty: no spool
};

struct SinkType {
  std::string_view name;
  std::string_view help;
  std::string_view target_form;  // form of the text after "TYPE:" on the command line, such as "PATH"
  std::vector<Setting> options;  // options of this type, besides the options that all types have
  // If this build has no such sink: the error for a configuration that names the type. The members below are then null.
  std::string_view absence;
  // Returns the error in the combination of the settings, or an empty text.
  std::string (*complaint)(const SinkSettings&);
  // Parses the text after "TYPE:" on the command line. Returns nullopt if the text does not have the form target_form.
  std::optional<SinkSettings> (*from_target)(const std::string& target);
  SinkPlaces (*places)(const SinkSettings&);
  // Makes the sink. Throws RunError if the target cannot be opened, and ConfigError if the settings do not suit the
  // target.
  std::unique_ptr<Sink> (*make)(const SinkConfig&, const SinkContext&);
};

std::span<const SinkType> sink_types();

std::unique_ptr<Sink> make_sink(const SinkConfig& config, const SinkContext& context);

// Returns nullptr if no type has this name.
const SinkType* find_sink_type(std::string_view name);
// Returns the type that the configuration names. Throws ConfigError if no type has this name, or if this build has no
// such sink.
const SinkType& sink_type(const SinkConfig& config);

SinkPlaces places_of(const SinkConfig& config);
// True if the two sinks would use the same place.
bool exclude_each_other(const SinkConfig& a, const SinkConfig& b);
// The sink's name in messages, in the summary and on the command line: "csv:flows.csv".
std::string sink_name(const SinkConfig& config);

}  // namespace spanflow
