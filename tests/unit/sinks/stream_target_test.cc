// Tests devices that cannot be written, and pipes that nobody reads.
#include "sinks/stream_target.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace spanflow::testing::stream_target_test {
namespace {

void put(StreamTarget& target, std::string_view text) {
  TextWriter out(target.buffer());
  out.append(text);
  out.finish();
}

class StreamTargetTest : public ::testing::Test {
 protected:
  std::string make_pipe() {
    const std::string path = folder_ / "pipe";
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    return path;
  }
  // Reads the octets that are in the pipe now.
  static std::string read_all(int descriptor) {
    std::string text;
    char block[65536];
    for (ssize_t count = 0; (count = ::read(descriptor, block, sizeof block)) > 0;) {
      text.append(block, static_cast<std::size_t>(count));
    }
    return text;
  }

  TemporaryFolder folder_;
  std::atomic<bool> abandon_{false};
};

TEST_F(StreamTargetTest, AFullDeviceKeepsTheRecordsBuffered) {
  StreamTarget target("/dev/full", "", abandon_);
  put(target, "record\n");
  const std::string expected = "/dev/full: cannot be written: No space left on device";
  EXPECT_EQ(error_of([&] { target.flush(); }), expected);
  EXPECT_EQ(target.buffer().size(), 7U);
  EXPECT_EQ(error_of([&] { target.flush(); }), expected);
}

TEST_F(StreamTargetTest, APipeWithoutReaderIsAnErrorOnlyOnceThereIsSomethingToWrite) {
  const std::string path = make_pipe();
  StreamTarget target(path, "", abandon_);
  EXPECT_EQ(error_of([&] { target.flush(); }), "no error");
  put(target, "record\n");
  EXPECT_EQ(error_of([&] { target.flush(); }), path + ": cannot be written: nobody reads it");
  EXPECT_EQ(target.buffer().size(), 7U);
}

TEST_F(StreamTargetTest, APipeIsWrittenOnceItHasAReader) {
  const std::string path = make_pipe();
  StreamTarget target(path, "", abandon_);
  put(target, "record\n");
  EXPECT_NE(error_of([&] { target.flush(); }), "no error");
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  ASSERT_GE(reader, 0);
  EXPECT_EQ(error_of([&] { target.flush(); }), "no error");
  EXPECT_EQ(read_all(reader), "record\n");
  ::close(reader);
}

TEST_F(StreamTargetTest, AReaderThatDoesNotReadIsGivenUpWhenTheRunIs) {
  const std::string path = make_pipe();
  const int reader = ::open(path.c_str(), O_RDONLY | O_NONBLOCK);
  StreamTarget target(path, "", abandon_);
  std::string content;
  for (int i = 0; content.size() < 300'000; ++i) content += std::to_string(i) + '\n';
  put(target, content);
  abandon_ = true;
  EXPECT_EQ(error_of([&] { target.flush(); }), path + ": cannot be written: its reader does not read");
  // A later flush() must continue where the failed flush() stopped, so no text is written twice.
  abandon_ = false;
  std::string received = read_all(reader);
  abandon_ = true;
  while (received.size() < content.size()) {
    error_of([&] { target.flush(); });
    received += read_all(reader);
  }
  EXPECT_TRUE(received == content);
  ::close(reader);
}

}  // namespace
}  // namespace spanflow::testing::stream_target_test
