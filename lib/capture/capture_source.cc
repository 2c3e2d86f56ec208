#include "capture/capture_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <utility>

#include "base/error.h"
#include "capture/capture_file.h"
#include "capture/packet_clock.h"

namespace spanflow {
namespace {

// The longest frame that Linux can pass on after merging frames: GSO_MAX_SIZE, and room for the link layer.
constexpr std::uint32_t kGreatestFrame = 8 * 65'535 + 1024;

class CaptureSource : public PacketSource {
 public:
  CaptureSource(std::vector<std::string> paths, const std::atomic<bool>& stop, Notes& notes, Counters& counters)
      : paths_(std::move(paths)), stop_(stop), notes_(notes), counters_(counters) {
    // An only file is opened here, so that the run does not begin if it cannot be read. poll() opens a pipe, because
    // the pipe's first octets may arrive late.
    if (paths_.size() > 1) return;
    if (paths_.front() != "-" && ::access(paths_.front().c_str(), R_OK) != 0) {
      throw RunError(paths_.front() + ": cannot be opened: " + std::strerror(errno));
    }
    if (std::filesystem::is_regular_file(paths_.front())) open_next();
  }

  Burst poll() override {
    constexpr int kWaitMs = 100;
    while (!stop_.load(std::memory_order_relaxed)) {
      if (file_ == nullptr && next_path_ == paths_.size()) break;
      try {
        if (file_ == nullptr && !open_next()) break;
        if (!file_->ready(kWaitMs)) return {.state = Burst::State::kIdle, .now_ns = clock_.now_ns()};
        const auto burst = std::span(packets_).first(file_->read(packets_));
        if (!burst.empty()) return timed(burst);
        if (auto note = file_->check()) notes_.add(std::move(*note));
      } catch (const RunError& error) {
        if (paths_.size() == 1) throw;
        notes_.add(error.what());
        unreadable_.push_back(paths_[next_path_ - 1]);
      }
      close();
    }
    if (!unreadable_.empty()) {
      const std::vector<std::string> unreadable = std::exchange(unreadable_, {});
      throw RunError(fmt::format("{} of {} capture files could not be read whole: {}", unreadable.size(), paths_.size(),
                                 fmt::join(unreadable, ", ")));
    }
    return {.state = Burst::State::kEnd, .now_ns = clock_.end_ns()};
  }

  PacketMemory memory() const override { return file_ != nullptr ? file_->memory() : nullptr; }
  TimestampSource timestamp_source() const override { return TimestampSource::kFile; }
  bool is_live() const override { return false; }

  double progress() const override {
    const std::lock_guard lock(mutex_);
    const double of_file = file_ != nullptr ? file_->progress() : 0;
    if (of_file < 0) return of_file;
    return (static_cast<double>(files_read_) + of_file) / static_cast<double>(paths_.size());
  }

 private:
  Burst timed(std::span<RawPacket> packets) {
    for (RawPacket& packet : packets) {
      packet.behind_ns = static_cast<std::int64_t>(clock_.advance(packet.time_ns) - packet.time_ns);
      if (packet.wire > kGreatestFrame) [[unlikely]] {
        packet.wire = packet.captured;
        counters_.add(Counter::kPacketsImpossibleLength);
      }
    }
    counters_.set(Counter::kTimeStepped, clock_.steps_back());
    return {.state = Burst::State::kPackets,
            .packets = packets,
            .link_type = file_->link_type(),
            .now_ns = clock_.now_ns()};
  }

  // Opens the next file. False if the run is stopped before the file is open.
  bool open_next() {
    std::unique_ptr<CaptureFile> next;
    try {
      next = open_capture_file(paths_[next_path_++], stop_, counters_);
    } catch (const RunError&) {
      if (stop_) return false;  // the stop ended the pipe early; the capture is not damaged
      throw;
    }
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
  Counters& counters_;
  std::size_t next_path_ = 0;
  std::vector<std::string> unreadable_;
  std::array<RawPacket, kBurstPackets> packets_;
  PacketClock clock_;
  mutable std::mutex mutex_;  // guards the next two members, which progress() reads
  std::size_t files_read_ = 0;
  std::unique_ptr<CaptureFile> file_;
};

}  // namespace

std::unique_ptr<PacketSource> make_capture_source(std::vector<std::string> paths, const std::atomic<bool>& stop,
                                                  Notes& notes, Counters& counters) {
  return std::make_unique<CaptureSource>(std::move(paths), stop, notes, counters);
}

}  // namespace spanflow
