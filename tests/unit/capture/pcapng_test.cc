// Reads pcapng files, which the test writes block by block.
#include <gmock/gmock.h>

#include <functional>

#include "base/error.h"
#include "capture/capture_source.h"
#include "support/error_of.h"
#include "support/packet_builder.h"
#include "support/temporary_folder.h"

namespace spanflow::testing::pcapng_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kTime = 1'700'000'000;

// Writes blocks in one of the byte orders.
class PcapngWriter {
 public:
  explicit PcapngWriter(bool other_order = false) : other_order_(other_order) { section(); }

  PcapngWriter& section(std::uint16_t major = 1) {
    return block(0x0a0d0d0a, [&](Bytes& body) {
      u32(body, 0x1a2b3c4d);
      u16(body, major);
      u16(body, 0);
      u32(body, 0xffffffff);
      u32(body, 0xffffffff);
    });
  }
  PcapngWriter& in_order(bool other) {
    other_order_ = other;
    return section();
  }
  struct Interface {
    std::uint16_t link_type = 1;
    std::uint32_t snap_length = 0;
    int resolution = -1;      // if_tsresol; -1: without this option
    std::int64_t offset = 0;  // if_tsoffset, in seconds
  };
  PcapngWriter& interface(const Interface& options) {
    return block(1, [&](Bytes& body) {
      u16(body, options.link_type);
      u16(body, 0);
      u32(body, options.snap_length);
      option(body, 2, {'e', 't', 'h'});
      if (options.resolution >= 0) option(body, 9, {static_cast<std::uint8_t>(options.resolution)});
      if (options.offset != 0) option(body, 14, octets(static_cast<std::uint64_t>(options.offset)));
      option(body, 0, {});
    });
  }
  PcapngWriter& packet(std::uint32_t interface, std::uint64_t ticks, const Bytes& data, std::uint32_t wire = 0) {
    return block(6, [&](Bytes& body) {
      u32(body, interface);
      u32(body, static_cast<std::uint32_t>(ticks >> 32));
      u32(body, static_cast<std::uint32_t>(ticks));
      u32(body, static_cast<std::uint32_t>(data.size()));
      u32(body, wire != 0 ? wire : static_cast<std::uint32_t>(data.size()));
      add_padded(body, data);
      option(body, 1, {'c', 'o', 'm', 'm', 'e', 'n', 't'});
    });
  }
  PcapngWriter& old_packet(std::uint16_t interface, std::uint64_t ticks, const Bytes& data) {
    return block(2, [&](Bytes& body) {
      u16(body, interface);
      u16(body, 0);
      u32(body, static_cast<std::uint32_t>(ticks >> 32));
      u32(body, static_cast<std::uint32_t>(ticks));
      u32(body, static_cast<std::uint32_t>(data.size()));
      u32(body, static_cast<std::uint32_t>(data.size()));
      add_padded(body, data);
    });
  }
  PcapngWriter& simple_packet(const Bytes& data, std::uint32_t wire) {
    return block(3, [&](Bytes& body) {
      u32(body, wire);
      add_padded(body, data);
    });
  }
  PcapngWriter& statistics(std::uint32_t interface, std::uint64_t dropped_by_interface,
                           std::uint64_t dropped_by_system) {
    return block(5, [&](Bytes& body) {
      u32(body, interface);
      u32(body, 0);
      u32(body, 0);
      option(body, 5, octets(dropped_by_interface));
      option(body, 7, octets(dropped_by_system));
    });
  }
  PcapngWriter& block(std::uint32_t type, const std::function<void(Bytes&)>& fill) {
    Bytes body;
    fill(body);
    u32(out_, type);
    u32(out_, static_cast<std::uint32_t>(body.size()) + 12);
    out_.insert(out_.end(), body.begin(), body.end());
    u32(out_, static_cast<std::uint32_t>(body.size()) + 12);
    return *this;
  }

  const Bytes& file() const { return out_; }
  Bytes octets(std::uint64_t value) const {
    Bytes bytes;
    for (int i = 0; i < 8; ++i)
      bytes.push_back(static_cast<std::uint8_t>(value >> (other_order_ ? 56 - 8 * i : 8 * i)));
    return bytes;
  }

 private:
  void u16(Bytes& out, std::uint16_t value) const {
    const auto low = static_cast<std::uint8_t>(value);
    const auto high = static_cast<std::uint8_t>(value >> 8);
    out.insert(out.end(), {other_order_ ? high : low, other_order_ ? low : high});
  }
  void u32(Bytes& out, std::uint32_t value) const {
    const auto low = static_cast<std::uint16_t>(value);
    const auto high = static_cast<std::uint16_t>(value >> 16);
    u16(out, other_order_ ? high : low);
    u16(out, other_order_ ? low : high);
  }
  static void add_padded(Bytes& out, const Bytes& data) {
    out.insert(out.end(), data.begin(), data.end());
    out.resize((out.size() + 3) / 4 * 4);
  }
  void option(Bytes& out, std::uint16_t code, const Bytes& value) const {
    u16(out, code);
    u16(out, static_cast<std::uint16_t>(value.size()));
    add_padded(out, value);
  }

  bool other_order_;
  Bytes out_;
};

struct Read {
  LinkType link_type;
  std::uint64_t time_ns;
  std::size_t captured;
  std::uint32_t wire;
  bool operator==(const Read&) const = default;
};

class PcapngTest : public ::testing::Test {
 protected:
  std::vector<Read> read(const Bytes& file) {
    const auto source = make_capture_source({folder_.write("a.pcapng", file)}, stop_, notes_, counters_);
    std::vector<Read> packets;
    for (Burst burst = source->poll(); burst.state != Burst::State::kEnd; burst = source->poll()) {
      for (const RawPacket& raw : burst.packets) {
        EXPECT_EQ(Bytes(raw.data, raw.data + raw.captured), Bytes(raw.captured, 7));
        packets.push_back({burst.link_type, raw.time_ns, raw.captured, raw.wire});
      }
    }
    return packets;
  }

  static Bytes data(std::size_t octets) { return Bytes(octets, 7); }
  static constexpr std::uint64_t kMicroseconds = kTime * 1'000'000;

  TemporaryFolder folder_;
  std::atomic<bool> stop_{false};
  Notes notes_;
  Counters counters_;
};

TEST_F(PcapngTest, EachPacketHasTheLinkTypeOfItsInterface) {
  PcapngWriter writer;
  writer.interface({.link_type = 1}).interface({.link_type = 101});
  writer.packet(0, kMicroseconds, data(60)).packet(1, kMicroseconds, data(40)).packet(0, kMicroseconds, data(61));
  EXPECT_THAT(read(writer.file()), ElementsAre(Read{LinkType::kEthernet, kTime * kSecond, 60, 60},
                                               Read{LinkType::kRawIp, kTime * kSecond, 40, 40},
                                               Read{LinkType::kEthernet, kTime * kSecond, 61, 61}));
}

TEST_F(PcapngTest, EachInterfaceHasItsResolutionAndOffset) {
  struct Case {
    int resolution;
    std::int64_t offset;
    std::uint64_t ticks;
    std::uint64_t time_ns;
  };
  const Case cases[] = {
      {-1, 0, kMicroseconds + 5, kTime * kSecond + 5'000},
      {0, 0, kTime, kTime * kSecond},
      {3, 0, kTime * 1000 + 5, kTime * kSecond + 5'000'000},
      {6, 100, 5, 100 * kSecond + 5'000},
      {6, -100, kMicroseconds, (kTime - 100) * kSecond},
      {9, 0, kTime * kSecond + 5, kTime * kSecond + 5},
      {12, 0, 5'000'007, 5'000},
      {0x80 | 1, 0, kTime * 2 + 1, kTime * kSecond + kSecond / 2},
      {0x80 | 20, 0, (kTime << 20) + (1 << 19), kTime * kSecond + kSecond / 2},
      {0x80 | 32, 0, (kTime << 32) + 1, kTime * kSecond},
  };
  for (const Case& each : cases) {
    SCOPED_TRACE(each.resolution);
    PcapngWriter writer;
    writer.interface({.resolution = each.resolution, .offset = each.offset}).packet(0, each.ticks, data(60));
    const auto packets = read(writer.file());
    ASSERT_EQ(packets.size(), 1U);
    EXPECT_EQ(packets[0].time_ns, each.time_ns);
  }
}

TEST_F(PcapngTest, ASectionMayHaveTheOtherByteOrderAndItsOwnInterfaces) {
  for (const bool other : {false, true}) {
    PcapngWriter writer(other);
    writer.interface({.link_type = 1}).packet(0, kMicroseconds, data(60));
    writer.in_order(!other).interface({.link_type = 113, .resolution = 9}).packet(0, kTime * kSecond, data(50));
    EXPECT_THAT(read(writer.file()), ElementsAre(Read{LinkType::kEthernet, kTime * kSecond, 60, 60},
                                                 Read{LinkType::kLinuxCooked, kTime * kSecond, 50, 50}));
  }
}

TEST_F(PcapngTest, ReadsThePacketBlocksOfAllThreeKinds) {
  PcapngWriter writer;
  writer.interface({.snap_length = 50}).packet(0, kMicroseconds, data(50), 1500);
  writer.simple_packet(data(50), 900).simple_packet(data(41), 41).old_packet(0, kMicroseconds + 1, data(45));
  EXPECT_THAT(read(writer.file()), ElementsAre(Read{LinkType::kEthernet, kTime * kSecond, 50, 1500},
                                               Read{LinkType::kEthernet, kTime * kSecond, 50, 900},
                                               Read{LinkType::kEthernet, kTime * kSecond, 41, 41},
                                               Read{LinkType::kEthernet, kTime * kSecond + 1000, 45, 45}));
}

TEST_F(PcapngTest, PacketsThatCannotBeDecodedAreCountedAndTheOthersRead) {
  PcapngWriter writer;
  writer.interface({.link_type = 189}).interface({.link_type = 1});
  writer.packet(0, kMicroseconds, data(64)).packet(7, kMicroseconds, data(64)).packet(1, kMicroseconds, data(60));
  EXPECT_EQ(read(writer.file()).size(), 1U);
  EXPECT_EQ(counters_.get(Counter::kPacketsReceived), 2U);
  EXPECT_EQ(counters_.get(Counter::kIgnoredLinkType), 2U);
}

TEST_F(PcapngTest, AFileWithoutInterfacesIsEmpty) { EXPECT_TRUE(read(PcapngWriter().file()).empty()); }

TEST_F(PcapngTest, OtherBlocksAreSkippedHoweverLong) {
  PcapngWriter writer;
  writer.interface({});
  for (const std::size_t octets : {0U, 64U, 600'000U, 3'000'000U}) {
    writer.block(0x0bad, [&](Bytes& body) { body.resize(octets); }).packet(0, kMicroseconds, data(60));
  }
  EXPECT_EQ(read(writer.file()).size(), 4U);
}

TEST_F(PcapngTest, LossesInTheStatisticsAreCountedOnce) {
  PcapngWriter writer;
  writer.interface({}).interface({}).statistics(0, 3, 5).packet(0, kMicroseconds, data(60));
  writer.statistics(0, 4, 9).statistics(1, 10, 0).statistics(9, 100, 100);
  EXPECT_EQ(read(writer.file()).size(), 1U);
  EXPECT_EQ(counters_.get(Counter::kPacketsNicMissed), 14U);
  EXPECT_EQ(counters_.get(Counter::kPacketsKernelDropped), 9U);
}

TEST_F(PcapngTest, DamageIsNamedWithItsOffset) {
  struct Case {
    std::function<void(Bytes&, std::size_t)> damage;  // gets the offset of the second packet's block
    std::string error;
  };
  const auto set = [](std::size_t at, std::uint32_t value) {
    return [=](Bytes& file, std::size_t block) {
      for (std::size_t i = 0; i < 4; ++i) file[block + at + i] = static_cast<std::uint8_t>(value >> (8 * i));
    };
  };
  const Case cases[] = {{set(4, 8), "a block cannot have 8 octets"},
                        {set(4, 61), "a block cannot have 61 octets"},
                        {set(4, 0x7fff'fffc), "a packet cannot have 2147483644 octets"},
                        {set(20, 5000), "a packet is longer than its block"}};
  for (const Case& each : cases) {
    SCOPED_TRACE(each.error);
    PcapngWriter writer;
    writer.interface({}).packet(0, kMicroseconds, data(60));
    const std::size_t second = writer.file().size();
    Bytes file = writer.packet(0, kMicroseconds, data(60)).file();
    each.damage(file, second);
    EXPECT_THAT(error_of([&] { read(file); }), HasSubstr("offset " + std::to_string(second) + ": " + each.error));
  }
  EXPECT_THAT(error_of([&] { read(PcapngWriter().section(2).file()); }), HasSubstr("version 2 of pcapng"));
}

TEST_F(PcapngTest, ACutFileGivesThePacketsBeforeTheCut) {
  PcapngWriter writer;
  writer.interface({}).packet(0, kMicroseconds, data(60));
  const std::size_t second = writer.file().size();
  const Bytes whole = writer.packet(0, kMicroseconds, data(60)).file();
  for (std::size_t end = second + 1; end < whole.size(); ++end) {
    EXPECT_EQ(read(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(end))).size(), 1U) << end;
    EXPECT_EQ(notes_.take().size(), 1U) << end;
  }
}

}  // namespace
}  // namespace spanflow::testing::pcapng_test
