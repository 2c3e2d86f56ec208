// One capture file of any supported format.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "capture/input_stream.h"
#include "decode/decoder.h"
#include "decode/packet.h"

namespace spanflow {

// In octets, as captured. A greater one means that the file is damaged. libpcap has the same limit.
inline constexpr std::uint32_t kGreatestPacket = 262'144;

// Used by one thread, except for progress(). Times are in nanoseconds, whatever the file's resolution is.
class CaptureFile {
 public:
  virtual ~CaptureFile() = default;

  LinkType link_type() const { return link_type_; }
  double progress() const { return stream_->progress(); }

  // Returns the memory that holds the packets of the last read(). They stay valid while a reference to this memory
  // exists.
  virtual OctetBlocks::Block memory() const { return stream_->memory(); }

  // Fills in up to packets.size() packets and returns their number. They are valid until the next call. Returns 0 at
  // the end of the file, or while ready() is false.
  virtual std::size_t read(std::span<RawPacket> packets) = 0;
  // Waits up to `wait_ms` for data from a pipe. False if read() would still have to wait.
  virtual bool ready(int wait_ms) = 0;

  // To be called after the end. Returns a note if the file was cut short, by a full disk or because a program is still
  // writing it. Throws RunError if the file is damaged.
  std::optional<std::string> check() const;

 protected:
  CaptureFile(const std::string& path, std::unique_ptr<InputStream> stream)
      : path_(shown_input(path)), stream_(std::move(stream)) {}

  // Throws RunError if frames of this link type cannot be read.
  void set_link_type(int pcap_link_type);
  void cut_short() { cut_short_ = true; }
  void damaged(std::string why) { damage_ = std::move(why); }

  const std::string path_;
  const std::unique_ptr<InputStream> stream_;

 private:
  LinkType link_type_ = LinkType::kEthernet;
  bool cut_short_ = false;
  std::string damage_;
};

// Throws RunError if the file cannot be opened or is not a capture.
std::unique_ptr<CaptureFile> open_capture_file(const std::string& path, const std::atomic<bool>& stop);

// Each format has a file of its own. Classic pcap is read in place. For any other format, open_classic_pcap() returns
// nullptr and leaves the data in the stream; libpcap then reads that format.
std::unique_ptr<CaptureFile> open_classic_pcap(const std::string& path, std::unique_ptr<InputStream>& stream);
std::unique_ptr<CaptureFile> open_with_libpcap(const std::string& path, std::unique_ptr<InputStream> stream);

}  // namespace spanflow
