#include "capture/capture_source.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "base/error.h"
#include "capture/capture_file.h"
#include "capture/packet_clock.h"

namespace spanflow {
namespace {

class CaptureSource : public PacketSource {
 public:
  CaptureSource(std::vector<std::string> paths, const std::atomic<bool>& stop) : paths_(std::move(paths)), stop_(stop) {
    for (const std::string& path : paths_) {
      if (path != "-" && ::access(path.c_str(), R_OK) != 0) {
        throw RunError(path + ": cannot be opened: " + std::strerror(errno));
      }
    }
    open_next();
  }

  Burst poll() override {
    constexpr int kWaitMs = 100;
    while (file_ != nullptr && !stop_.load(std::memory_order_relaxed)) {
      if (!file_->ready(kWaitMs)) return {.state = Burst::State::kIdle, .now_ns = clock_.now_ns()};
      const auto burst = std::span(packets_).first(file_->read(packets_));
      for (const RawPacket& packet : burst) clock_.advance(packet.time_ns);
      if (!burst.empty()) {
        return {.state = Burst::State::kPackets,
                .packets = burst,
                .link_type = file_->link_type(),
                .now_ns = clock_.now_ns()};
      }
      file_->check();
      open_next();
    }
    return {.state = Burst::State::kEnd, .now_ns = clock_.now_ns()};
  }

  TimestampSource timestamp_source() const override { return TimestampSource::kFile; }
  bool is_live() const override { return false; }

  double progress() const override {
    const std::lock_guard lock(mutex_);
    if (file_ == nullptr) return 1;
    const double of_file = file_->progress();
    if (of_file < 0) return of_file;
    return (static_cast<double>(next_path_ - 1) + of_file) / static_cast<double>(paths_.size());
  }

 private:
  void open_next() {
    std::unique_ptr<CaptureFile> next;
    if (next_path_ < paths_.size() && !stop_) next = open_capture_file(paths_[next_path_], stop_);
    const std::lock_guard lock(mutex_);
    ++next_path_;
    file_ = std::move(next);
  }

  const std::vector<std::string> paths_;
  const std::atomic<bool>& stop_;
  std::size_t next_path_ = 0;
  std::array<RawPacket, kBurstPackets> packets_;
  PacketClock clock_;
  mutable std::mutex mutex_;  // of file_, which progress() looks at
  std::unique_ptr<CaptureFile> file_;
};

}  // namespace

std::unique_ptr<PacketSource> make_capture_source(std::vector<std::string> paths, const std::atomic<bool>& stop) {
  return std::make_unique<CaptureSource>(std::move(paths), stop);
}

}  // namespace spanflow
