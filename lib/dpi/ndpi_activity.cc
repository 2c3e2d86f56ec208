#include "dpi/ndpi_activity.h"

#include <unistd.h>

#include <array>
#include <ctime>

namespace spanflow {
namespace {

constexpr std::size_t kMost = 256;  // twice as many as a run may have workers; further objects are not found

using Places = std::array<std::atomic<NdpiActivity*>, kMost>;
constinit Places places{};

void replace(NdpiActivity* old_value, NdpiActivity* new_value) {
  for (auto& place : places) {
    NdpiActivity* expected = old_value;
    if (place.compare_exchange_strong(expected, new_value)) return;
  }
}

void wait_100_ms() {
  timespec time{.tv_sec = 0, .tv_nsec = 100'000'000};
  ::nanosleep(&time, nullptr);
}

}  // namespace

NdpiActivity::NdpiActivity() { replace(nullptr, this); }
NdpiActivity::~NdpiActivity() { replace(this, nullptr); }

void NdpiActivity::begin(const FlowKey& key, const Packet* packet) {
  if (thread_.load(std::memory_order_relaxed) == 0) thread_.store(::gettid(), std::memory_order_relaxed);
  serial_.store(serial_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  packet_.store(packet, std::memory_order_relaxed);
  key_.store(&key, std::memory_order_release);
}

std::optional<NdpiActivity::Work> NdpiActivity::work() const {
  const FlowKey* key = key_.load(std::memory_order_acquire);
  if (key == nullptr) return std::nullopt;
  return Work{.key = key, .packet = packet_.load(std::memory_order_relaxed)};
}

std::optional<NdpiActivity::Work> NdpiActivity::of_thread(pid_t thread) {
  for (const auto& place : places) {
    const NdpiActivity* activity = place.load(std::memory_order_acquire);
    if (activity != nullptr && activity->thread_.load(std::memory_order_relaxed) == thread) return activity->work();
  }
  return std::nullopt;
}

std::optional<NdpiActivity::Work> NdpiActivity::hanging() {
  std::array<std::uint64_t, kMost> before{};
  for (std::size_t i = 0; i < kMost; ++i) {
    if (const NdpiActivity* activity = places[i].load()) before[i] = activity->serial_.load();
  }
  wait_100_ms();
  for (std::size_t i = 0; i < kMost; ++i) {
    const NdpiActivity* activity = places[i].load();
    if (activity == nullptr || activity->serial_.load() != before[i]) continue;
    if (const auto work = activity->work()) return work;
  }
  return std::nullopt;
}

}  // namespace spanflow
