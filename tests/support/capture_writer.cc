#include "support/capture_writer.h"

#include <zlib.h>
#include <zstd.h>

#include <stdexcept>

#include "support/byte_order.h"

namespace spanflow::testing {
namespace {

// Appends integers to a buffer, in this machine's byte order or in the opposite byte order.
class Writer {
 public:
  explicit Writer(bool swapped) : swapped_(swapped) {}

  Writer& u16(std::uint16_t value) { return put(swapped_ ? __builtin_bswap16(value) : value); }
  Writer& u32(std::uint32_t value) { return put(swapped_ ? __builtin_bswap32(value) : value); }
  Writer& octets(const Bytes& more) {
    append(out_, more);
    return *this;
  }
  Writer& pad_to_four() {
    while (out_.size() % 4 != 0) out_.push_back(0);
    return *this;
  }
  Bytes take() { return std::move(out_); }

 private:
  template <typename T>
  Writer& put(T value) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    out_.insert(out_.end(), bytes, bytes + sizeof value);
    return *this;
  }

  bool swapped_;
  Bytes out_;
};

}  // namespace

int pcap_number(LinkType type) { return static_cast<int>(type); }

Bytes pcap_of(const std::vector<TestPacket>& packets, const PcapForm& form) {
  const auto link_type = packets.empty() ? LinkType::kEthernet : packets.front().link_type;
  Writer out(form.other_byte_order);
  out.u32(form.nanoseconds ? 0xa1b23c4d : 0xa1b2c3d4).u16(2).u16(4).u32(0).u32(0).u32(262'144);
  out.u32(static_cast<std::uint32_t>(pcap_number(link_type)));
  for (const TestPacket& packet : packets) {
    const auto fraction = static_cast<std::uint32_t>(packet.time_ns % 1'000'000'000);
    out.u32(static_cast<std::uint32_t>(packet.time_ns / 1'000'000'000));
    out.u32(form.nanoseconds ? fraction : fraction / 1000);
    out.u32(static_cast<std::uint32_t>(packet.bytes.size())).u32(packet.wire).octets(packet.bytes);
  }
  return out.take();
}

Bytes pcapng_of(const std::vector<TestPacket>& packets) {
  const auto link_type = packets.empty() ? LinkType::kEthernet : packets.front().link_type;
  Writer out(false);
  out.u32(0x0a0d0d0a).u32(28).u32(0x1a2b3c4d).u16(1).u16(0).u32(0xffffffff).u32(0xffffffff).u32(28);
  out.u32(1).u32(20).u16(static_cast<std::uint16_t>(pcap_number(link_type))).u16(0).u32(262'144).u32(20);
  for (const TestPacket& packet : packets) {
    const std::uint64_t microseconds = packet.time_ns / 1000;
    const auto padded = static_cast<std::uint32_t>((packet.bytes.size() + 3) / 4 * 4);
    out.u32(6).u32(32 + padded).u32(0);
    out.u32(static_cast<std::uint32_t>(microseconds >> 32)).u32(static_cast<std::uint32_t>(microseconds));
    out.u32(static_cast<std::uint32_t>(packet.bytes.size())).u32(packet.wire).octets(packet.bytes).pad_to_four();
    out.u32(32 + padded);
  }
  return out.take();
}

Bytes gzip(const Bytes& content) {
  constexpr int kGzipFraming = 15 + 16;
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipFraming, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("deflateInit2");
  }
  Bytes out(deflateBound(&stream, content.size()) + 64);
  stream.next_in = const_cast<Bytef*>(content.data());
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(out.size() - stream.avail_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("deflate");
  return out;
}

Bytes zstd(const Bytes& content) {
  Bytes out(ZSTD_compressBound(content.size()));
  const std::size_t size = ZSTD_compress(out.data(), out.size(), content.data(), content.size(), 1);
  if (ZSTD_isError(size) != 0) throw std::runtime_error("ZSTD_compress");
  out.resize(size);
  return out;
}

}  // namespace spanflow::testing
