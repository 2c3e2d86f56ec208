#include "capture/capture_source.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>

#include "base/error.h"
#include "capture/capture_file.h"
#include "capture/packet_clock.h"

namespace spanflow {
namespace {

class CaptureSource : public RetainableSource {
 public:
  CaptureSource(std::vector<std::string> paths, const std::atomic<bool>& stop, Notes& notes)
      : paths_(std::move(paths)), stop_(stop), notes_(notes) {
    for (const std::string& path : paths_) {
      if (path != "-" && ::access(path.c_str(), R_OK) != 0) {
        throw RunError(path + ": cannot be opened: " + std::strerror(errno));
      }
    }
    // Only a regular file is opened here. poll() opens a pipe, because the pipe's first octets may arrive late.
    if (std::filesystem::is_regular_file(paths_.front())) open_next();
  }

  Burst poll() override {
    constexpr int kWaitMs = 100;
    while (!stop_.load(std::memory_order_relaxed)) {
      if (file_ == nullptr && next_path_ == paths_.size()) break;
      if (file_ == nullptr && !open_next()) break;
      if (!file_->ready(kWaitMs)) return {.state = Burst::State::kIdle, .now_ns = clock_.now_ns()};
      const auto burst = std::span(packets_).first(file_->read(packets_));
      const bool restarts = !burst.empty() && at_file_start_ && clock_.is_restarted_by(burst.front().time_ns);
      if (restarts) clock_ = {};
      at_file_start_ = at_file_start_ && burst.empty();
      for (const RawPacket& packet : burst) clock_.advance(packet.time_ns);
      if (!burst.empty()) {
        return {.state = Burst::State::kPackets,
                .packets = burst,
                .link_type = file_->link_type(),
                .now_ns = clock_.now_ns(),
                .time_restarts = restarts};
      }
      if (auto note = file_->check()) notes_.add(std::move(*note));
      close();
    }
    return {.state = Burst::State::kEnd, .now_ns = clock_.end_ns()};
  }

  std::shared_ptr<const void> memory() const override { return file_ != nullptr ? file_->memory() : nullptr; }
  TimestampSource timestamp_source() const override { return TimestampSource::kFile; }
  bool is_live() const override { return false; }

  double progress() const override {
    const std::lock_guard lock(mutex_);
    const double of_file = file_ != nullptr ? file_->progress() : 0;
    if (of_file < 0) return of_file;
    return (static_cast<double>(files_read_) + of_file) / static_cast<double>(paths_.size());
  }

 private:
  // Opens the next file. False if the run is stopped before the file is open.
  bool open_next() {
    std::unique_ptr<CaptureFile> next;
    try {
      next = open_capture_file(paths_[next_path_++], stop_);
    } catch (const RunError&) {
      if (stop_) return false;  // the stop ended the pipe early; the capture is not damaged
      throw;
    }
    at_file_start_ = true;
    const std::lock_guard lock(mutex_);
    file_ = std::move(next);
    return true;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    ++files_read_;
    file_.reset();
  }

  const std::vector<std::string> paths_;
  const std::atomic<bool>& stop_;
  Notes& notes_;
  std::size_t next_path_ = 0;
  std::array<RawPacket, kBurstPackets> packets_;
  PacketClock clock_;
  bool at_file_start_ = false;
  mutable std::mutex mutex_;  // guards the next two members, which progress() reads
  std::size_t files_read_ = 0;
  std::unique_ptr<CaptureFile> file_;
};

}  // namespace

std::unique_ptr<RetainableSource> make_capture_source(std::vector<std::string> paths, const std::atomic<bool>& stop,
                                                      Notes& notes) {
  return std::make_unique<CaptureSource>(std::move(paths), stop, notes);
}

}  // namespace spanflow
