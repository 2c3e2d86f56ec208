#include "pipeline/sink_set.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "telemetry/log.h"

namespace spanflow {

SinkSet::SinkSet(const SinkSetOptions& options, const std::vector<SinkConfig>& configs, std::vector<NamedSink> own)
    : options_(options) {
  for (NamedSink& sink : own) {
    Member member;
    member.abandon = std::make_shared<std::atomic<bool>>(false);
    member.own = true;
    run_by_runner(std::move(sink), member);
    members_.push_back(std::move(member));
  }
  for (const SinkConfig& config : configs) members_.push_back(make(config, false));
}

// This function uses no designated initialisers, because gcc 12 gives a false warning for them here.
SinkSet::Member SinkSet::make(const SinkConfig& config, bool reloaded) const {
  Member member;
  {
    const std::lock_guard lock(mutex_);
    member.abandon = std::make_shared<std::atomic<bool>>(abandoned_);
  }
  member.config = config;
  member.added = reloaded;
  const SinkContext context{options_.config, options_.metrics,   *member.abandon,
                            options_.live,   options_.rotations, reloaded};
  run_by_runner({sink_name(config), make_sink(config, context), config.queue}, member);
  return member;
}

void SinkSet::run_by_runner(NamedSink sink, Member& member) const {
  member.runner =
      std::make_shared<SinkRunner>(sink.name, std::move(sink.sink), sink.queue, !options_.live, *member.abandon);
}

std::vector<SinkRunner*> SinkSet::runners() const {
  std::vector<SinkRunner*> runners;
  for (const Member& member : members()) {
    if (!member.retires) runners.push_back(member.runner.get());
  }
  return runners;
}

void SinkSet::start() {
  for (const Member& member : members_) member.runner->start();
}

void SinkSet::replace(const std::vector<SinkConfig>& configs, Collector& collector) {
  ReplacementPlan plan = planned(configs);
  for (const SinkConfig& config : plan.startable) plan.next.push_back(make(config, true));
  std::exception_ptr failure;
  collector.change_sinks([&] {
    try {
      make_successors(plan);
      for (const Member& member : plan.next) member.runner->start();
      set_members(plan);
    } catch (...) {
      failure = std::current_exception();
    }
    return runners();
  });
  if (failure != nullptr) std::rethrow_exception(failure);
  for (const Member& member : plan.retiring) retire(member);
}

SinkSet::ReplacementPlan SinkSet::planned(const std::vector<SinkConfig>& configs) const {
  ReplacementPlan plan;
  for (const Member& member : members()) {
    const bool stays =
        member.own || std::ranges::any_of(configs, [&](const auto& config) { return config == member.config; });
    (stays ? plan.next : plan.retiring).push_back(member);
  }
  const std::vector<Member> staying = plan.next;
  for (const SinkConfig& config : configs) {
    const auto is_this = [&](const Member& member) { return !member.own && config == member.config; };
    if (std::ranges::any_of(staying, is_this)) continue;
    const auto has_its_place = [&](const Member& member) { return exclude_each_other(config, member.config); };
    const bool is_free = std::ranges::none_of(plan.retiring, has_its_place);
    (is_free ? plan.startable : plan.successors).push_back(config);
  }
  return plan;
}

// Ends the retiring sinks whose target or spool a successor needs, then makes the successors. If a successor cannot be
// made, makes the ended sinks again and throws.
void SinkSet::make_successors(ReplacementPlan& plan) {
  const auto has_successor = [&](const Member& member) {
    return std::ranges::any_of(plan.successors,
                               [&](const SinkConfig& config) { return exclude_each_other(config, member.config); });
  };
  Members ended;
  std::ranges::copy_if(plan.retiring, std::back_inserter(ended), has_successor);
  std::erase_if(plan.retiring, has_successor);
  for (const Member& member : ended) retire(member);
  Members made;
  try {
    for (const SinkConfig& config : plan.successors) made.push_back(make(config, true));
  } catch (...) {
    made.clear();
    make_again(ended);
    throw;
  }
  for (Member& member : made) member.added = was_added(member, ended);
  plan.next.insert(plan.next.end(), made.begin(), made.end());
}

void SinkSet::make_again(const Members& ended) {
  for (const Member& member : ended) {
    try {
      Member again = make(member.config, true);
      again.added = member.added;
      again.runner->start();
      const std::lock_guard lock(mutex_);
      members_.push_back(again);
      move_spooled_records();
    } catch (const std::exception& error) {
      log().error("{}", error.what());
    }
  }
}

bool SinkSet::was_added(const Member& successor, const Members& ended) {
  const std::string name = sink_name(successor.config);
  const auto is_this = [&](const Member& member) { return sink_name(member.config) == name; };
  const auto before = std::ranges::find_if(ended, is_this);
  return before == ended.end() || before->added;
}

// If a current sink uses the spool of a retired sink, the current sink's ledger counts the records in the spool as
// recovered. If both have the same name, their ledgers are summed: then this function takes the records out of the
// retired sink's ledger, because the run has neither left them in the spool nor found them there. The caller must still
// hold the lock under which it added the current sink to members_.
void SinkSet::move_spooled_records() {
  for (auto& [name, retired] : retired_) {
    const auto owns = [&spool = retired.spool](const Member& member) {
      return places_of(member.config).spool == spool;
    };
    const auto owner = retired.spool.empty() ? members_.end() : std::ranges::find_if(members_, owns);
    if (owner == members_.end()) continue;
    if (sink_name(owner->config) == name) {
      retired.ledger.recovered -= retired.waiting;
      retired.ledger.spooled -= retired.waiting;
    }
    retired.spool.clear();
  }
}

// Waits at most kPatience until the sink has written its records. Then closes the sink, and moves its ledger to
// retired_.
void SinkSet::retire(const Member& member) {
  finish_within(kPatience, member);
  if (const std::exception_ptr failure = member.runner->failure(); failure != nullptr) log_failure(failure);
  member.runner->release();
  const std::lock_guard lock(mutex_);
  RetiredSink& retired = retired_[sink_name(member.config)];
  const SinkLedger ledger = member.runner->ledger();
  retired.ledger += ledger;
  retired.waiting = ledger.spooled;
  retired.spool = places_of(member.config).spool;
  std::erase_if(members_, [&](const Member& other) { return other.runner == member.runner; });
}

// Waits until the sink has finished. After `time`, makes the sink stop waiting for its target.
void SinkSet::finish_within(std::chrono::milliseconds time, const Member& member) {
  if (!member.runner->finish_within(time)) *member.abandon = true;
  member.runner->finish();
}

void SinkSet::abandon() {
  const std::lock_guard lock(mutex_);
  abandoned_ = true;
  for (const Member& member : members_) *member.abandon = true;
}

void SinkSet::finish() {
  for (const Member& member : members()) member.runner->finish();
}

std::vector<SinkLedger> SinkSet::ledgers() const {
  const std::lock_guard lock(mutex_);
  std::vector<SinkLedger> ledgers;
  auto retired = retired_;
  for (const Member& member : members_) {
    SinkLedger ledger = member.runner->ledger();
    if (const auto before = retired.find(ledger.name); before != retired.end()) {
      ledger += before->second.ledger;
      retired.erase(before);
    }
    ledger.added = member.added;
    ledgers.push_back(std::move(ledger));
  }
  for (auto& [name, gone] : retired) {
    gone.ledger.name = name;
    gone.ledger.removed = true;
    ledgers.push_back(std::move(gone.ledger));
  }
  return ledgers;
}

bool SinkSet::have_ended() const {
  return std::ranges::all_of(members(), [](const Member& member) { return member.runner->has_ended(); });
}

std::vector<std::exception_ptr> SinkSet::failures() const {
  std::vector<std::exception_ptr> failures;
  for (const Member& member : members()) {
    if (auto failure = member.runner->failure(); failure != nullptr) failures.push_back(std::move(failure));
  }
  return failures;
}

void SinkSet::set_members(const ReplacementPlan& plan) {
  Members members = plan.next;
  for (Member member : plan.retiring) {
    member.retires = true;
    members.push_back(std::move(member));
  }
  const std::lock_guard lock(mutex_);
  members_ = std::move(members);
  move_spooled_records();
}

SinkSet::Members SinkSet::members() const {
  const std::lock_guard lock(mutex_);
  return members_;
}

}  // namespace spanflow
