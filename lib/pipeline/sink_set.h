// The sinks of a run: made, replaced by reloads, and accounted for, even after they are removed.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/config.h"
#include "export/collector.h"
#include "export/sink_runner.h"
#include "sinks/sink.h"

namespace spanflow {

struct NamedSink {
  std::string name;
  std::unique_ptr<Sink> sink;
  std::uint64_t queue;
};

// Options that all sinks of a run share. The referenced objects must outlive the sinks.
struct SinkSetOptions {
  const Config& config;
  const MetricNames& metrics;
  bool live;
  const std::atomic<std::uint64_t>& rotations = kNoRotations;
};

// Owns the runners. abandon(), ledgers(), have_ended() and failures() are thread-safe; the other functions belong to
// one thread.
class SinkSet {
 public:
  // `own` are the program's own sinks, which always stay; `configs` are those of the configuration. Throws RunError or
  // ConfigError if a sink cannot be made.
  SinkSet(const SinkSetOptions& options, const std::vector<SinkConfig>& configs, std::vector<NamedSink> own);

  std::vector<SinkRunner*> runners() const;
  void start();
  // Makes `collector` give all later records to the sinks of `configs`. Unchanged sinks continue. If a new sink uses
  // the target or spool of a removed one, records wait until the removed sink has ended and the new one is made; each
  // record goes to exactly one of them. A removed sink has kPatience to write its records, as at the end of a run.
  // Throws RunError or ConfigError if a sink cannot be made; then the previous sinks continue.
  void replace(const std::vector<SinkConfig>& configs, Collector& collector);
  // Finishes the current sinks; retired ones have already finished.
  void finish();
  // Makes all sinks stop waiting for their targets.
  void abandon();

  static constexpr std::chrono::milliseconds kPatience{1500};

  // One ledger for each name: the sum over the sinks that had it one after the other.
  std::vector<SinkLedger> ledgers() const;
  bool have_ended() const;
  std::vector<std::exception_ptr> failures() const;

 private:
  struct Member {
    std::shared_ptr<std::atomic<bool>> abandon;
    SinkConfig config;
    std::shared_ptr<SinkRunner> runner;
    bool own = false;
    bool added = false;    // true if a reload added the sink under a new name
    bool retires = false;  // true if the sink gets no more records, but still writes
  };
  using Members = std::vector<Member>;

  // The sum over all retired sinks with one name.
  struct RetiredSink {
    SinkLedger ledger;
    std::string spool;  // spool of the last retired sink with this name; empty: none
  };

  struct ReplacementPlan {
    Members next;
    Members retiring;
    std::vector<SinkConfig> startable;   // sinks that can be made at once
    std::vector<SinkConfig> successors;  // sinks that use a place of a retiring sink
  };

  Member make(const SinkConfig& config, bool reloaded) const;
  void run_by_runner(NamedSink sink, Member& member) const;
  ReplacementPlan planned(const std::vector<SinkConfig>& configs) const;
  void make_successors(ReplacementPlan& plan);
  void make_again(const Members& ended);
  static bool was_added(const Member& successor, const Members& ended);
  void move_spooled_records();
  void retire(const Member& member);
  static void finish_within(std::chrono::milliseconds time, const Member& member);
  void set_members(const ReplacementPlan& plan);
  Members members() const;

  const SinkSetOptions options_;
  mutable std::mutex mutex_;
  bool abandoned_ = false;
  Members members_;
  std::map<std::string, RetiredSink> retired_;  // the keys are sink names
};

}  // namespace spanflow
