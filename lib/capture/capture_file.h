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
#include "telemetry/counters.h"

namespace spanflow {

// Maximum number of captured octets of a packet. A greater number in a file means that the file is damaged. libpcap has
// the same limit.
inline constexpr std::uint32_t kGreatestPacket = 262'144;

// Used by one thread; any thread may call progress(). Packet times are in ns, whatever the resolution of the file is.
class CaptureFile {
 public:
  virtual ~CaptureFile() = default;

  // Returns the link type of the packets of the last read().
  LinkType link_type() const { return link_type_; }
  double progress() const { return stream_->progress(); }

  // Returns the memory that holds the packets of the last read(). The packets stay valid while a reference to this
  // memory exists.
  virtual OctetBlocks::Block memory() const { return stream_->memory(); }

  // Fills in up to packets.size() packets and returns their number. Waits for data from a pipe if necessary. The
  // packets are valid until the next read(), and longer if the caller keeps a reference to memory(). Returns 0 if the
  // file has ended or is damaged, or if the run stops. All packets of one call have the same link type.
  virtual std::size_t read(std::span<RawPacket> packets) = 0;
  // Waits up to `wait_ms` milliseconds for data from a pipe. False if no data has come, so that read() would wait.
  virtual bool ready(int wait_ms) = 0;

  // Call this when read() has returned 0. Returns a note if the file is cut short (the disk was full, or a program is
  // still writing the file). Otherwise returns std::nullopt. Throws RunError if the file is damaged.
  std::optional<std::string> check() const;

 protected:
  CaptureFile(const std::string& path, std::unique_ptr<InputStream> stream)
      : path_(shown_input(path)), stream_(std::move(stream)) {}

  void set_link_type(LinkType link_type) { link_type_ = link_type; }
  // Throws RunError if frames of this link type of pcap cannot be decoded.
  void set_pcap_link_type(int number);
  void cut_short() { cut_short_ = true; }
  void damaged(std::string why) { damage_ = std::move(why); }

  const std::string path_;
  const std::unique_ptr<InputStream> stream_;

 private:
  LinkType link_type_ = LinkType::kEthernet;
  bool cut_short_ = false;
  std::string damage_;
};

// `counters` gets the packets that cannot be decoded, and the losses that the file tells of. Throws RunError if the
// file cannot be opened or is not a capture.
std::unique_ptr<CaptureFile> open_capture_file(const std::string& path, const std::atomic<bool>& stop,
                                               Counters& counters);

// open_classic_pcap() and open_pcapng() read these formats in place. For any other format, they return nullptr and
// leave the data in the stream; open_with_libpcap() then reads the stream. The code is in classic_pcap.cc, pcapng.cc
// and libpcap_file.cc.
std::unique_ptr<CaptureFile> open_classic_pcap(const std::string& path, std::unique_ptr<InputStream>& stream);
std::unique_ptr<CaptureFile> open_pcapng(const std::string& path, std::unique_ptr<InputStream>& stream,
                                         Counters& counters);
std::unique_ptr<CaptureFile> open_with_libpcap(const std::string& path, std::unique_ptr<InputStream> stream);

}  // namespace spanflow
