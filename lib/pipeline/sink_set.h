// The sinks of a run: made, replaced while it goes on, and accounted for also when they are gone.
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

// Owns the runners. abandon(), ledgers(), have_ended() and failures() are thread-safe; the other calls are one
// thread's.
class SinkSet {
 public:
  // What all sinks of a run are made with; it must outlive them.
  struct SinkSetOptions {
    const Config& config;
    const MetricNames& metrics;
    bool live;
    const std::atomic<std::uint64_t>& rotations = kNoRotations;
  };

  // `own` are the program's, beside those of the configuration; they always stay. Throws RunError or ConfigError if one
  // cannot be made.
  SinkSet(const SinkSetOptions& options, const std::vector<SinkConfig>& configs, std::vector<NamedSink> own);

  std::vector<SinkRunner*> runners() const;
  void start();
  // The records that `collector` hands out from now on go to these sinks. Those that are as before go on; one with the
  // target or the spool of another that leaves takes its place, while records wait. Each record is handed to the one
  // or to the other. One that leaves has kPatience to write what it was handed, as at the end of a run. Throws RunError
  // or ConfigError if one cannot be made; then all is as before.
  void replace(const std::vector<SinkConfig>& configs, Collector& collector);
  // Those that have retired already have been.
  void finish();
  // No sink waits for its target any longer.
  void abandon();

  static constexpr std::chrono::milliseconds kPatience{1500};

  // One for each name; of sinks that took each other's place, their sum.
  std::vector<SinkLedger> ledgers() const;
  bool have_ended() const;
  std::vector<std::exception_ptr> failures() const;

 private:
  struct Member {
    std::shared_ptr<std::atomic<bool>> abandon;
    SinkConfig config;
    std::shared_ptr<SinkRunner> runner;
    bool own = false;
    bool added = false;  // while the run went on, under a name that was not there
    bool leaves = false;
  };
  using Members = std::vector<Member>;

  // What remains of those that are gone.
  struct RetiredSink {
    SinkLedger ledger;
    std::string spool;
  };

  struct ReplacementPlan {
    Members next;
    Members leaving;
    std::vector<SinkConfig> in_free_places;
    std::vector<SinkConfig> in_taken_places;  // by one that leaves
  };

  Member make(const SinkConfig& config, bool reloaded) const;
  void run_by_runner(NamedSink sink, Member& member) const;
  ReplacementPlan planned(const std::vector<SinkConfig>& configs) const;
  void take_places(ReplacementPlan& plan);
  void make_again(const Members& ended);
  static bool was_added(const Member& successor, const Members& ended);
  void hand_on_spools();
  void retire(const Member& member);
  static void finish_within(std::chrono::milliseconds time, const Member& member);
  void set_members(const ReplacementPlan& plan);
  Members members() const;

  const SinkSetOptions options_;
  mutable std::mutex mutex_;
  bool abandoned_ = false;
  Members members_;
  std::map<std::string, RetiredSink> retired_;  // by name
};

}  // namespace spanflow
