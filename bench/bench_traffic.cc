// Writes generated traffic to a classic pcap file.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <iostream>
#include <span>
#include <system_error>

#include "guarded.h"
#include "traffic_options.h"

namespace spanflow::bench {
namespace {

class PcapFile {
 public:
  explicit PcapFile(const std::string& path) : descriptor_(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0666)) {
    if (descriptor_ < 0) throw std::system_error(errno, std::generic_category(), path);
    // Magic number, version 2.4, time zone, accuracy, snap length, LINKTYPE_ETHERNET.
    constexpr std::array<std::uint32_t, 6> kHeader = {0xa1b2c3d4, 0x00040002, 0, 0, 262'144, 1};
    std::memcpy(room_for(sizeof kHeader).data(), kHeader.data(), sizeof kHeader);
  }
  PcapFile(const PcapFile&) = delete;
  PcapFile& operator=(const PcapFile&) = delete;
  ~PcapFile() { close(descriptor_); }

  // Adds a packet. Returns its octets in the buffer, which the caller may change until the next call.
  std::span<std::uint8_t> add(const Frame& frame, std::uint64_t time_ns) {
    const auto captured = static_cast<std::uint32_t>(frame.octets.size());
    const std::array<std::uint32_t, 4> header = {static_cast<std::uint32_t>(time_ns / 1'000'000'000),
                                                 static_cast<std::uint32_t>(time_ns % 1'000'000'000 / 1000), captured,
                                                 frame.wire};
    const std::span<std::uint8_t> room = room_for(sizeof header + captured);
    std::memcpy(room.data(), header.data(), sizeof header);
    const std::span<std::uint8_t> octets = room.subspan(sizeof header);
    std::memcpy(octets.data(), frame.octets.data(), captured);
    return octets;
  }

  void flush() {
    for (std::size_t done = 0; done < used_;) {
      const ssize_t written = write(descriptor_, buffer_.data() + done, used_ - done);
      if (written < 0) throw std::system_error(errno, std::generic_category(), "the file cannot be written");
      done += static_cast<std::size_t>(written);
    }
    used_ = 0;
  }

 private:
  std::span<std::uint8_t> room_for(std::size_t octets) {
    if (used_ + octets > buffer_.size()) flush();
    const std::span<std::uint8_t> room{buffer_.data() + used_, octets};
    used_ += octets;
    return room;
  }

  int descriptor_;
  std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(1 << 20);
  std::size_t used_ = 0;
};

void write_all(Traffic traffic, const std::string& path) {
  PcapFile file(path);
  while (const auto packet = traffic.next()) {
    traffic.address(file.add(traffic.frames()[packet->frame], packet->time_ns), *packet);
  }
  file.flush();
  std::cerr << traffic.flows() << " flows\n";
}

int run(int argc, char** argv) {
  CLI::App parser{"Writes generated traffic to a capture file."};
  TrafficOptions options{.flows = 1000, .packets = 100'000};
  std::string kind = "mixed";
  std::string path;
  add_traffic_options(parser, options, kind);
  parser.add_option("-o,--output", path, "capture file to write")->required();
  CLI11_PARSE(parser, argc, argv);
  const Kind& chosen = kind_named(kind);
  options.order = chosen.order;
  write_all(Traffic(options, chosen.conversations()), path);
  return 0;
}

}  // namespace
}  // namespace spanflow::bench

int main(int argc, char** argv) { return spanflow::bench::guarded("bench_traffic", spanflow::bench::run, argc, argv); }
