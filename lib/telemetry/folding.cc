#include "telemetry/folding.h"

#include <algorithm>

namespace spanflow {

Folding::Folding(std::shared_ptr<LogWriter> to, std::function<Clock::time_point()> now)
    : to_(std::move(to)), now_(std::move(now)) {}

void Folding::write(const LogEntry& entry) {
  flush();
  const auto known = std::find_if(messages_.begin(), messages_.end(), [&entry](const Message& message) {
    return message.last.level == entry.level && message.last.text == entry.text;
  });
  if (known != messages_.end()) {
    known->last.time = entry.time;
    ++known->last.repeated;
    return;
  }
  if (messages_.size() == kRemembered) forget_oldest();
  to_->write(entry);
  messages_.push_back({now_(), entry});
}

void Folding::flush() {
  const auto over = now_() - kFoldingTime;
  while (!messages_.empty() && messages_.front().written <= over) forget_oldest();
}

void Folding::finish() {
  while (!messages_.empty()) forget_oldest();
}

void Folding::forget_oldest() {
  if (messages_.front().last.repeated > 0) to_->write(messages_.front().last);
  messages_.pop_front();
}

}  // namespace spanflow
