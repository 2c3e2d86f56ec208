// Reads classic pcap (draft-ietf-opsawg-pcap) in place: the packets are views into the stream's block.
#include <array>

#include "base/units.h"
#include "capture/byte_order.h"
#include "capture/capture_file.h"

namespace spanflow {
namespace {

constexpr std::size_t kFileHeader = 24;
constexpr std::size_t kRecordHeader = 16;

struct Format {
  ByteOrder order;
  std::uint32_t nanoseconds_per_fraction;
};

// Returns std::nullopt for other formats. Also returns std::nullopt for rare variants of pcap, which libpcap reads: old
// versions, and link types with a frame check sequence.
std::optional<Format> recognize(std::span<const std::uint8_t> header) {
  if (header.size() < kFileHeader) return std::nullopt;
  constexpr std::array<Format, 4> kFormats = {
      {{ByteOrder(false), 1000}, {ByteOrder(true), 1000}, {ByteOrder(false), 1}, {ByteOrder(true), 1}}};
  constexpr std::array<std::uint32_t, 4> kMagics = {0xa1b2c3d4, 0xa1b2c3d4, 0xa1b23c4d, 0xa1b23c4d};
  for (std::size_t i = 0; i < kFormats.size(); ++i) {
    const ByteOrder order = kFormats[i].order;
    if (order.u32(header.data()) != kMagics[i]) continue;
    const bool version_2_4 = order.u16(header.data() + 4) == 2 && order.u16(header.data() + 6) == 4;
    const bool plain_link_type = order.u32(header.data() + 20) <= 0xffff;
    if (version_2_4 && plain_link_type) return kFormats[i];
  }
  return std::nullopt;
}

class ClassicPcap : public CaptureFile {
 public:
  ClassicPcap(const std::string& path, std::unique_ptr<InputStream> stream, const Format& format)
      : CaptureFile(path, std::move(stream)), format_(format) {
    set_pcap_link_type(static_cast<int>(format.order.u32(stream_->available().data() + 20)));
    stream_->consume(kFileHeader);
  }

  std::size_t read(std::span<RawPacket> packets) override {
    if (ended_) return 0;
    if (!whole_packet() && !fill_to_whole_packet()) return 0;
    std::size_t count = 0;
    while (count < packets.size() && whole_packet()) packets[count++] = take();
    return count;
  }

  bool ready(int wait_ms) override { return ended_ || whole_packet() || stream_->ready(wait_ms); }

 private:
  bool whole_packet() const {
    const std::size_t size = stream_->available().size();
    return size >= kRecordHeader && next_length() <= kGreatestPacket && size >= kRecordHeader + next_length();
  }

  // Reads until the stream holds a whole packet. False if the file ends before the packet is whole, or is damaged.
  bool fill_to_whole_packet() {
    while (!whole_packet()) {
      if (const std::uint32_t length = next_length(); length > kGreatestPacket) {
        damaged("a packet cannot have " + std::to_string(length) + " octets");
        ended_ = true;
        return false;
      }
      if (!stream_->fill()) {
        ended_ = true;
        if (!stream_->available().empty()) cut_short();
        return false;
      }
    }
    return true;
  }

  // Returns the number of captured octets of the next packet; 0 while the packet's record header has not been read.
  std::uint32_t next_length() const {
    const auto data = stream_->available();
    return data.size() >= kRecordHeader ? format_.order.u32(data.data() + 8) : 0;
  }

  RawPacket take() {
    const std::uint8_t* header = stream_->available().data();
    const std::uint32_t captured = format_.order.u32(header + 8);
    const std::uint64_t seconds = format_.order.u32(header);
    const std::uint64_t fraction = format_.order.u32(header + 4);
    stream_->consume(kRecordHeader + captured);
    return {.data = header + kRecordHeader,
            .captured = captured,
            .wire = std::max(format_.order.u32(header + 12), captured),
            .time_ns = seconds * kNanosecondsPerSecond + fraction * format_.nanoseconds_per_fraction};
  }

  const Format format_;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<CaptureFile> open_classic_pcap(const std::string& path, std::unique_ptr<InputStream>& stream) {
  while (stream->available().size() < kFileHeader && stream->fill()) {
  }
  const auto format = recognize(stream->available());
  if (!format) return nullptr;
  return std::make_unique<ClassicPcap>(path, std::move(stream), *format);
}

}  // namespace spanflow
