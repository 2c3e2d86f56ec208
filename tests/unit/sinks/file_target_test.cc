// Tests output files: their names, rotation, and repair after a crash. The tests set the clock.
#include "sinks/file_target.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include <csignal>

#include "base/error.h"
#include "support/error_of.h"
#include "support/temporary_folder.h"

namespace spanflow::testing::file_target_test {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::string_view kHeader = "a,b\n";

std::string unzstd(const std::string& encoded) {
  std::string text(1 << 20, '\0');
  const std::size_t size = ZSTD_decompress(text.data(), text.size(), encoded.data(), encoded.size());
  return ZSTD_isError(size) != 0 ? std::string("not whole: ") + ZSTD_getErrorName(size) : text.substr(0, size);
}

std::string zstd_of(const std::string& text) {
  std::string encoded(ZSTD_compressBound(text.size()), '\0');
  encoded.resize(ZSTD_compress(encoded.data(), encoded.size(), text.data(), text.size(), 3));
  return encoded;
}

class FileTargetTest : public ::testing::Test {
 protected:
  std::unique_ptr<FileTarget> open(const FileSettings& settings, std::string_view header = kHeader) {
    return std::make_unique<FileTarget>(settings, std::string(header), rotations_, false, [this] { return now_; });
  }
  std::unique_ptr<FileTarget> open(const std::string& name, std::string_view header = kHeader) {
    return open(FileSettings{.path = folder_ / name}, header);
  }
  static void put(FileTarget& target, std::string_view lines) {
    TextWriter out(target.buffer());
    out.append(lines);
    out.finish();
    target.flush();
  }
  static void end(FileTarget& target) {
    target.end();
    target.flush();
  }
  std::string content(const std::string& name) { return content_of(folder_ / name); }
  std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "")) {
      found.push_back(entry.path().filename());
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  TemporaryFolder folder_;
  std::atomic<std::uint64_t> rotations_{0};
  WallTime now_{seconds{1'795'646'520}};  // 2026-11-25T22:42:00Z
};

// --- One file ---

TEST_F(FileTargetTest, AFileHasItsNameOnceItIsComplete) {
  const auto target = open("out.csv");
  put(*target, "1,2\n");
  EXPECT_THAT(names(), ElementsAre("out.csv.part"));
  EXPECT_EQ(content("out.csv.part"), "a,b\n1,2\n");
  put(*target, "3,4\n");
  end(*target);
  EXPECT_THAT(names(), ElementsAre("out.csv"));
  EXPECT_EQ(content("out.csv"), "a,b\n1,2\n3,4\n");
}

TEST_F(FileTargetTest, TheFileOfTheRunBeforeStaysUntilTheNewOneIsComplete) {
  folder_.write("out.csv", "old");
  const auto target = open("out.csv");
  put(*target, "1,2\n");
  EXPECT_EQ(content("out.csv"), "old");
  end(*target);
  EXPECT_EQ(content("out.csv"), "a,b\n1,2\n");
}

TEST_F(FileTargetTest, ARunWithoutRecordsLeavesAHeader) {
  end(*open("out.csv"));
  EXPECT_EQ(content("out.csv"), "a,b\n");
  end(*open("out.jsonl", ""));
  EXPECT_THAT(names(), ElementsAre("out.csv", "out.jsonl"));
}

TEST_F(FileTargetTest, ATargetThatIsNotUsedLeavesNothing) {
  folder_.write("out.csv", "old");
  open("out.csv").reset();
  EXPECT_THAT(names(), ElementsAre("out.csv"));
}

TEST_F(FileTargetTest, ASymbolicLinkStaysOne) {
  const std::string file = folder_.write("file", "old");
  std::filesystem::create_symlink(file, folder_ / "link");
  end(*open("link"));
  EXPECT_TRUE(std::filesystem::is_symlink(folder_ / "link"));
  EXPECT_EQ(content("file"), "a,b\n");
}

TEST_F(FileTargetTest, AFolderThatIsNotThereIsOneLine) {
  EXPECT_EQ(error_of([&] { open("none/out"); }),
            (folder_ / "none/out") + ": cannot be written: No such file or directory");
}

TEST_F(FileTargetTest, ASecondWriterOfTheSameFileIsRefused) {
  const auto target = open("out.csv");
  put(*target, "1,2\n3");
  EXPECT_EQ(error_of([&] { open("out.csv"); }),
            (folder_ / "out.csv") + ": cannot be written: another process writes " + (folder_ / "out.csv.part"));
  EXPECT_EQ(content("out.csv.part"), "a,b\n1,2\n3") << "it was repaired, although it is being written";
}

// --- Rotation ---

TEST_F(FileTargetTest, TimeIsInTheNameInUtc) {
  now_ = WallTime{seconds{1'795'637'289}};
  const auto target = open("flows-%Y%m%dT%H%M%SZ.csv");
  put(*target, "1,2\n");
  now_ += hours{1};
  end(*target);
  EXPECT_THAT(names(), ElementsAre("flows-20261125T200809Z.csv"));
}

TEST_F(FileTargetTest, AFileEndsWhenTheClockReachesAMultipleOfThePeriod) {
  now_ = WallTime{hours{480'000} + minutes{3}};
  const auto target = open(FileSettings{.path = folder_ / "%H%M%S.csv", .rotate_every = minutes{5}});
  put(*target, "1,1\n");
  now_ += minutes{2} - std::chrono::nanoseconds{1};
  put(*target, "2,2\n");
  EXPECT_THAT(names(), ElementsAre("000300.csv.part"));
  now_ += std::chrono::nanoseconds{1};
  target->flush();  // flush() ends the file, although there is no new record
  EXPECT_THAT(names(), ElementsAre("000300.csv"));
  EXPECT_EQ(content("000300.csv"), "a,b\n1,1\n2,2\n");
  now_ += minutes{6};
  put(*target, "3,3\n");
  EXPECT_THAT(names(), ElementsAre("000300.csv", "001100.csv.part"));
  now_ += minutes{4};
  put(*target, "4,4\n");  // still goes into this file, which then ends because its time is over
  EXPECT_EQ(content("001100.csv"), "a,b\n3,3\n4,4\n");
  end(*target);
  EXPECT_THAT(names(), ElementsAre("000300.csv", "001100.csv"));
}

TEST_F(FileTargetTest, AFileWithoutRecordsIsNotKept) {
  const auto target = open(FileSettings{.path = folder_ / "%H%M%S.csv", .rotate_every = minutes{5}});
  target->flush();
  EXPECT_EQ(names().size(), 1U);
  now_ += minutes{10};
  target->flush();
  EXPECT_THAT(names(), IsEmpty());
  end(*target);
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(FileTargetTest, AClockThatIsSetBackEndsAFile) {
  now_ = WallTime{hours{480'000}};
  const auto target = open(FileSettings{.path = folder_ / "%H.csv", .rotate_every = hours{1}});
  put(*target, "1,1\n");
  now_ -= hours{5};
  target->flush();
  EXPECT_THAT(names(), ElementsAre("00.csv"));
}

TEST_F(FileTargetTest, NoFileIsLargerThanAskedForAndNoLineIsTorn) {
  const auto target = open(FileSettings{.path = folder_ / "out.csv", .rotate_size = 12});
  put(*target, "1,1\n2,2\n3,3\n4,4\n5,5\n");
  end(*target);
  EXPECT_THAT(names(), ElementsAre("out.1.csv", "out.2.csv", "out.csv"));
  EXPECT_EQ(content("out.csv"), "a,b\n1,1\n2,2\n");
  EXPECT_EQ(content("out.1.csv"), "a,b\n3,3\n4,4\n");
  EXPECT_EQ(content("out.2.csv"), "a,b\n5,5\n");
}

TEST_F(FileTargetTest, ALineThatFitsNowhereHasAFileOfItsOwn) {
  const auto target = open(FileSettings{.path = folder_ / "out", .rotate_size = 2}, "");
  put(*target, "1\n22222222\n3\n");
  end(*target);
  EXPECT_EQ(content("out") + content("out.1") + content("out.2"), "1\n22222222\n3\n");
  EXPECT_EQ(content("out.1"), "22222222\n");
}

TEST_F(FileTargetTest, ARotatedFileTakesNoOthersPlace) {
  folder_.write("out.csv.zst", "old");
  folder_.write("out.1.csv.zst", "older");
  const auto target = open(FileSettings{.path = folder_ / "out.csv.zst", .rotate_every = hours{1}});
  put(*target, "1,1\n");
  end(*target);
  EXPECT_EQ(content("out.csv.zst") + content("out.1.csv.zst"), "oldolder");
  EXPECT_EQ(unzstd(content("out.2.csv.zst")), "a,b\n1,1\n");
}

TEST_F(FileTargetTest, AFileWithItsTimeInTheNameTakesNoOthersPlace) {
  for (const char* line : {"1,1\n", "2,2\n"}) {
    const auto target = open("%Y.csv");
    put(*target, line);
    end(*target);
  }
  EXPECT_THAT(names(), ElementsAre("2026.1.csv", "2026.csv"));
  EXPECT_EQ(content("2026.csv"), "a,b\n1,1\n");
}

TEST_F(FileTargetTest, RotationOnRequest) {
  folder_.write("out.csv", "from the previous run");
  const auto target = open("out.csv");
  put(*target, "1,1\n");
  ++rotations_;
  put(*target, "2,2\n");
  EXPECT_EQ(content("out.csv"), "a,b\n1,1\n2,2\n");
  put(*target, "3,3\n");
  end(*target);
  EXPECT_THAT(names(), ElementsAre("out.1.csv", "out.csv"));
  EXPECT_EQ(content("out.1.csv"), "a,b\n3,3\n");
}

TEST_F(FileTargetTest, RotationOnRequestOfAFileWithoutRecordsDoesNothing) {
  const auto target = open("out.csv");
  ++rotations_;
  target->flush();
  put(*target, "1,1\n");
  put(*target, "2,2\n");
  EXPECT_THAT(names(), ElementsAre("out.csv.part"));
  end(*target);
  EXPECT_EQ(content("out.csv"), "a,b\n1,1\n2,2\n");
}

// --- Compression ---

TEST_F(FileTargetTest, TheEndOfTheNameAsksForZstd) {
  const auto target = open("out.csv.zst");
  put(*target, "1,1\n");
  put(*target, "2,2\n");
  end(*target);
  EXPECT_EQ(unzstd(content("out.csv.zst")), "a,b\n1,1\n2,2\n");
  const auto plain = open(FileSettings{.path = folder_ / "plain.zst", .compression = Compression::kNone});
  end(*plain);
  EXPECT_EQ(content("plain.zst"), "a,b\n");
  const auto other = open(FileSettings{.path = folder_ / "other.csv", .compression = Compression::kZstd});
  end(*other);
  EXPECT_EQ(unzstd(content("other.csv")), "a,b\n");
}

TEST_F(FileTargetTest, AFileIsAsLargeAsItsText) {
  const auto target = open(FileSettings{.path = folder_ / "out.zst", .rotate_size = 12});
  put(*target, "1,1\n2,2\n3,3\n");
  end(*target);
  EXPECT_EQ(unzstd(content("out.zst")), "a,b\n1,1\n2,2\n");
  EXPECT_EQ(unzstd(content("out.1.zst")), "a,b\n3,3\n");
}

// --- After a crash ---

TEST_F(FileTargetTest, ATornLineIsCutAndTheFileCompleted) {
  folder_.write("2026-01.csv.part", "a,b\n1,1\n2,");
  folder_.write("other-2026-01.csv.part", "a,b\n1,1\n2,");
  ::testing::internal::CaptureStderr();
  const auto target = open("%Y-%m.csv");
  EXPECT_THAT(
      ::testing::internal::GetCapturedStderr(),
      HasSubstr((folder_ / "2026-01.csv.part") + ": a run that crashed or was killed left this file: completed as " +
                (folder_ / "2026-01.csv") + ", without 2 octets of an incomplete last line"));
  EXPECT_EQ(content("2026-01.csv"), "a,b\n1,1\n");
  EXPECT_EQ(content("other-2026-01.csv.part"), "a,b\n1,1\n2,") << "that is no file of this sink's";
}

TEST_F(FileTargetTest, ALongTornLineIsCut) {
  folder_.write("out.part", "1\n" + std::string(300'000, 'x'));
  end(*open(FileSettings{.path = folder_ / "out", .rotate_size = 100}, ""));
  EXPECT_EQ(content("out"), "1\n");
}

TEST_F(FileTargetTest, WhatACrashHasLeftTakesNoPlaceAndLosesNone) {
  folder_.write("out.csv", "old");
  folder_.write("out.csv.part", "a,b\n1,1\n");
  const auto target = open("out.csv");
  EXPECT_EQ(content("out.csv"), "old");
  put(*target, "2,2\n");
  end(*target);
  EXPECT_EQ(content("out.1.csv"), "a,b\n1,1\n");
  EXPECT_EQ(content("out.csv"), "a,b\n2,2\n");
}

TEST_F(FileTargetTest, WhatACrashHasLeftWithoutARecordIsRemoved) {
  folder_.write("2025.csv.part", "a,b\n1,");
  folder_.write("2024.csv.part", "");
  end(*open("%Y.csv"));
  EXPECT_THAT(names(), ElementsAre("2026.csv"));
}

TEST_F(FileTargetTest, OfACrashedFileInZstdWhatWasFlushedIsKept) {
  {
    const auto target = open("out.csv.zst");
    put(*target, "1,1\n");
    put(*target, "2,2\n3");
    // The target is destroyed without end(), as in a crash.
  }
  EXPECT_THAT(names(), ElementsAre("out.csv.zst.part"));
  end(*open(FileSettings{.path = folder_ / "out.csv.zst", .rotate_size = 100}));
  EXPECT_THAT(names(), ElementsAre("out.csv.zst"));
  EXPECT_EQ(unzstd(content("out.csv.zst")), "a,b\n1,1\n2,2\n");
}

TEST_F(FileTargetTest, AFileInZstdIsRepairedWhereverItWasCut) {
  std::string lines;
  for (int n = 0; n < 20'000; ++n) lines += std::to_string(n * 7919 % 10'007) + ',' + std::to_string(n) + '\n';
  std::string whole;
  {
    const auto target = open("out.zst");
    for (std::size_t at = 0; at < lines.size(); at += 1000) put(*target, lines.substr(at, 1000));
    end(*target);
    whole = content("out.zst");
  }
  const std::string text = std::string(kHeader) + lines;
  ASSERT_EQ(unzstd(whole), text);
  std::size_t kept = 0;
  for (std::size_t cut = 10'000; cut < whole.size(); cut += 997) {
    folder_.write("cut.zst.part", whole.substr(0, cut));
    folder_.write("cut.zst.part.part", "from an interrupted repair");
    open(FileSettings{.path = folder_ / "cut.zst", .rotate_size = 1000}).reset();
    const std::string repaired = unzstd(content("cut.zst"));
    EXPECT_TRUE(text.starts_with(repaired) && repaired.ends_with('\n')) << cut << ": " << repaired.size();
    EXPECT_GE(repaired.size(), kept);
    kept = repaired.size();
    std::filesystem::remove(folder_ / "cut.zst");
  }
  EXPECT_GT(kept, text.size() - 3000);
  EXPECT_THAT(names(), ElementsAre("out.zst"));
}

TEST_F(FileTargetTest, AWholeFrameWithoutItsNameIsCompleted) {
  folder_.write("2025.csv.zst.part", zstd_of("a,b\n1,1\n"));
  open("%Y.csv.zst").reset();
  EXPECT_EQ(unzstd(content("2025.csv.zst")), "a,b\n1,1\n");
}

// --- A full disk ---

// Simulates a full disk with a file size limit (RLIMIT_FSIZE): write() fails once the limit is reached.
class FullDisk {
 public:
  explicit FullDisk(std::uint64_t octets) {
    std::signal(SIGXFSZ, SIG_IGN);
    ::getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limit = before_;
    limit.rlim_cur = octets;
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { ::setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(FileTargetTest, AfterAFullDiskTheFileIsWhole) {
  for (const char* name : {"out.csv", "out.csv.zst"}) {
    const auto target = open(name);
    std::string lines;
    for (int n = 0; n < 100'000; ++n) lines += std::to_string(n * 7919 % 100'003) + ",x\n";
    {
      const FullDisk full(100'001);
      EXPECT_EQ(error_of([&] { put(*target, lines); }), (folder_ / name) + ": cannot be written: File too large");
      EXPECT_EQ(error_of([&] { put(*target, "1,1\n"); }), (folder_ / name) + ": cannot be written: File too large");
      EXPECT_EQ(content(std::string(name) + ".part").size(), 100'001U);
      target->end();
      EXPECT_NE(error_of([&] { target->flush(); }), "no error");
    }
    target->flush();
    const std::string expected = std::string(kHeader) + lines + "1,1\n";
    const std::string found = content(name);
    EXPECT_TRUE((name == std::string("out.csv") ? found : unzstd(found)) == expected) << name;
  }
}

TEST_F(FileTargetTest, AFullDiskTearsNoLineBetweenTwoFiles) {
  const auto target = open(FileSettings{.path = folder_ / "out", .rotate_size = 100'000}, "");
  std::string lines;
  for (int n = 0; n < 20'000; ++n) lines += std::to_string(1'000'000 + n) + '\n';
  {
    const FullDisk full(50'003);
    EXPECT_NE(error_of([&] { put(*target, lines); }), "no error");
  }
  target->flush();
  end(*target);
  EXPECT_TRUE(content("out") + content("out.1") == lines);
  EXPECT_EQ(content("out").size(), 100'000U);
}

// --- Names ---

TEST(FileName, TheNumberStandsBeforeTheEnding) {
  EXPECT_EQ(numbered("a.b/flows.csv", 0), "a.b/flows.csv");
  EXPECT_EQ(numbered("a.b/flows.csv", 1), "a.b/flows.1.csv");
  EXPECT_EQ(numbered("a.b/flows.csv.zst", 12), "a.b/flows.12.csv.zst");
  EXPECT_EQ(numbered("a.b/flows", 1), "a.b/flows.1");
  EXPECT_EQ(numbered("flows.zst", 1), "flows.1.zst");
  EXPECT_EQ(numbered("a.b/.flows", 1), "a.b/.flows.1");
}

TEST(FileName, AFileIsKnownByItsName) {
  const FileName name("some/flows-%Y%m%dT%H%M%SZ.csv");
  EXPECT_TRUE(name.may_be("flows-20261125T200809Z.csv"));
  EXPECT_FALSE(name.may_be("flows-20261125T200809Z.csv.zst"));
  EXPECT_FALSE(name.may_be("flows-dns-20261125T200809Z.csv"));
  EXPECT_FALSE(name.may_be("flows-20261325T200809Z.csv"));
  EXPECT_TRUE(FileName("flows.csv").may_be("flows.csv"));
  EXPECT_FALSE(FileName("flows.csv").may_be("flows.1.csv"));
}

TEST(FileName, NamesThatCannotBe) {
  EXPECT_EQ(FileName::complaint_about("flows.csv"), "");
  EXPECT_EQ(FileName::complaint_about("a/%F_%T.csv"), "");
  EXPECT_THAT(FileName::complaint_about("%Y/flows.csv"), HasSubstr("not a folder"));
  EXPECT_THAT(FileName::complaint_about("flows-%D.csv"), HasSubstr("is not a file name"));
  EXPECT_THAT(FileName::complaint_about("flows-%Q.csv"), HasSubstr("strptime"));
  EXPECT_THAT(FileName::complaint_about("50%.csv"), HasSubstr("strptime"));
}

}  // namespace
}  // namespace spanflow::testing::file_target_test
