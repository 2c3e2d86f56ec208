// Where records go. A new sink is one .cc file with its class and factory, one line in sink_types() and one in
// lib/meson.build.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "config/config.h"
#include "spanflow/streamer.h"

namespace spanflow {

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
};

inline const std::atomic<std::uint64_t> kNoRotations{0};

struct SinkContext {
  const Config& config;
  const MetricNames& metrics;        // that every record has
  const std::atomic<bool>& abandon;  // set when the run cannot wait any longer: flush() must return or throw
  // Changes when every file is to be completed, and the next one begun.
  const std::atomic<std::uint64_t>& rotations = kNoRotations;
};

struct SinkType {
  std::string_view name;
  std::string_view help;
  // Throws RunError if the target cannot be opened.
  std::unique_ptr<Sink> (*make)(const SinkConfig&, const SinkContext&);
};

std::span<const SinkType> sink_types();

std::unique_ptr<Sink> make_sink(const SinkConfig& config, const SinkContext& context);

// "csv:flows.csv": how a sink is called in messages, in the summary and on the command line.
std::string sink_name(const SinkConfig& config);

// The factories, each in the file of its sink.
std::unique_ptr<Sink> make_jsonl_sink(const SinkConfig&, const SinkContext&);
std::unique_ptr<Sink> make_csv_sink(const SinkConfig&, const SinkContext&);
std::unique_ptr<Sink> make_ipfix_sink(const SinkConfig&, const SinkContext&);

}  // namespace spanflow
