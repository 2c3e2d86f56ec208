#include "capture/backoff.h"

#include <rte_pause.h>

#include <algorithm>
#include <thread>

namespace spanflow {

void Backoff::wait() {
  const Microseconds time = next();
  if (time.count() == 0) {
    rte_pause();
  } else {
    std::this_thread::sleep_for(time);
  }
}

Backoff::Microseconds Backoff::next() {
  if (steps_.longest_sleep.count() == 0) return Microseconds{0};
  if (pauses_ < steps_.pauses) {
    ++pauses_;
    return Microseconds{0};
  }
  const Microseconds sleep = std::min(next_sleep_, steps_.longest_sleep);
  next_sleep_ = 2 * sleep;
  return sleep;
}

}  // namespace spanflow
