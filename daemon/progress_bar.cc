#include "progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/units.h"

namespace spanflow {

ProgressBar::ProgressBar(bool wanted) : wanted_(wanted && ::isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (drawn_) fmt::print(stderr, "\r\x1b[K");
}

void ProgressBar::draw(const Pipeline& pipeline) {
  if (!wanted_) return;
  constexpr int kWidth = 30;
  const Summary now = pipeline.summary();
  const std::uint64_t packets = value_of(now.counters, Counter::kPacketsReceived);
  const double share = std::min(pipeline.progress(), 1.0);
  std::string bar;
  if (share >= 0) {  // negative: the size of the input is unknown
    const auto done = static_cast<std::size_t>(share * kWidth);
    bar = fmt::format("[{}{}] {:3.0f} %  ", std::string(done, '#'), std::string(kWidth - done, ' '), share * 100);
  }
  fmt::print(stderr, "\r\x1b[K{}{} packets/s  {} flows", bar,
             with_separators(static_cast<std::uint64_t>(static_cast<double>(packets) / std::max(now.seconds, 1e-3))),
             with_separators(value_of(now.counters, Counter::kFlowsOpened)));
  drawn_ = true;
}

}  // namespace spanflow
