#include "python/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "base/error.h"
#include "metrics/metric_set.h"
#include "options/loader.h"
#include "sinks/field_selection.h"
#include "telemetry/log.h"

namespace spanflow::python {
namespace {

struct OpenRuns {
  std::mutex mutex;
  std::set<Run*> runs;
};

OpenRuns& open_runs() {
  static auto* const runs = new OpenRuns;
  return *runs;
}

void set_sources(const std::vector<std::string>& sources, Config& config) {
  if (sources.size() == 1) return set_source(sources.front(), config);
  for (const std::string& source : sources) {
    if (!std::filesystem::exists(source)) throw RunError(source + ": no such capture file");
  }
  config.input.files = sources;
}

FieldNeeds needs_of(const RunOptions& options, const Shape& shape) {
  FieldNeeds needs = spanflow::needs_of(shape.selected);
  if (options.every_field) needs.add(FieldNeeds::all());
  return needs;
}

void apply(const NfstreamRules& rules, Config& config) {
  config.flow.segments = false;
  config.flow.inactive_timeout = std::chrono::seconds(rules.idle_timeout);
  config.flow.active_timeout = std::chrono::seconds(rules.active_timeout);
  config.features.splt = rules.splt;
}

// The configuration that decides which fields exist.
Config shown_config(const RunOptions& options, Config config) {
  if (options.nfstream && !options.nfstream->has_tunnel_column) config.decode.tunnels = TunnelSet::none();
  return config;
}

Config config_of(const RunOptions& options) {
  Config config;
  if (!options.config_file.empty()) load_yaml_file(options.config_file, config);
  if (!options.sources.empty()) set_sources(options.sources, config);
  for (const auto& [name, yaml] : options.settings) apply_setting(name, yaml, "settings", config);
  if (options.nfstream) apply(*options.nfstream, config);
  check_for_program(config);
  if (config.workers > 1 && !(options.metrics.empty() && options.plugins.empty())) {
    throw ConfigError(fmt::format("workers: metrics and plug-ins in Python need 1 worker, got {}", config.workers));
  }
  return config;
}

}  // namespace

void check(const RunOptions& options) {
  const Config config = config_of(options);
  std::vector<UserMetric> callbacks;
  for (const PythonMetric& metric : options.metrics)
    callbacks.push_back({metric.name, [](const PacketInfo&, Flow&) {}});
  const MetricSet metrics(config.metrics, callbacks);  // throws if a metric is wrong
}

Run::Run(RunOptions options) {
  const Config config = config_of(options);
  shape_ = std::make_shared<const Shape>(shown_config(options, config), options.nfstream.has_value());
  code_ = std::make_unique<UserCode>(shape_, std::move(options.metrics), std::move(options.plugins),
                                     std::move(options.new_udps));
  const std::vector<UserMetric> callbacks = code_->metrics();
  without_gil([&] {
    for (const std::string& line : warnings(config)) log().warn("{}", line);
    stream_.emplace(config, needs_of(options, *shape_), callbacks, code_->empty() ? nullptr : code_.get());
    metrics_ = stream_->metrics();
    try {
      stream_->start();
    } catch (...) {
      stream_.reset();  // here, because a thread that it joins may wait for the GIL
      throw;
    }
  });
  const std::lock_guard lock(open_runs().mutex);
  open_runs().runs.insert(this);
}

Run::~Run() {
  close();
  const std::lock_guard lock(open_runs().mutex);
  open_runs().runs.erase(this);
}

std::optional<std::span<const FlowRecord>> Run::next(std::chrono::milliseconds time) {
  const std::lock_guard reading(reading_);
  if (!stream_) return std::span<const FlowRecord>{};
  return stream_->next(time);
}

void Run::end_input() {
  without_gil([this] {
    const std::lock_guard lock(mutex_);
    if (stream_) stream_->end_input();
  });
}

void Run::close() {
  without_gil([this] {
    const std::lock_guard lock(mutex_);
    if (!stream_) return;
    stream_->stop();
    const std::lock_guard reading(reading_);
    stream_->join();
    last_summary_ = to_json(stream_->summary());
    stream_.reset();
  });
}

std::string Run::summary() {
  return without_gil([this] {
    const std::lock_guard lock(mutex_);
    return stream_ ? to_json(stream_->summary()) : last_summary_;
  });
}

double Run::progress() {
  return without_gil([this] {
    const std::lock_guard lock(mutex_);
    return stream_ ? stream_->progress() : 1;
  });
}

void close_all_runs() {
  std::set<Run*> runs;
  {
    const std::lock_guard lock(open_runs().mutex);
    runs = open_runs().runs;
  }
  for (Run* run : runs) run->close();
}

}  // namespace spanflow::python
