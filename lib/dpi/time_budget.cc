#include "dpi/time_budget.h"

#include <ctime>

namespace spanflow {
namespace {

Nanoseconds now(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds{time.tv_sec} + Nanoseconds{time.tv_nsec};
}

}  // namespace

void TimeBudget::begin() {
  if (budget_.count() == 0) return;
  const Nanoseconds time = now(CLOCK_MONOTONIC_COARSE);
  if (time != begin_) cpu_ = now(CLOCK_THREAD_CPUTIME_ID);
  begin_ = time;
}

bool TimeBudget::exceeded() const {
  if (budget_.count() == 0 || now(CLOCK_MONOTONIC_COARSE) - begin_ < budget_) return false;
  return now(CLOCK_THREAD_CPUTIME_ID) - cpu_ > budget_;
}

}  // namespace spanflow
