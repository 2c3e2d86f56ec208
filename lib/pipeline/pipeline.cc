#include "pipeline/pipeline.h"

#include <fmt/format.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>

#include "base/alternate_stack.h"
#include "base/cpus.h"
#include "base/error.h"
#include "base/privileges.h"
#include "base/random_seed.h"
#include "capture/filter.h"
#include "flow/overload.h"
#include "pipeline/run_plan.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

// Returns the CPU of a live worker. Without input.cores, workers get the last CPUs, which other programs use least.
int cpu_of(const Config& config, std::size_t worker) {
  if (!config.input.cores.empty()) return static_cast<int>(config.input.cores[worker]);
  const std::vector<int> cpus = allowed_cpus();
  return cpus[cpus.size() - 1 - worker % cpus.size()];
}

void pin(StandbyThread& thread, int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (pthread_setaffinity_np(thread.native_handle(), sizeof set, &set) != 0) {
    log().warn("a worker cannot be pinned to CPU {}", cpu);
  }
}

Adjustments adjustments_of(const Config& config) {
  const std::string& filter = config.input.filter;
  return {.active_timeout = config.flow.active_timeout,
          .inactive_timeout = config.flow.inactive_timeout,
          .tcp_linger = config.flow.tcp_linger,
          .max_delay = config.output.max_delay,
          .filter = filter,
          .ethernet_filter =
              filter.empty() ? nullptr : std::make_shared<const Filter>(filter, LinkType::kEthernet, "input.filter")};
}

FieldNeeds needs_of(const std::vector<NamedSink>& sinks) {
  FieldNeeds needs;
  for (const NamedSink& sink : sinks) needs.add(sink.needs);
  return needs;
}

}  // namespace

Pipeline::Pipeline(Config config, std::vector<NamedSink> more_sinks, const std::vector<UserMetric>& callbacks,
                   FlowObserver* observer)
    : config_(with_needs_of_sinks(std::move(config), needs_of(more_sinks))),
      running_(config_),
      decoder_(config_.decode.tunnels, config_.flow.vlan_key, config_.decode.tunnel_ports),
      metrics_(config_.metrics, callbacks, observer) {
  make_sources();
  if (!config_.user.empty()) become_user(config_.user);
  make_sinks(std::move(more_sinks));
  make_workers();
}

Pipeline::~Pipeline() {
  request_stop();
  finish();
}

void Pipeline::make_sources() {
  input_ = input_type(config_.input).open(config_, stop_, notes_);
  sources_ = input_->make_sources();
  for (std::uint64_t worker = 0; worker < config_.workers; ++worker) {
    worker_counters_.push_back(std::make_unique<Counters>());
  }
  if (sources_.size() < config_.workers) {
    distribute();
  } else if (const auto owner_workers = input_->owner_workers()) {
    hand_over(*owner_workers);
  } else {
    for (const auto& source : sources_) intake_inputs_.emplace_back(*source);
  }
}

void Pipeline::distribute() {
  distributor_ = std::make_unique<Distributor>(config_, *sources_.front(), decoder_, distributor_counters_);
  for (std::uint32_t worker = 0; worker < config_.workers; ++worker) {
    auto source = distributor_->make_source(worker);
    intake_inputs_.emplace_back(*source);
    ends_.push_back(std::move(source));
  }
}

void Pipeline::hand_over(const OwnerWorkers& owner_workers) {
  const auto workers = static_cast<std::uint32_t>(config_.workers);
  hand_over_ = std::make_unique<HandOver>(owner_workers, workers, input_->idle());
  for (std::uint32_t worker = 0; worker < workers; ++worker) {
    auto end = hand_over_->make_end(worker, *sources_[worker], *worker_counters_[worker]);
    intake_inputs_.emplace_back(*end);
    ends_.push_back(std::move(end));
  }
}

void Pipeline::make_sinks(std::vector<NamedSink> own) {
  sinks_.emplace(SinkSetOptions{config_, metrics_.names(), is_live(), rotations_}, sinks_with_fields(config_),
                 std::move(own));
}

void Pipeline::make_workers() {
  std::vector<ExportRing*> rings;
  const bool with_extras = Features::give_extras(config_);
  if (config_.correlates_names()) names_.emplace(config_.features.dns_names, random_seed());
  for (std::uint16_t worker = 0; worker < config_.workers; ++worker) {
    rings_.push_back(std::make_unique<ExportRing>(kExportRingBlocks, with_extras, metrics_.record_cells()));
    rings.push_back(rings_.back().get());
    meters_.push_back(std::make_unique<Meter>(config_, worker, intake_inputs_[worker], decoder_, *rings_.back(),
                                              metrics_, names_ ? &*names_ : nullptr, *worker_counters_[worker]));
    threads_.emplace_back(fmt::format("worker {}", worker), [this, worker] { run_meter(worker); });
  }
  collector_ = std::make_unique<Collector>(std::move(rings), sinks_->runners(), collector_counters_);
}

void Pipeline::start() {
  const std::lock_guard reloading(reload_mutex_);  // a control client may already ask for a reload
  {
    const std::lock_guard lock(mutex_);  // a control client may already ask for a summary
    started_ = std::chrono::steady_clock::now();
  }
  sinks_->start();
  collector_->start();
  running_meters_ = meters_.size();
  for (std::uint16_t worker = 0; worker < config_.workers; ++worker) {
    if (is_live()) pin_worker(worker);
    threads_[worker].begin();
  }
  if (distributor_ != nullptr) distributor_->start();
}

void Pipeline::pin_worker(std::uint16_t worker) {
  const int cpu = cpu_of(config_, worker);
  pin(threads_[worker], cpu);
  input_->warn_if_distant(cpu);
}

void Pipeline::run_meter(std::uint16_t worker) {
  const AlternateStack stack_for_crash_report;
  meters_[worker]->run();
  // Also after a failure, so that no other worker waits for this worker.
  if (hand_over_ != nullptr) hand_over_->leave(worker);
  const std::lock_guard lock(mutex_);
  --running_meters_;
  changed_.notify_all();
}

bool Pipeline::wait(std::chrono::milliseconds time) {
  bool ended = false;
  {
    std::unique_lock lock(mutex_);
    ended = changed_.wait_for(lock, time, [this] { return running_meters_ == 0; });
  }
  update_input();
  log_for_workers();
  log_overload();
  const bool out_of_time =
      config_.input.duration.count() > 0 && std::chrono::steady_clock::now() - started_ >= config_.input.duration;
  // Only a run that reads capture files stops when all sinks have ended. In a live run, sinks retry, and during a
  // reload there may be no sinks.
  const bool nobody_reads = !is_live() && sinks_->have_ended();
  if (!ended && (out_of_time || nobody_reads)) request_stop();
  return ended;
}

void Pipeline::update_input() {
  if (input_failure_ != nullptr) return;
  try {
    input_->update();
  } catch (const RunError&) {
    input_failure_ = std::current_exception();
    request_stop();
  }
}

// Logs the notes of workers and readers, and the metrics that were switched off. Threads that handle packets do not
// log.
void Pipeline::log_for_workers() {
  for (const std::string& note : notes_.take()) log().warn("{}", note);
  for (const std::string& line : metrics_.take_failures()) log().error("{}", line);
}

// Logs the highest overload level of all workers when it has changed, at most one line per second.
void Pipeline::log_overload() {
  std::uint64_t level = 0;
  for (const auto& counters : worker_counters_) level = std::max(level, counters->get(Counter::kOverloadLevel));
  const auto now = std::chrono::steady_clock::now();
  if (level == logged_overload_ || now - overload_logged_ < std::chrono::seconds{1}) return;
  logged_overload_ = level;
  overload_logged_ = now;
  log().warn("overload, level {}: {}", level, meaning_of(static_cast<OverloadLevel>(level)));
}

Changes Pipeline::reload(const Config& wanted) {
  const std::lock_guard lock(reload_mutex_);
  if (!is_live()) throw ConfigError("a run that reads capture files cannot be reloaded");
  if (stop_) throw RunError("the run is about to end");
  Config next = running_;
  Changes changes = take_over(wanted, next);
  refuse_unkept_fields(next, config_);
  const Adjustments adjustments = adjustments_of(next);
  sinks_->replace(sinks_with_fields(next), *collector_);
  for (const auto& meter : meters_) meter->adjust(adjustments);
  if (distributor_ != nullptr) distributor_->adjust(adjustments);
  running_ = std::move(next);
  return changes;
}

std::vector<std::uint64_t> Pipeline::polls() const {
  std::vector<std::uint64_t> polls;
  for (const auto& counters : worker_counters_) polls.push_back(counters->get(Counter::kWorkerPolls));
  if (distributor_ != nullptr) polls.push_back(distributor_counters_.get(Counter::kWorkerPolls));
  return polls;
}

std::string_view Pipeline::running_metric(std::size_t worker) const {
  const std::uint32_t cell = worker < worker_counters_.size() ? worker_counters_[worker]->running_metric() : 0;
  return cell == 0 ? std::string_view{} : metrics_.names()[cell - 1];
}

void Pipeline::request_stop() {
  const std::lock_guard lock(mutex_);
  if (stopping_ || finished_) return;
  stopping_ = true;
  stop_ = true;
  grace_.begin();
}

// Gives up the sinks that take too long after a stop.
void Pipeline::limit_patience() {
  std::unique_lock lock(mutex_);
  if (!changed_.wait_for(lock, SinkSet::kPatience, [this] { return finished_; })) sinks_->abandon();
}

void Pipeline::finish() {
  {
    const std::lock_guard reloading(reload_mutex_);
    stop_ = true;
  }
  for (StandbyThread& thread : threads_) thread.join();
  if (distributor_ != nullptr) {
    try {
      distributor_->finish();
    } catch (...) {
      distributor_failure_ = std::current_exception();
    }
  }
  update_input();
  log_for_workers();
  collector_->finish();
  sinks_->finish();
  {
    const std::lock_guard lock(mutex_);
    if (!finished_) ended_ = std::chrono::steady_clock::now();
    finished_ = true;
    changed_.notify_all();
  }
  grace_.join();
}

std::vector<const Counters*> Pipeline::counters() const {
  std::vector<const Counters*> all{&input_->counters(), &distributor_counters_, &collector_counters_};
  for (const auto& counters : worker_counters_) all.push_back(counters.get());
  return all;
}

std::vector<std::exception_ptr> Pipeline::failures() const {
  std::vector<std::exception_ptr> failures;
  const auto add = [&failures](const std::exception_ptr& failure) {
    if (failure != nullptr) failures.push_back(failure);
  };
  add(input_failure_);
  add(distributor_failure_);
  for (const auto& meter : meters_) add(meter->failure());
  for (const std::exception_ptr& failure : sinks_->failures()) add(failure);
  return failures;
}

Summary Pipeline::summary() const {
  Summary summary;
  {
    const std::lock_guard lock(mutex_);
    const auto until = finished_ ? ended_ : std::chrono::steady_clock::now();
    summary.seconds = std::chrono::duration<double>(until - started_).count();
  }
  summary.workers = config_.workers;
  for (const auto& counters : worker_counters_) {
    summary.per_worker.push_back(counters->values());
    add_up(summary.per_worker.back(), summary.counters);
    counters->add_to(summary.histograms);
    counters->ether_types().add_to(summary.ether_types);
  }
  if (distributor_ != nullptr) {
    summary.distributor = distributor_counters_.values();
    add_up(*summary.distributor, summary.counters);
    distributor_counters_.ether_types().add_to(summary.ether_types);
  }
  summary.input = input_->counters().values();
  add_up(summary.input, summary.counters);
  collector_counters_.add_to(summary.histograms);
  summary.ports = input_->port_counts();
  for (const PortCounts& port : summary.ports) {
    for (const auto& [counter, count] : counters_of(port)) summary.counters[static_cast<std::size_t>(counter)] += count;
  }
  summary.sinks = sinks_->ledgers();
  return summary;
}

double Pipeline::progress() const { return sources_.front()->progress(); }

}  // namespace spanflow
