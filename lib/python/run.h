// A run of a Python Streamer.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "python/user_code.h"
#include "streamer/record_stream.h"

namespace spanflow::python {

// Flows have nfstream's attributes, and follow its rules that spanflowd has no options for: a flow ends with an active
// timeout, so the next packet opens another one.
struct NfstreamRules {
  std::uint64_t idle_timeout = 120;  // in s, as is active_timeout. 0: each packet is a flow
  std::uint64_t active_timeout = 1800;
  std::uint64_t splt = 0;  // number of first packets that are kept
  bool has_tunnel_column = true;
};

struct RunOptions {
  std::vector<std::string> sources;                           // capture files, or one interface or DPDK device
  std::string config_file;                                    // YAML; empty: none
  std::vector<std::pair<std::string, std::string>> settings;  // names and values of options; a value is YAML
  std::optional<NfstreamRules> nfstream;
  bool every_field = true;  // false: only the selected fields have values
  std::vector<PythonMetric> metrics;
  std::vector<PythonPlugin> plugins;
  pybind11::object new_udps = pybind11::none();
};

// Owns a pipeline and the user's functions. All functions are called with the GIL and let it go while they wait, except
// next(), which is called without it.
class Run {
 public:
  // Opens the input and starts the capture.
  explicit Run(RunOptions options);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  const std::shared_ptr<const Shape>& shape() const { return shape_; }
  const MetricNames& metrics() const { return metrics_; }

  // See RecordStream::next(). No records after close().
  std::optional<std::span<const FlowRecord>> next(std::chrono::milliseconds time);
  // See UserCode::flow_of().
  PyObject* flow_of(const FlowRecord& record) { return code_->flow_of(record); }
  // Ends the capture. next() gives the records of all open flows, then no records.
  void end_input();
  // Stops the capture and waits until all threads have ended. Further calls do nothing.
  void close();

  // The ledgers as JSON; of the end of the run after close().
  std::string summary();
  // The share of the input that has been read, from 0 to 1; negative if it is unknown.
  double progress();

 private:
  std::shared_ptr<const Shape> shape_;
  MetricNames metrics_;
  std::unique_ptr<UserCode> code_;
  std::mutex reading_;  // held by next()
  std::mutex mutex_;    // guards stream_ against close()
  std::optional<RecordStream> stream_;
  std::string last_summary_;
};

// Reads and checks the options and the names of metrics, but opens no input. Throws ConfigError or RunError.
void check(const RunOptions& options);

// Closes all runs of the process, before Python ends.
void close_all_runs();

}  // namespace spanflow::python
