// The sinks of a run. Makes the sinks, replaces them in a reload, and keeps the ledgers of removed sinks.
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
#include "sinks/field_needs.h"
#include "sinks/sink.h"

namespace spanflow {

struct NamedSink {
  std::string name;
  std::unique_ptr<Sink> sink;
  std::uint64_t queue;                   // capacity of the sink's queue, in records
  FieldNeeds needs = FieldNeeds::all();  // the data that the sink takes from records
};

// Options that all sinks of a run share. The referenced objects must outlive the sinks.
struct SinkSetOptions {
  const Config& config;
  const MetricNames& metrics;                                  // names of the user metrics
  bool live;                                                   // true: the run is live, so failed sinks retry
  const std::atomic<std::uint64_t>& rotations = kNoRotations;  // changes when the sinks must begin new files
};

// Owns the runners. abandon(), ledgers(), have_ended() and failures() are thread-safe. Only one thread at a time may
// call the other functions.
class SinkSet {
 public:
  // `own` are sinks of the program, which a reload never removes. `configs` are the sinks of the configuration. Throws
  // RunError or ConfigError if a sink cannot be made.
  SinkSet(const SinkSetOptions& options, const std::vector<SinkConfig>& configs, std::vector<NamedSink> own);

  std::vector<SinkRunner*> runners() const;
  void start();
  // Makes `collector` give all later records to the sinks of `configs`. Unchanged sinks continue. If a new sink uses
  // the target or spool of a removed sink, records wait until the removed sink has ended and the new sink is made. Each
  // record goes to exactly one of the two sinks. A removed sink has kPatience to write its records, as at the end of a
  // run. If a sink cannot be made, throws RunError or ConfigError, and the previous sinks continue.
  void replace(const std::vector<SinkConfig>& configs, Collector& collector);
  // Finishes the current sinks. Retired sinks have already finished.
  void finish();
  // Makes all sinks stop waiting for their targets. Thread-safe.
  void abandon();

  // Time that a sink has to write its last records.
  static constexpr std::chrono::milliseconds kPatience{1500};

  // Returns one ledger for each sink name: the sum over all sinks that have had this name, one after the other.
  std::vector<SinkLedger> ledgers() const;
  // True if all sinks have ended and take no more records.
  bool have_ended() const;
  std::vector<std::exception_ptr> failures() const;

 private:
  struct Member {
    std::shared_ptr<std::atomic<bool>> abandon;
    SinkConfig config;
    std::shared_ptr<SinkRunner> runner;
    bool own = false;      // true: one of the program's own sinks
    bool added = false;    // true: a reload added the sink under a new name
    bool retires = false;  // true: the sink gets no more records, but still writes earlier records
  };
  using Members = std::vector<Member>;

  // The retired sinks with one name. `ledger` is the sum of their ledgers.
  struct RetiredSink {
    SinkLedger ledger;
    std::string spool;          // spool of the last retired sink with this name; empty: none, or another sink has it
    std::uint64_t waiting = 0;  // records that the last retired sink left in its spool
  };

  struct ReplacementPlan {
    Members next;                        // sinks that run after the replacement
    Members retiring;                    // sinks that must end
    std::vector<SinkConfig> startable;   // new sinks that can be made at once
    std::vector<SinkConfig> successors;  // new sinks that need the target or spool of a retiring sink
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
