// Tests which options a reload applies.
#include "options/reload.h"

#include <gmock/gmock.h>

#include "options/loader.h"
#include "options/options.h"

namespace spanflow::testing::reload_test {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Reload, NothingNewChangesNothing) {
  Config running;
  running.input.interface = "eth1";
  const Changes changes = take_over(Config{running}, running);
  EXPECT_THAT(changes.made, IsEmpty());
  EXPECT_THAT(changes.need_restart, IsEmpty());
}

TEST(Reload, TakesOverWhatMayChangeAndNamesTheRest) {
  Config running;
  Config wanted;
  load_yaml("workers: 2\nflow: {active_timeout: 30s, capacity: 10}\nlog: {level: debug}\nsinks: [{type: csv}]", "test",
            wanted);
  const Changes changes = take_over(wanted, running);
  EXPECT_THAT(changes.made, ElementsAre("flow.active_timeout", "sinks", "log.level"));
  EXPECT_THAT(changes.need_restart, ElementsAre("workers", "flow.capacity"));
  EXPECT_EQ(running.flow.active_timeout, 30s);
  EXPECT_EQ(running.log.level, "debug");
  EXPECT_EQ(running.sinks, wanted.sinks);
  EXPECT_EQ(running.workers, 1U);
  EXPECT_EQ(running.flow.capacity, Config{}.flow.capacity);
}

TEST(Reload, WhatNeedsARestartIsNamedUntilThen) {
  Config running;
  Config wanted;
  wanted.workers = 2;
  take_over(wanted, running);
  EXPECT_THAT(take_over(wanted, running).need_restart, ElementsAre("workers"));
}

// If this list changes, docs/control.md must change as well.
TEST(Reload, OptionsThatChangeAtOnce) {
  std::vector<std::string> names;
  for (const Option& option : options()) {
    if (option.reloads) names.push_back(option.name);
  }
  EXPECT_THAT(names, ElementsAre("input.filter", "flow.active_timeout", "flow.inactive_timeout", "flow.tcp_linger",
                                 "output.fields", "output.max_delay", "sinks", "log.level"));
}

}  // namespace
}  // namespace spanflow::testing::reload_test
