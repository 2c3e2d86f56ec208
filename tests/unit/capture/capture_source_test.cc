// Tests capture files of every format. The files are whole, cut short or damaged.
#include "capture/capture_source.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "support/capture_writer.h"
#include "support/error_of.h"
#include "support/random_traffic.h"
#include "support/temporary_folder.h"

namespace spanflow::testing::capture_source_test {
namespace {

using namespace std::chrono_literals;

// Expects equal packets. `grain_ns` is the time resolution of the file format: the times of `written` are rounded down
// to multiples of it.
void expect_equal(const std::vector<TestPacket>& read, const std::vector<TestPacket>& written, std::uint64_t grain_ns) {
  ASSERT_EQ(read.size(), written.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    ASSERT_EQ(read[i].bytes, written[i].bytes) << i;
    ASSERT_EQ(read[i].wire, written[i].wire) << i;
    ASSERT_EQ(read[i].time_ns, written[i].time_ns / grain_ns * grain_ns) << i;
    ASSERT_EQ(read[i].link_type, written[i].link_type) << i;
  }
}

class CaptureSourceTest : public ::testing::Test {
 protected:
  std::vector<TestPacket> read(const std::vector<std::string>& paths) {
    const auto source = make_capture_source(paths, stop_, notes_, counters_);
    EXPECT_FALSE(source->is_live());
    EXPECT_EQ(source->timestamp_source(), TimestampSource::kFile);
    std::vector<TestPacket> packets;
    std::uint64_t now_ns = 0;
    for (Burst burst = source->poll(); burst.state != Burst::State::kEnd; burst = source->poll()) {
      EXPECT_GE(burst.now_ns, now_ns);
      now_ns = burst.now_ns;
      for (const RawPacket& raw : burst.packets) {
        packets.push_back({.bytes = Bytes(raw.data, raw.data + raw.captured),
                           .wire = raw.wire,
                           .time_ns = raw.time_ns,
                           .link_type = burst.link_type});
      }
    }
    EXPECT_EQ(source->poll().state, Burst::State::kEnd);
    return packets;
  }
  std::vector<TestPacket> read(const Bytes& content) { return read({folder_.write("capture", content)}); }

  // More packets than a burst holds, and more octets than a block holds.
  std::vector<TestPacket> packets_ = random_traffic(1, 5000);
  TemporaryFolder folder_;
  std::atomic<bool> stop_{false};
  Notes notes_;
  Counters counters_;
};

TEST_F(CaptureSourceTest, ReadsPcapOfNanoseconds) { expect_equal(read(pcap_of(packets_)), packets_, 1); }

TEST_F(CaptureSourceTest, ReadsPcapOfMicroseconds) {
  packets_[0].time_ns += 999;
  expect_equal(read(pcap_of(packets_, {.nanoseconds = false})), packets_, 1000);
}

TEST_F(CaptureSourceTest, ReadsPcapOfTheOtherByteOrder) {
  expect_equal(read(pcap_of(packets_, {.other_byte_order = true})), packets_, 1);
  expect_equal(read(pcap_of(packets_, {.nanoseconds = false, .other_byte_order = true})), packets_, 1000);
}

TEST_F(CaptureSourceTest, ReadsPcapng) { expect_equal(read(pcapng_of(packets_)), packets_, 1000); }

TEST_F(CaptureSourceTest, ReadsGzip) {
  expect_equal(read(gzip(pcap_of(packets_))), packets_, 1);
  expect_equal(read(gzip(pcapng_of(packets_))), packets_, 1000);
}

TEST_F(CaptureSourceTest, ReadsZstd) {
  expect_equal(read(zstd(pcap_of(packets_))), packets_, 1);
  expect_equal(read(zstd(pcapng_of(packets_))), packets_, 1000);
}

// The command `cat a.gz b.gz` writes a file with two members.
TEST_F(CaptureSourceTest, ReadsSeveralCompressedMembersAsOne) {
  const Bytes whole = pcap_of(packets_);
  const auto middle = whole.begin() + 1000;
  for (const auto& compress : {gzip, zstd}) {
    Bytes members = compress(Bytes(whole.begin(), middle));
    const Bytes rest = compress(Bytes(middle, whole.end()));
    members.insert(members.end(), rest.begin(), rest.end());
    expect_equal(read(members), packets_, 1);
  }
}

TEST_F(CaptureSourceTest, ReadsEveryLinkType) {
  for (const PacketBuilder& link :
       {PacketBuilder().ethernet(), PacketBuilder().raw_ip(), PacketBuilder().null_link(), PacketBuilder().loop_link(),
        PacketBuilder().linux_cooked(), PacketBuilder().linux_cooked2(), PacketBuilder().ppp()}) {
    const std::vector packets{PacketBuilder(link).ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).at(1s).build()};
    expect_equal(read(pcap_of(packets)), packets, 1);
    expect_equal(read(pcapng_of(packets)), packets, 1);
  }
}

TEST_F(CaptureSourceTest, KeepsLengthsOfASnappedCapture) {
  const std::vector packets{packets_[0].cut_to(20), packets_[1].cut_to(30)};
  expect_equal(read(pcap_of(packets)), packets, 1);
  expect_equal(read(pcapng_of(packets)), packets, 1000);
}

TEST_F(CaptureSourceTest, ACaptureWithoutPacketsIsAtItsEndAtOnce) {
  EXPECT_TRUE(read(pcap_of({})).empty());
  EXPECT_TRUE(read(pcapng_of({})).empty());
}

TEST_F(CaptureSourceTest, ReadsSeveralFilesInTheirOrder) {
  const std::vector<TestPacket> first(packets_.begin(), packets_.begin() + 100);
  const std::vector<TestPacket> second(packets_.begin() + 100, packets_.begin() + 150);
  const std::vector<TestPacket> third(packets_.begin() + 150, packets_.begin() + 400);
  const auto all = read({folder_.write("a", pcap_of(first)), folder_.write("b", gzip(pcap_of(second))),
                         folder_.write("c", pcapng_of(third))});
  expect_equal(all, std::vector<TestPacket>(packets_.begin(), packets_.begin() + 400), 1000);
}

TEST_F(CaptureSourceTest, FilesMayDifferInTheirLinkType) {
  const std::vector ethernet{PacketBuilder().ethernet().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).build()};
  const std::vector raw{PacketBuilder().ipv4("1.1.1.1", "2.2.2.2").udp(1, 2).build()};
  const auto all = read({folder_.write("a", pcap_of(ethernet)), folder_.write("b", pcap_of(raw))});
  expect_equal(all, {ethernet[0], raw[0]}, 1);
}

TEST_F(CaptureSourceTest, OfAFileThatWasCutWhatCameBeforeIsRead) {
  packets_.resize(200);
  const std::vector<TestPacket> before(packets_.begin(), packets_.end() - 1);
  Bytes in_data = pcap_of(packets_);
  in_data.pop_back();
  expect_equal(read(in_data), before, 1);
  Bytes in_header = pcap_of(packets_);
  in_header.resize(in_header.size() - packets_.back().bytes.size() - 1);
  expect_equal(read(in_header), before, 1);
  Bytes pcapng = pcapng_of(packets_);
  pcapng.pop_back();
  expect_equal(read(pcapng), before, 1000);
  const auto notes = notes_.take();
  EXPECT_EQ(notes.size(), 3U) << "one note for each file";
  EXPECT_THAT(
      notes,
      ::testing::Each(::testing::EndsWith(": the capture is cut short; the packets before this point were metered")));
}

TEST_F(CaptureSourceTest, OfCompressedDataThatWasCutWhatCameBeforeIsRead) {
  for (const auto& compress : {gzip, zstd}) {
    Bytes cut = compress(pcap_of(packets_));
    cut.resize(cut.size() / 2);
    const auto read_packets = read(cut);
    EXPECT_GT(read_packets.size(), 100U);
    EXPECT_LT(read_packets.size(), packets_.size());
    expect_equal(
        read_packets,
        std::vector<TestPacket>(packets_.begin(), packets_.begin() + static_cast<std::ptrdiff_t>(read_packets.size())),
        1);
  }
}

TEST_F(CaptureSourceTest, ALengthThatCannotBeIsDamageAndNamesTheOffset) {
  Bytes damaged = pcap_of({packets_[0], packets_[1]});
  const std::size_t second = 24 + 16 + packets_[0].bytes.size();
  for (std::size_t i = 8; i < 12; ++i) damaged[second + i] = 0xff;
  const std::string path = folder_.write("damaged.pcap", damaged);
  const std::string error = error_of([&] { read({path}); });
  EXPECT_THAT(error, ::testing::StartsWith(path + ": offset " + std::to_string(second) + ": "));
}

TEST_F(CaptureSourceTest, DamagedCompressedDataIsAnError) {
  Bytes damaged = gzip(pcap_of(packets_));
  for (std::size_t i = damaged.size() / 2; i < damaged.size() / 2 + 64; ++i) damaged[i] ^= 0x5a;
  const std::string path = folder_.write("damaged.pcap.gz", damaged);
  EXPECT_THAT(error_of([&] { read({path}); }), ::testing::StartsWith(path + ": offset "));
}

TEST_F(CaptureSourceTest, WhatIsNoCaptureIsNamed) {
  const std::string text = folder_.write("notes.txt", "these are no packets, but a text of some length\n");
  EXPECT_THAT(error_of([&] { read({text}); }), ::testing::StartsWith(text + ": not a capture: "));
  const std::string empty = folder_.write("empty.pcap", "");
  EXPECT_THAT(error_of([&] { read({empty}); }), ::testing::StartsWith(empty + ": not a capture: "));
}

TEST_F(CaptureSourceTest, ALinkTypeThatIsNotReadIsNamed) {
  Bytes usb = pcap_of({});
  usb[20] = 189;
  const std::string path = folder_.write("usb.pcap", usb);
  EXPECT_EQ(error_of([&] { read({path}); }), path + ": link type USB_LINUX is not supported");
}

TEST_F(CaptureSourceTest, AMissingFileIsNamedBeforeTheRunBegins) {
  const std::string missing = folder_ / "b.pcap";
  EXPECT_EQ(error_of([&] { make_capture_source({missing}, stop_, notes_, counters_); }),
            missing + ": cannot be opened: No such file or directory");
}

TEST_F(CaptureSourceTest, OneUnreadableFileDoesNotHideTheOthers) {
  const std::string good = folder_.write("a.pcap", pcap_of({packets_[0]}));
  const std::string text = folder_.write("b.txt", "these are no packets, but a text of some length\n");
  Bytes damaged = pcap_of({packets_[1], packets_[2]});
  for (std::size_t i = 8; i < 12; ++i) damaged[24 + 16 + packets_[1].bytes.size() + i] = 0xff;
  const std::string half = folder_.write("c.pcap", damaged);
  const std::string missing = folder_ / "d.pcap";
  const std::string last = folder_.write("e.pcapng", pcapng_of({packets_[3]}));
  const auto source = make_capture_source({good, text, half, missing, last}, stop_, notes_, counters_);
  std::vector<std::uint64_t> times;
  const std::string error = error_of([&] {
    for (Burst burst = source->poll(); burst.state != Burst::State::kEnd; burst = source->poll()) {
      for (const RawPacket& raw : burst.packets) times.push_back(raw.time_ns);
    }
  });
  EXPECT_EQ(times,
            (std::vector<std::uint64_t>{packets_[0].time_ns, packets_[1].time_ns, packets_[3].time_ns / 1000 * 1000}));
  EXPECT_EQ(error, "3 of 5 capture files could not be read whole: " + text + ", " + half + ", " + missing);
  EXPECT_EQ(notes_.take().size(), 3U);
  EXPECT_EQ(source->poll().state, Burst::State::kEnd);
}

TEST_F(CaptureSourceTest, ALengthThatNoLinkHasIsCountedAndNotBelieved) {
  std::vector<TestPacket> packets{packets_[0], packets_[1], packets_[2]};
  packets[1].wire = 0xffff'fff0;
  packets[2].wire = 200'000;  // Linux merges so many octets
  const auto all = read(pcap_of(packets));
  EXPECT_EQ(all[1].wire, packets[1].bytes.size());
  EXPECT_EQ(all[2].wire, 200'000U);
  EXPECT_EQ(counters_.get(Counter::kPacketsImpossibleLength), 1U);
}

TEST_F(CaptureSourceTest, TimesThatGoBackDoNotMoveTheClockBack) {
  std::vector<TestPacket> packets(packets_.begin(), packets_.begin() + 200);
  for (std::size_t i = 100; i < 200; ++i) packets[i].time_ns -= 3'600'000'000'000;
  expect_equal(read(pcap_of(packets)), packets, 1);  // read() expects that now_ns never decreases
  EXPECT_EQ(counters_.get(Counter::kTimeStepped), 1U);
}

TEST_F(CaptureSourceTest, AFolderIsNoCapture) {
  const std::string folder = folder_ / "";
  EXPECT_THAT(error_of([&] { read({folder}); }), ::testing::StartsWith(folder + ": "));
}

TEST_F(CaptureSourceTest, EndsOnceTheRunIsToldToStop) {
  const auto source = make_capture_source({folder_.write("a.pcap", pcap_of(packets_))}, stop_, notes_, counters_);
  EXPECT_EQ(source->poll().state, Burst::State::kPackets);
  stop_ = true;
  EXPECT_EQ(source->poll().state, Burst::State::kEnd);
  EXPECT_EQ(source->poll().state, Burst::State::kEnd);
}

TEST_F(CaptureSourceTest, ProgressGoesFromNothingToAll) {
  const auto source = make_capture_source({folder_.write("a", pcap_of(packets_)), folder_.write("b", pcap_of({}))},
                                          stop_, notes_, counters_);
  EXPECT_GE(source->progress(), 0);
  EXPECT_LE(source->progress(), 0.5);
  while (source->poll().state != Burst::State::kEnd) {
  }
  EXPECT_EQ(source->progress(), 1);
}

// A named pipe to which the test writes.
class CapturePipeTest : public CaptureSourceTest {
 protected:
  CapturePipeTest() {
    EXPECT_EQ(::mkfifo(path_.c_str(), 0600), 0);
    writer_ = ::open(path_.c_str(), O_RDWR);  // with O_RDWR, open() does not wait for a reader
    EXPECT_GE(writer_, 0);
  }
  ~CapturePipeTest() override { close_writer(); }

  void write(const Bytes& octets) {
    EXPECT_EQ(::write(writer_, octets.data(), octets.size()), static_cast<ssize_t>(octets.size()));
  }
  void close_writer() {
    if (writer_ >= 0) ::close(writer_);
    writer_ = -1;
  }

  const std::string path_ = folder_ / "pipe";
  int writer_ = -1;
};

TEST_F(CapturePipeTest, PacketsComeAsTheyAreWritten) {
  const Bytes capture = pcap_of({packets_[0], packets_[1]});
  const auto second = capture.begin() + 24 + 16 + static_cast<std::ptrdiff_t>(packets_[0].bytes.size());
  const auto source = make_capture_source({path_}, stop_, notes_, counters_);
  write(Bytes(capture.begin(), second));
  const Burst first_burst = source->poll();
  ASSERT_EQ(first_burst.packets.size(), 1U);
  EXPECT_EQ(first_burst.packets[0].time_ns, packets_[0].time_ns);
  EXPECT_EQ(source->poll().state, Burst::State::kIdle);
  write(Bytes(second, capture.end()));
  const Burst second_burst = source->poll();
  ASSERT_EQ(second_burst.packets.size(), 1U);
  EXPECT_EQ(second_burst.packets[0].time_ns, packets_[1].time_ns);
  close_writer();
  EXPECT_EQ(source->poll().state, Burst::State::kEnd);
}

TEST_F(CapturePipeTest, AQuietOneCanBeStopped) {
  const auto source = make_capture_source({path_}, stop_, notes_, counters_);
  write(pcap_of({packets_[0]}));
  EXPECT_EQ(source->poll().state, Burst::State::kPackets);
  EXPECT_EQ(source->poll().state, Burst::State::kIdle);
  stop_ = true;
  EXPECT_EQ(source->poll().state, Burst::State::kEnd);
}

TEST_F(CapturePipeTest, ProgressCannotBeSaid) {
  const auto source = make_capture_source({path_}, stop_, notes_, counters_);
  write(pcap_of({packets_[0]}));
  source->poll();
  EXPECT_LT(source->progress(), 0);
}

}  // namespace
}  // namespace spanflow::testing::capture_source_test
