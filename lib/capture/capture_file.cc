#include "capture/capture_file.h"

#include <fmt/format.h>
#include <pcap/pcap.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <mutex>

#include "base/error.h"
#include "capture/input_stream.h"
#include "capture/packet_clock.h"
#include "telemetry/log.h"

namespace spanflow {
namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

// One file. Times are nanoseconds whatever the file's resolution.
class CaptureFile {
 public:
  CaptureFile(const std::string& path, const std::atomic<bool>& stop) : path_(path), stream_(path, stop) {
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    std::FILE* file = stream_.open_file();
    pcap_ = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error.data());
    if (pcap_ == nullptr) {
      std::fclose(file);
      throw RunError(fmt::format("{}: no capture: {}", path, stream_.error().empty() ? error.data() : stream_.error()));
    }
    const auto link_type = link_type_from_pcap(pcap_datalink(pcap_));
    if (!link_type) {
      const char* name = pcap_datalink_val_to_name(pcap_datalink(pcap_));
      const std::string shown = name != nullptr ? name : std::to_string(pcap_datalink(pcap_));
      pcap_close(pcap_);
      throw RunError(fmt::format("{}: link type {} is not supported", path, shown));
    }
    link_type_ = *link_type;
  }
  ~CaptureFile() { pcap_close(pcap_); }
  CaptureFile(const CaptureFile&) = delete;
  CaptureFile& operator=(const CaptureFile&) = delete;

  LinkType link_type() const { return link_type_; }
  double progress() const { return stream_.progress(); }
  bool ready(int wait_ms) { return stream_.ready(wait_ms); }

  // False at the end, which is where check() says if the file was whole. `packet.data` is valid until the next call.
  bool next(RawPacket& packet) {
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    if (ended_) return false;
    const int result = pcap_next_ex(pcap_, &header, &data);
    if (result != 1) {
      ended_ = true;
      failed_ = result == PCAP_ERROR;
      return false;
    }
    packet = {.data = data,
              .captured = header->caplen,
              .wire = std::max(header->len, header->caplen),
              .time_ns = static_cast<std::uint64_t>(header->ts.tv_sec) * kNanosecondsPerSecond +
                         static_cast<std::uint64_t>(header->ts.tv_usec)};
    return true;
  }

  // A file that just stops was cut, by a full disk or because it is still being written: a warning. Anything else is
  // damage: throws RunError.
  void check() const {
    if (!failed_) return;
    const std::string what = stream_.error().empty() ? pcap_geterr(pcap_) : stream_.error();
    const std::string line =
        fmt::format("{}: offset {}: {}", path_, stream_.offset(), printable(what));
    if (what.find("truncated") == std::string::npos && what.find("cut short") == std::string::npos) {
      throw RunError(line);
    }
    log().warn("{}; metered what came before", line);
  }

 private:
  std::string path_;
  InputStream stream_;
  pcap_t* pcap_ = nullptr;
  LinkType link_type_ = LinkType::kEthernet;
  bool ended_ = false;
  bool failed_ = false;
};

class CaptureFileSource : public PacketSource {
 public:
  CaptureFileSource(std::vector<std::string> paths, const std::atomic<bool>& stop)
      : paths_(std::move(paths)), stop_(stop) {
    for (const std::string& path : paths_) {
      if (path != "-" && ::access(path.c_str(), R_OK) != 0) {
        throw RunError(path + ": cannot be opened: " + std::strerror(errno));
      }
    }
    open_next();
  }

  Burst poll() override {
    while (file_ != nullptr && !stop_.load(std::memory_order_relaxed)) {
      if (!file_->ready(kWaitMs)) return {.state = Burst::State::kIdle, .now_ns = clock_.now_ns()};
      const std::size_t count = fill();
      if (count > 0) {
        return {.state = Burst::State::kPackets,
                .packets = std::span(packets_).first(count),
                .link_type = link_type_,
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
  static constexpr int kWaitMs = 100;
  static constexpr std::size_t kGreatestPacket = 262'144;  // libpcap's own limit

  // Copies up to a burst into our own memory: libpcap keeps only one packet.
  std::size_t fill() {
    storage_.clear();
    std::size_t count = 0;
    RawPacket packet;
    while (count < packets_.size() && storage_.size() + kGreatestPacket <= storage_.capacity()) {
      if (count > 0 && !file_->ready(0)) break;
      if (!file_->next(packet)) break;
      clock_.advance(packet.time_ns);
      const std::size_t at = storage_.size();
      storage_.insert(storage_.end(), packet.data, packet.data + packet.captured);
      packet.data = storage_.data() + at;
      packets_[count++] = packet;
    }
    return count;
  }

  void open_next() {
    std::unique_ptr<CaptureFile> next;
    if (next_path_ < paths_.size() && !stop_) next = std::make_unique<CaptureFile>(paths_[next_path_], stop_);
    if (next != nullptr) link_type_ = next->link_type();
    const std::lock_guard lock(mutex_);
    ++next_path_;
    file_ = std::move(next);
  }

  const std::vector<std::string> paths_;
  const std::atomic<bool>& stop_;
  std::size_t next_path_ = 0;
  std::array<RawPacket, kBurstPackets> packets_;
  std::vector<std::uint8_t> storage_ = [] {
    std::vector<std::uint8_t> storage;
    storage.reserve(4 * kGreatestPacket);
    return storage;
  }();
  LinkType link_type_ = LinkType::kEthernet;
  PacketClock clock_;
  mutable std::mutex mutex_;  // of file_, which progress() looks at
  std::unique_ptr<CaptureFile> file_;
};

}  // namespace

std::unique_ptr<PacketSource> make_capture_file_source(std::vector<std::string> paths, const std::atomic<bool>& stop) {
  return std::make_unique<CaptureFileSource>(std::move(paths), stop);
}

}  // namespace spanflow
