// Reads the rarer variants of pcap with libpcap.
#include <fmt/format.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/units.h"
#include "capture/capture_file.h"

namespace spanflow {
namespace {

struct PcapDeleter {
  void operator()(pcap_t* pcap) const { pcap_close(pcap); }
};

class LibpcapFile : public CaptureFile {
 public:
  LibpcapFile(const std::string& path, std::unique_ptr<InputStream> stream) : CaptureFile(path, std::move(stream)) {
    std::array<char, PCAP_ERRBUF_SIZE> error{};
    std::FILE* file = stream_->open_file();
    pcap_.reset(pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, error.data()));
    if (pcap_ == nullptr) {
      std::fclose(file);
      throw RunError(
          fmt::format("{}: not a capture: {}", path_, stream_->error().empty() ? error.data() : stream_->error()));
    }
    set_pcap_link_type(pcap_datalink(pcap_.get()));
  }

  // Copies the packets into storage_, because libpcap's buffer holds only one packet at a time.
  std::size_t read(std::span<RawPacket> packets) override {
    if (!has_room()) {
      storage_ = blocks_.renew(std::move(storage_));
      used_ = 0;
    }
    std::size_t count = 0;
    while (count < packets.size() && has_room() && next(packets[count])) ++count;
    return count;
  }

  OctetBlocks::Block memory() const override { return storage_; }

  // Always true, because libpcap and stdio do not tell how much data they have buffered. If a pipe has no data, read()
  // waits.
  bool ready(int) override { return true; }

 private:
  bool has_room() const { return used_ + kGreatestPacket <= storage_->size(); }

  bool next(RawPacket& packet) {
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    if (ended_) return false;
    const int result = pcap_next_ex(pcap_.get(), &header, &data);
    ended_ = result != 1;
    if (result == PCAP_ERROR) report(pcap_geterr(pcap_.get()));
    if (ended_) return false;
    std::uint8_t* copy = storage_->data() + used_;
    std::copy_n(data, header->caplen, copy);
    used_ += header->caplen;
    packet = {.data = copy,
              .captured = header->caplen,
              .wire = std::max(header->len, header->caplen),
              .time_ns = static_cast<std::uint64_t>(header->ts.tv_sec) * kNanosecondsPerSecond +
                         static_cast<std::uint64_t>(header->ts.tv_usec)};  // in ns, see the constructor
    return true;
  }

  void report(const std::string& error) {
    // libpcap's message for a file that ends inside a record contains "truncated".
    if (error.find("truncated") != std::string::npos) {
      cut_short();
    } else {
      damaged(error);
    }
  }

  std::unique_ptr<pcap_t, PcapDeleter> pcap_;
  OctetBlocks blocks_{4 * kGreatestPacket};
  OctetBlocks::Block storage_ = blocks_.take();
  std::size_t used_ = 0;  // number of octets of storage_ in use
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<CaptureFile> open_with_libpcap(const std::string& path, std::unique_ptr<InputStream> stream) {
  return std::make_unique<LibpcapFile>(path, std::move(stream));
}

}  // namespace spanflow
