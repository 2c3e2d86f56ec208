// Reads pcapng (draft-ietf-opsawg-pcapng) in place: the packets are views into the stream's block. A pcapng file is a
// series of blocks. Each interface of a section has its own link type and time resolution.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/units.h"
#include "capture/byte_order.h"
#include "capture/capture_file.h"

namespace spanflow {
namespace {

namespace block_type {
constexpr std::uint32_t kSectionHeader = 0x0a0d0d0a;
constexpr std::uint32_t kInterface = 1;
constexpr std::uint32_t kPacket = 2;  // obsolete, but old files have it
constexpr std::uint32_t kSimplePacket = 3;
constexpr std::uint32_t kInterfaceStatistics = 5;
constexpr std::uint32_t kEnhancedPacket = 6;
}  // namespace block_type

constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint32_t kBlockHeader = 8;   // type, length
constexpr std::uint32_t kBlockTrailer = 4;  // the length again
constexpr std::uint32_t kLeastBlock = kBlockHeader + kBlockTrailer;
// Longer blocks hold no packet that can be read, and are skipped without being read as a whole.
constexpr std::uint32_t kGreatestBlock = 2 * kGreatestPacket;
constexpr std::size_t kMostInterfaces = 65'536;

constexpr std::uint32_t padded(std::uint32_t octets) { return (octets + 3) & ~3U; }

// Converts the timestamps of an interface to ns since the epoch.
class Resolution {
 public:
  // Takes the value of the option if_tsresol: a negative power of 10, or of 2 if the first bit is 1.
  void set(std::uint8_t exponent) {
    constexpr std::uint8_t kPowerOf2 = 0x80;
    shift_ = exponent & kPowerOf2 ? exponent & ~kPowerOf2 : 0;
    multiplier_ = divisor_ = 1;
    if (exponent & kPowerOf2) {
      multiplier_ = kNanosecondsPerSecond;
      return;
    }
    constexpr int kNanoseconds = 9;
    constexpr int kMostDigits = 19;  // of a number of 64 bits
    for (int i = exponent; i < kNanoseconds; ++i) multiplier_ *= 10;
    for (int i = kNanoseconds; i < std::min<int>(exponent, kNanoseconds + kMostDigits); ++i) divisor_ *= 10;
  }
  // Takes the value of the option if_tsoffset.
  void set_offset(std::uint64_t seconds) { offset_ns_ = seconds * kNanosecondsPerSecond; }

  std::uint64_t nanoseconds(std::uint64_t ticks) const {
    if (divisor_ == 1 && shift_ == 0) return ticks * multiplier_ + offset_ns_;
    return static_cast<std::uint64_t>((static_cast<unsigned __int128>(ticks) * multiplier_ >> shift_) / divisor_) +
           offset_ns_;
  }

 private:
  std::uint64_t multiplier_ = 1000;  // microseconds, unless the interface says otherwise
  std::uint64_t divisor_ = 1;
  unsigned shift_ = 0;
  std::uint64_t offset_ns_ = 0;  // modulo 2^64, because the offset may be negative
};

struct Interface {
  std::optional<LinkType> link_type;
  std::uint32_t snap_length = 0;  // 0: no limit
  Resolution resolution;
  std::uint64_t dropped_by_interface = 0;
  std::uint64_t dropped_by_system = 0;
};

class Pcapng : public CaptureFile {
 public:
  Pcapng(const std::string& path, std::unique_ptr<InputStream> stream, Counters& counters)
      : CaptureFile(path, std::move(stream)), counters_(counters) {}

  std::size_t read(std::span<RawPacket> packets) override {
    while (!ended_) {
      if (!skip() || (!whole_block() && !fill_to_whole_block())) return 0;
      std::size_t count = 0;
      while (count < packets.size() && !ended_ && to_skip_ == 0 && whole_block()) {
        const std::optional<Interface*> interface = interface_of_packet();
        if (interface && count > 0 && (*interface)->link_type != link_type()) break;
        if (take(interface.value_or(nullptr), packets[count])) ++count;
      }
      if (count > 0) return count;
    }
    return 0;
  }

  bool ready(int wait_ms) override { return ended_ || whole_block() || stream_->ready(wait_ms); }

 private:
  using Octets = std::span<const std::uint8_t>;

  // --- Blocks ---

  const std::uint8_t* data() const { return stream_->available().data(); }
  std::uint32_t type() const { return order_.u32(data()); }
  // Returns the length of the next block. The length of a section header has the byte order of the new section.
  std::uint32_t length() const {
    if (type() != block_type::kSectionHeader) return order_.u32(data() + 4);
    return order_of_section().u32(data() + 4);
  }
  ByteOrder order_of_section() const { return ByteOrder(ByteOrder().u32(data() + kBlockHeader) != kByteOrderMagic); }
  bool has_header() const { return stream_->available().size() >= kLeastBlock; }
  bool whole_block() const {
    return has_header() &&
           (length() < kLeastBlock || length() > kGreatestBlock || stream_->available().size() >= length());
  }

  bool fill_to_whole_block() {
    while (!whole_block()) {
      if (stream_->fill()) continue;
      ended_ = true;
      if (!stream_->available().empty()) cut_short();
      return false;
    }
    return true;
  }

  bool is_packet() const {
    return type() == block_type::kPacket || type() == block_type::kSimplePacket ||
           type() == block_type::kEnhancedPacket;
  }

  // Skips the rest of a block that is too long to be read as a whole. False if the file ends inside it.
  bool skip() {
    while (to_skip_ > 0) {
      const std::size_t octets = std::min<std::uint64_t>(to_skip_, stream_->available().size());
      stream_->consume(octets);
      to_skip_ -= octets;
      if (to_skip_ == 0 || stream_->fill()) continue;
      ended_ = true;
      cut_short();
      return false;
    }
    return true;
  }

  void fail(std::string why) {
    damaged(std::move(why));
    ended_ = true;
  }

  // Consumes the next block. True if it was a packet, which is then in `packet`.
  bool take(Interface* interface, RawPacket& packet) {
    const std::uint32_t octets = length();
    if (octets < kLeastBlock || octets % 4 != 0) {
      fail(fmt::format("a block cannot have {} octets", octets));
      return false;
    }
    if (octets > kGreatestBlock) {
      if (is_packet()) fail(fmt::format("a packet cannot have {} octets", octets));
      to_skip_ = octets;
      return false;
    }
    const Octets block = stream_->available().first(octets);
    const bool is_packet = take_block(block, interface, packet);
    if (!ended_) stream_->consume(octets);
    return is_packet && !ended_;
  }

  bool take_block(Octets block, Interface* interface, RawPacket& packet) {
    switch (type()) {
      case block_type::kSectionHeader:
        begin_section(block);
        return false;
      case block_type::kInterface:
        add_interface(block);
        return false;
      case block_type::kInterfaceStatistics:
        note_losses(block);
        return false;
      case block_type::kPacket:
      case block_type::kEnhancedPacket:
        return take_packet(block, interface, packet);
      case block_type::kSimplePacket:
        return take_simple_packet(block, interface, packet);
      default:
        return false;  // names, secrets, comments of other programs
    }
  }

  // --- Sections and interfaces ---

  void begin_section(Octets block) {
    constexpr std::uint32_t kSectionBody = 16;
    const ByteOrder order = order_of_section();
    if (block.size() < kLeastBlock + kSectionBody || order.u32(block.data() + kBlockHeader) != kByteOrderMagic) {
      return fail("a section header is damaged");
    }
    if (const std::uint16_t major = order.u16(block.data() + 12); major != 1) {
      return fail(fmt::format("version {} of pcapng is not supported", major));
    }
    order_ = order;
    interfaces_.clear();
  }

  void add_interface(Octets block) {
    constexpr std::uint32_t kInterfaceBody = 8;
    if (block.size() < kLeastBlock + kInterfaceBody) return fail("the description of an interface is cut short");
    if (interfaces_.size() == kMostInterfaces) return fail("it has too many interfaces");
    Interface& interface = interfaces_.emplace_back();
    interface.link_type = link_type_from_pcap(order_.u16(block.data() + 8));
    interface.snap_length = order_.u32(block.data() + 12);
    for_each_option(block, kBlockHeader + kInterfaceBody, [&interface, this](std::uint16_t code, Octets value) {
      constexpr std::uint16_t kResolution = 9;
      constexpr std::uint16_t kOffset = 14;
      if (code == kResolution && !value.empty()) interface.resolution.set(value[0]);
      if (code == kOffset && value.size() == 8) interface.resolution.set_offset(order_.u64(value.data()));
    });
  }

  // The counts of an interface go on from block to block, so only their growth is added.
  void note_losses(Octets block) {
    constexpr std::uint32_t kStatisticsBody = 12;
    if (block.size() < kLeastBlock + kStatisticsBody) return fail("the statistics of an interface are cut short");
    Interface* const interface = find_interface(order_.u32(block.data() + 8));
    if (interface == nullptr) return;
    for_each_option(block, kBlockHeader + kStatisticsBody, [interface, this](std::uint16_t code, Octets value) {
      constexpr std::uint16_t kDroppedByInterface = 5;
      constexpr std::uint16_t kDroppedBySystem = 7;
      if (value.size() != 8) return;
      const std::uint64_t count = order_.u64(value.data());
      if (code == kDroppedByInterface) raise(Counter::kPacketsNicMissed, interface->dropped_by_interface, count);
      if (code == kDroppedBySystem) raise(Counter::kPacketsKernelDropped, interface->dropped_by_system, count);
    });
  }

  void raise(Counter counter, std::uint64_t& known, std::uint64_t count) {
    if (count <= known) return;
    counters_.add(counter, count - known);
    known = count;
  }

  template <typename Take>
  void for_each_option(Octets block, std::uint32_t begin, const Take& take) const {
    constexpr std::uint32_t kOptionHeader = 4;
    Octets rest = block.first(block.size() - kBlockTrailer).subspan(begin);
    while (rest.size() >= kOptionHeader) {
      const std::uint16_t code = order_.u16(rest.data());
      const std::uint16_t octets = order_.u16(rest.data() + 2);
      rest = rest.subspan(kOptionHeader);
      if (code == 0 || octets > rest.size()) return;
      take(code, rest.first(octets));
      rest = rest.subspan(std::min<std::size_t>(padded(octets), rest.size()));
    }
  }

  Interface* find_interface(std::uint32_t number) {
    return number < interfaces_.size() ? &interfaces_[number] : nullptr;
  }

  // Returns the interface of the next block if the block holds a packet that can be decoded.
  std::optional<Interface*> interface_of_packet() {
    std::uint32_t number = 0;
    switch (type()) {
      case block_type::kPacket:
        number = order_.u16(data() + 8);
        break;
      case block_type::kEnhancedPacket:
        number = order_.u32(data() + 8);
        break;
      case block_type::kSimplePacket:
        break;
      default:
        return std::nullopt;
    }
    Interface* const interface = find_interface(number);
    if (interface == nullptr || !interface->link_type) return std::nullopt;
    return interface;
  }

  // --- Packets ---

  // Reads the packet blocks of both kinds. They differ only in the number of the interface, which the caller has read.
  bool take_packet(Octets block, const Interface* interface, RawPacket& packet) {
    constexpr std::uint32_t kHeader = 28;
    if (block.size() < kHeader + kBlockTrailer) return damaged_packet();
    const std::uint8_t* const at = block.data();
    const std::uint64_t ticks = static_cast<std::uint64_t>(order_.u32(at + 12)) << 32 | order_.u32(at + 16);
    const std::uint32_t captured = order_.u32(at + 20);
    if (captured > block.size() - kHeader - kBlockTrailer) return damaged_packet();
    if (interface == nullptr) return cannot_be_decoded();
    last_time_ns_ = interface->resolution.nanoseconds(ticks);
    return fill_in(packet, *interface, at + kHeader, captured, order_.u32(at + 24));
  }

  // A simple packet has no time: it gets the time of the packet before.
  bool take_simple_packet(Octets block, const Interface* interface, RawPacket& packet) {
    constexpr std::uint32_t kHeader = 12;
    if (block.size() < kHeader + kBlockTrailer) return damaged_packet();
    if (interface == nullptr) return cannot_be_decoded();
    const std::uint32_t wire = order_.u32(block.data() + 8);
    auto captured = std::min(wire, static_cast<std::uint32_t>(block.size()) - kHeader - kBlockTrailer);
    if (interface->snap_length != 0) captured = std::min(captured, interface->snap_length);
    return fill_in(packet, *interface, block.data() + kHeader, captured, wire);
  }

  bool fill_in(RawPacket& packet, const Interface& interface, const std::uint8_t* octets, std::uint32_t captured,
               std::uint32_t wire) {
    set_link_type(*interface.link_type);
    packet = {.data = octets, .captured = captured, .wire = std::max(wire, captured), .time_ns = last_time_ns_};
    return true;
  }

  bool damaged_packet() {
    fail("a packet is longer than its block");
    return false;
  }

  bool cannot_be_decoded() {
    counters_.add(Counter::kPacketsReceived);
    counters_.add(Counter::kIgnoredLinkType);
    return false;
  }

  Counters& counters_;
  ByteOrder order_;
  std::vector<Interface> interfaces_;
  std::uint64_t last_time_ns_ = 0;
  std::uint64_t to_skip_ = 0;  // number of octets left of a block that is too long to be read as a whole
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<CaptureFile> open_pcapng(const std::string& path, std::unique_ptr<InputStream>& stream,
                                         Counters& counters) {
  while (stream->available().size() < kLeastBlock && stream->fill()) {
  }
  const auto head = stream->available();
  if (head.size() < kLeastBlock || ByteOrder().u32(head.data()) != block_type::kSectionHeader) return nullptr;
  const std::uint32_t magic = ByteOrder().u32(head.data() + kBlockHeader);
  if (magic != kByteOrderMagic && magic != __builtin_bswap32(kByteOrderMagic)) return nullptr;
  return std::make_unique<Pcapng>(path, std::move(stream), counters);
}

}  // namespace spanflow
