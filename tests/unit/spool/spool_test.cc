// Tests what a spool does with its records after crashes, on full disks and with damaged files.
#include "spool/spool.h"

#include <gmock/gmock.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <numeric>
#include <random>
#include <set>
#include <thread>

#include "base/error.h"
#include "spool/spool_file.h"
#include "support/error_of.h"
#include "support/eventually.h"
#include "support/temporary_folder.h"

namespace spanflow::testing::spool_test {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

bool balances(const SpoolLedger& ledger) {
  const std::uint64_t dropped = std::accumulate(ledger.dropped.begin(), ledger.dropped.end(), std::uint64_t{0});
  return ledger.appended + ledger.recovered == ledger.acknowledged + ledger.waiting + dropped;
}

std::uint64_t dropped(const Spool& spool, SpoolDrop reason) {
  return spool.ledger().dropped[static_cast<std::size_t>(reason)];
}

// Each record takes 100 octets on disk, so a file of 1,024 octets with its header of 24 holds ten records.
std::string record(std::uint64_t number) {
  std::string text = "record " + std::to_string(number);
  text.resize(92, '.');
  return text;
}

std::uint64_t number_of(std::string_view payload) { return std::stoull(std::string(payload.substr(7))); }

std::vector<std::uint64_t> numbers(std::uint64_t first, std::uint64_t end) {
  std::vector<std::uint64_t> all(end - first);
  std::iota(all.begin(), all.end(), first);
  return all;
}

// Reads all records, checks their payloads, and returns their numbers.
std::vector<std::uint64_t> read_all(Spool& spool) {
  std::vector<std::uint64_t> all;
  while (const auto given = spool.next()) {
    all.push_back(number_of(given->payload));
    EXPECT_EQ(given->payload, record(all.back()));
    EXPECT_TRUE(balances(spool.ledger()));
  }
  return all;
}

void append(Spool& spool, std::uint64_t first, std::uint64_t end) {
  for (std::uint64_t number = first; number < end; ++number) {
    spool.append(record(number));
    EXPECT_TRUE(balances(spool.ledger()));
  }
}

class SpoolTest : public ::testing::Test {
 protected:
  // Returns options with which the spool syncs only when the test calls sync().
  SpoolOptions options() const {
    return {.path = path_, .max_bytes = 1 << 20, .file_bytes = 1024, .sync_interval = std::chrono::hours{1}};
  }
  SpoolOptions unsynced() const {
    SpoolOptions options = SpoolTest::options();
    options.sync = SpoolSync::kOff;
    return options;
  }
  // Leaves the records [0, end) in the folder. None of them is acknowledged.
  void leave(std::uint64_t end) const {
    Spool spool(unsynced());
    append(spool, 0, end);
  }
  std::string file(std::uint64_t first) const { return path_ + "/" + spool_file_name(first); }
  static void flip(const std::string& path, std::size_t offset) {
    std::string content = content_of(path);
    content.at(offset) = static_cast<char>(content[offset] ^ 0x40);
    std::ofstream(path, std::ios::binary) << content;
  }

  TemporaryFolder folder_;
  std::string path_ = folder_ / "some/spool";
};

TEST_F(SpoolTest, RecordsAreGivenInOrder) {
  Spool spool(options());
  append(spool, 0, 35);
  EXPECT_EQ(read_all(spool), numbers(0, 35));
  append(spool, 35, 36);
  EXPECT_EQ(read_all(spool), numbers(35, 36));
  EXPECT_EQ(spool.ledger().waiting, 36U);
  EXPECT_EQ(spool.ledger().files, 4U);
}

TEST_F(SpoolTest, SaysHowLongTheOldestRecordHasBeenThere) {
  Spool spool(options());
  EXPECT_EQ(spool.ledger().oldest_seconds, 0);
  append(spool, 0, 15);  // two files
  spool.flush();
  EXPECT_TRUE(eventually([&] { return spool.ledger().oldest_seconds > 0.01; }));
  EXPECT_LT(spool.ledger().oldest_seconds, 60);
  read_all(spool);
  for (std::uint64_t position = 0; position < 15; ++position) spool.acknowledge(position);
  EXPECT_EQ(spool.ledger().oldest_seconds, 0);
}

TEST_F(SpoolTest, TakesRecordsOfAnySize) {
  SpoolOptions options = SpoolTest::options();
  options.max_bytes = 4 << 20;
  Spool spool(options);
  for (const std::size_t size : {0, 1, 1000, 5000, 70'000, 1'000'000}) {
    const std::string payload(size, 'x');
    spool.append(payload);
    const auto given = spool.next();
    ASSERT_TRUE(given);
    EXPECT_EQ(given->payload, payload);
  }
  EXPECT_FALSE(spool.next());
}

TEST_F(SpoolTest, WhatWasNotAcknowledgedIsGivenAfterARestart) {
  {
    Spool spool(options());
    append(spool, 0, 25);
    for (std::uint64_t position = 0; position < 12; ++position) spool.acknowledge(spool.next()->position);
  }
  Spool spool(options());
  EXPECT_EQ(spool.ledger().recovered, 13U);
  EXPECT_EQ(spool.ledger().waiting, 13U);
  EXPECT_EQ(read_all(spool), numbers(12, 25));
  EXPECT_EQ(spool.ledger().files, 2U);
}

TEST_F(SpoolTest, TheOldestMissingAcknowledgementHoldsTheMark) {
  {
    Spool spool(options());
    append(spool, 0, 5);
    read_all(spool);
    for (const std::uint64_t position : {4, 0, 2, 3, 2}) spool.acknowledge(position);
    EXPECT_EQ(spool.ledger().acknowledged, 4U);
    EXPECT_TRUE(balances(spool.ledger()));
    spool.rewind();
    EXPECT_THAT(read_all(spool), ElementsAre(1));
  }
  Spool spool(options());
  EXPECT_THAT(read_all(spool), ElementsAre(1, 2, 3, 4));
}

TEST_F(SpoolTest, ASpoolThatIsDoneLeavesNoFileAndPositionsGoOn) {
  for (std::uint64_t run = 0; run < 3; ++run) {
    Spool spool(options());
    EXPECT_EQ(spool.ledger().files, 0U);
    spool.append("x");
    const auto given = spool.next();
    EXPECT_EQ(given->position, run);
    spool.acknowledge(given->position);
  }
}

TEST_F(SpoolTest, AFileIsDeletedOnceAllItsRecordsAreAcknowledged) {
  Spool spool(options());
  append(spool, 0, 25);
  read_all(spool);
  for (std::uint64_t position = 1; position < 20; ++position) spool.acknowledge(position);
  spool.sync();
  EXPECT_TRUE(fs::exists(file(0)));
  EXPECT_TRUE(fs::exists(file(10)));
  spool.acknowledge(0);
  spool.sync();
  EXPECT_FALSE(fs::exists(file(0)));
  EXPECT_FALSE(fs::exists(file(10)));
  EXPECT_TRUE(fs::exists(file(20)));
  EXPECT_EQ(spool.ledger().octets, fs::file_size(file(20)));
}

TEST_F(SpoolTest, TheOldestFileMakesRoomForNewRecords) {
  SpoolOptions options = SpoolTest::options();
  options.max_bytes = 3 * 1024;
  Spool spool(options);
  append(spool, 0, 25);
  for (std::uint64_t position = 0; position < 4; ++position) spool.acknowledge(spool.next()->position);
  append(spool, 25, 31);
  EXPECT_EQ(dropped(spool, SpoolDrop::kMaxBytes), 6U);
  EXPECT_LE(spool.ledger().octets, options.max_bytes);
  spool.acknowledge(5);
  EXPECT_EQ(spool.ledger().acknowledged, 4U);
  EXPECT_EQ(read_all(spool), numbers(10, 31));
  EXPECT_FALSE(fs::exists(file(0)));
}

TEST_F(SpoolTest, WhatWasDroppedIsNotMissingAfterARestart) {
  SpoolOptions options = SpoolTest::options();
  options.max_bytes = 3 * 1024;
  {
    Spool spool(options);
    append(spool, 0, 35);
  }
  Spool spool(options);
  EXPECT_EQ(dropped(spool, SpoolDrop::kMissing), 0U);
  EXPECT_EQ(read_all(spool), numbers(10, 35));
}

TEST_F(SpoolTest, ARecordThatNeverFitsDropsNoOther) {
  Spool spool(options());
  append(spool, 0, 3);
  spool.append(std::string(options().max_bytes, 'x'));
  EXPECT_EQ(dropped(spool, SpoolDrop::kMaxBytes), 1U);
  EXPECT_EQ(read_all(spool), numbers(0, 3));
}

TEST_F(SpoolTest, ATornRecordIsCutOffOnce) {
  for (std::uint64_t cut = 1; cut < 100; ++cut) {
    fs::remove_all(path_);
    leave(13);
    fs::resize_file(file(10), fs::file_size(file(10)) - cut);
    for (const std::uint64_t torn : {1, 0}) {
      Spool spool(unsynced());
      EXPECT_EQ(dropped(spool, SpoolDrop::kTorn), torn);
      EXPECT_EQ(spool.ledger().recovered, 12 + torn);
      EXPECT_EQ(read_all(spool), numbers(0, 12));
    }
  }
}

TEST_F(SpoolTest, ZerosAtTheEndAreTorn) {
  leave(13);
  fs::resize_file(file(10), 4096);
  Spool spool(options());
  EXPECT_EQ(dropped(spool, SpoolDrop::kTorn), 1U);
  append(spool, 13, 14);
  EXPECT_EQ(read_all(spool), numbers(0, 14));
}

TEST_F(SpoolTest, ACorruptRecordIsLeftOut) {
  leave(25);
  flip(file(0), kSpoolFileHeader + 3 * 100 + 50);
  flip(file(20), kSpoolFileHeader + 50);
  Spool spool(options());
  std::vector<std::uint64_t> expected = numbers(0, 25);
  std::erase(expected, 3U);
  std::erase(expected, 20U);
  EXPECT_EQ(read_all(spool), expected);
  EXPECT_EQ(dropped(spool, SpoolDrop::kCorrupt), 2U);
  spool.rewind();
  EXPECT_EQ(read_all(spool), expected);
  EXPECT_EQ(dropped(spool, SpoolDrop::kCorrupt), 2U);
}

TEST_F(SpoolTest, AfterACorruptLengthTheRestOfTheFileIsLost) {
  leave(25);
  flip(file(0), kSpoolFileHeader + 3 * 100 + 2);
  Spool spool(options());
  std::vector<std::uint64_t> expected = numbers(0, 3);
  for (const std::uint64_t number : numbers(10, 25)) expected.push_back(number);
  EXPECT_EQ(read_all(spool), expected);
  EXPECT_EQ(dropped(spool, SpoolDrop::kCorrupt), 7U);
}

TEST_F(SpoolTest, AFileWithACorruptHeaderIsLost) {
  leave(25);
  flip(file(10), 14);
  flip(file(20), 0);
  Spool spool(options());
  EXPECT_EQ(read_all(spool), numbers(0, 10));
  // The last file is lost, so the number of its records is unknown. The loss counts as one record.
  EXPECT_EQ(dropped(spool, SpoolDrop::kCorrupt), 11U);
}

TEST_F(SpoolTest, AFileOfALaterVersionIsRefusedAndKept) {
  leave(25);
  {
    std::fstream last(file(20), std::ios::in | std::ios::out | std::ios::binary);
    last << spool_file_header(20, kSpoolVersion + 1);
  }
  EXPECT_EQ(error_of([&] { Spool spool(options()); }),
            file(20) + ": this file has version 2 of the format, and this program knows only version 1");
  EXPECT_TRUE(fs::exists(file(20)));
}

TEST_F(SpoolTest, AMissingFileIsCounted) {
  leave(35);
  fs::remove(file(0));
  fs::remove(file(20));
  Spool spool(options());
  std::vector<std::uint64_t> expected = numbers(10, 20);
  for (const std::uint64_t number : numbers(30, 35)) expected.push_back(number);
  EXPECT_EQ(read_all(spool), expected);
  EXPECT_EQ(dropped(spool, SpoolDrop::kMissing), 20U);
}

TEST_F(SpoolTest, FilesThatGoMissingMeanwhileAreCounted) {
  Spool spool(options());
  append(spool, 0, 25);
  spool.flush();
  fs::remove(file(10));
  fs::remove(file(20));
  EXPECT_EQ(read_all(spool), numbers(0, 10));
  EXPECT_EQ(dropped(spool, SpoolDrop::kMissing), 15U);
  append(spool, 25, 30);
  EXPECT_EQ(read_all(spool), numbers(25, 30));
}

// After a loss of power, the mark of acknowledged records may be on the disk although the records themselves are not.
TEST_F(SpoolTest, ANewRecordIsNotTakenForOneThatWasAcknowledged) {
  {
    Spool spool(options());
    append(spool, 0, 8);
    for (int i = 0; i < 5; ++i) spool.acknowledge(spool.next()->position);
  }
  fs::resize_file(file(0), kSpoolFileHeader + 3 * 100);
  Spool spool(options());
  EXPECT_EQ(spool.ledger().recovered, 0U);
  append(spool, 8, 9);
  EXPECT_THAT(read_all(spool), ElementsAre(8));
}

TEST_F(SpoolTest, WithoutItsMarkEverythingInTheFolderIsGivenAgain) {
  {
    Spool spool(options());
    append(spool, 0, 25);
    for (int i = 0; i < 12; ++i) spool.acknowledge(spool.next()->position);
  }
  std::ofstream(path_ + "/acknowledged") << std::string(1024, 'x');
  Spool spool(options());
  EXPECT_EQ(read_all(spool), numbers(10, 25));
}

TEST_F(SpoolTest, OneProcessHasAFolder) {
  Spool spool(options());
  EXPECT_EQ(error_of([&] { Spool other(options()); }), path_ + ": cannot be locked: another process uses this spool");
}

TEST_F(SpoolTest, AFolderThatCannotBeThereIsNamed) {
  folder_.write("file", "");
  SpoolOptions options = SpoolTest::options();
  options.path = folder_ / "file/spool";
  EXPECT_EQ(error_of([&] { Spool spool(options); }), options.path + ": cannot be made as a spool: Not a directory");
}

TEST_F(SpoolTest, FilesOfOthersStay) {
  fs::create_directories(path_);
  for (const char* name : {"README", "1.spool", "99999999999999999999.spool", "0000000000000000000x.spool"}) {
    std::ofstream(path_ + "/" + name) << "text";
  }
  fs::create_directory(file(0));
  leave(0);
  Spool spool(options());
  EXPECT_EQ(spool.ledger().files, 0U);
  EXPECT_EQ(std::distance(fs::directory_iterator(path_), {}), 6);
}

// A write beyond the file size limit fails with EFBIG (and SIGXFSZ). The spool must not treat EFBIG as a full disk.
TEST_F(SpoolTest, WhatCannotBeWrittenIsCountedAndWhatIsWholeStays) {
  SpoolOptions options = SpoolTest::options();
  options.file_bytes = 64 << 10;
  Spool spool(options);
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit limited{.rlim_cur = 524, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limited), 0);
  for (std::uint64_t number = 0; number < 8; ++number) spool.append(record(number));
  spool.flush();
  for (std::uint64_t number = 8; number < 20; ++number) spool.append(record(number));
  spool.flush();
  ::setrlimit(RLIMIT_FSIZE, &before);
  ::signal(SIGXFSZ, handler);
  EXPECT_TRUE(balances(spool.ledger()));
  // The limit leaves room for five records in a file, and a flush tries one new file. The first flush put five records
  // into one file and three into the next. The second flush put two more into that file and five into a third, and
  // dropped the last five.
  EXPECT_EQ(read_all(spool), numbers(0, 15));
  EXPECT_EQ(dropped(spool, SpoolDrop::kWriteFailed), 5U);
  append(spool, 20, 24);
  EXPECT_EQ(read_all(spool), numbers(20, 24));
}

TEST_F(SpoolTest, AFullDiskCostsTheOldestFiles) {
  bool mounted = false;
  fs::create_directories(path_);
  // The thread has its own mount namespace, so only this thread sees the mount.
  std::thread([&] {
    mounted = ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
              ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=256k") == 0;
    if (!mounted) return;
    SpoolOptions options = SpoolTest::options();
    options.file_bytes = 16 << 10;
    Spool spool(options);
    const std::string other = path_ + "/other";
    std::ofstream(other) << std::string(128 << 10, 'x');
    append(spool, 0, 5000);
    spool.flush();
    const std::uint64_t lost = dropped(spool, SpoolDrop::kNoSpace);
    EXPECT_GT(lost, 3000U);
    EXPECT_EQ(read_all(spool), numbers(lost, 5000));
    EXPECT_GT(spool.ledger().waiting, 800U);

    // If there are no old files to drop, the spool drops new records until there is room again.
    for (std::uint64_t number = lost; number < 5000; ++number) spool.acknowledge(number);
    spool.sync();
    EXPECT_EQ(spool.ledger().files, 0U);
    std::ofstream(other, std::ios::app) << std::string(256 << 10, 'x');
    append(spool, 5000, 5100);
    spool.flush();
    EXPECT_EQ(dropped(spool, SpoolDrop::kNoSpace), lost + 100);
    EXPECT_TRUE(balances(spool.ledger()));
    fs::remove(other);
    append(spool, 5100, 5200);
    EXPECT_EQ(read_all(spool), numbers(5100, 5200));
  }).join();
  if (!mounted) GTEST_SKIP() << "needs root, to mount a small tmpfs";
}

TEST_F(SpoolTest, OneThreadAppendsAndReadsWhileAnotherAcknowledges) {
  constexpr std::uint64_t kRecords = 20'000;
  SpoolOptions options = SpoolTest::options();
  options.file_bytes = 16 << 10;
  options.max_bytes = 16 << 20;
  options.sync_interval = std::chrono::milliseconds{1};
  Spool spool(options);
  std::atomic<std::uint64_t> given{0};
  std::thread acknowledging([&] {
    for (std::uint64_t position = 0; position < kRecords; ++position) {
      while (given.load() <= position) std::this_thread::yield();
      spool.acknowledge(position ^ 1);  // acknowledges in pairs, the later record first
      EXPECT_TRUE(balances(spool.ledger()));
    }
  });
  for (std::uint64_t number = 0; number < kRecords; number += 2) {
    append(spool, number, number + 2);
    EXPECT_EQ(read_all(spool), numbers(number, number + 2));
    given = number + 2;
  }
  acknowledging.join();
  spool.sync();
  EXPECT_EQ(spool.ledger().acknowledged, kRecords);
  EXPECT_EQ(spool.ledger().files, 0U);
}

// Runs in the child process of the test below. Reports its progress in numbers of 8 octets: 2n + 1 after it has flushed
// n records, and 2n before it acknowledges the n-th record.
[[noreturn]] void write_until_killed(const SpoolOptions& options, int pipe, bool acknowledges) {
  const auto tell = [pipe](std::uint64_t number) {
    if (::write(pipe, &number, sizeof number) != sizeof number) ::_exit(1);
  };
  Spool spool(options);
  for (std::uint64_t number = 0;; ++number) {
    spool.append(record(number));
    if (number % 7 != 6) continue;
    spool.flush();
    tell((number + 1) * 2 + 1);
    for (int i = 0; acknowledges && i < 5; ++i) {
      const std::uint64_t position = spool.next()->position;
      tell((position + 1) * 2);
      spool.acknowledge(position);
    }
  }
}

class KilledSpoolTest : public SpoolTest, public ::testing::WithParamInterface<bool> {};

TEST_P(KilledSpoolTest, WhatWasFlushedIsThereAfterKill9) {
  std::mt19937 random(9);
  for (int round = 0; round < 20; ++round) {
    fs::remove_all(path_);
    SpoolOptions options = SpoolTest::options();
    options.max_bytes = std::uint64_t{1} << 30;
    options.file_bytes = 32 << 10;
    options.sync_interval = std::chrono::milliseconds{5};
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      write_until_killed(options, ends[1], GetParam());
    }
    ::close(ends[1]);

    // The child is killed at a random point of its work: after `left` messages and a random delay of up to 3 ms.
    std::uint64_t flushed = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t left = random() % 2000 + 1;
    std::uint64_t told = 0;
    while (::read(ends[0], &told, sizeof told) == sizeof told) {
      (told % 2 == 1 ? flushed : acknowledged) = told / 2;
      if (--left == 0) {
        ::usleep(random() % 3000);
        ::kill(child, SIGKILL);
      }
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));

    Spool spool(options);
    const std::vector<std::uint64_t> found = read_all(spool);
    ASSERT_FALSE(found.empty());
    EXPECT_LE(found.front(), acknowledged);
    EXPECT_GT(found.back() + 1, flushed - 1);
    EXPECT_EQ(found, numbers(found.front(), found.back() + 1));
    EXPECT_EQ(dropped(spool, SpoolDrop::kCorrupt) + dropped(spool, SpoolDrop::kMissing), 0U);
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, KilledSpoolTest, ::testing::Bool(),
                         [](const auto& mode) { return mode.param ? "Acknowledging" : "Appending"; });

// Makes random calls, restarts and crashes, and checks the results against a model. The spool drops no record here, so
// record(n) has position n.
class SpoolModel {
 public:
  explicit SpoolModel(std::uint32_t seed) : random_(seed) { open(); }

  void step() {
    switch (random_() % 16) {
      case 0:
        return restart();
      case 1:
        return crash();
      case 2:
        spool_->rewind();
        return given_.clear();
      case 3:
        spool_->sync();
        synced_ = settled_;
        return flushed();
      case 4:
        spool_->flush();
        return flushed();
      case 5:
      case 6:
      case 7:
        return next();
      case 8:
      case 9:
      case 10:
        return acknowledge();
      default:
        spool_->append(record(end_++));
        return check();
    }
  }

 private:
  SpoolOptions options() const {
    return {.path = *folder_ / "spool",
            .file_bytes = 1024,
            .sync = SpoolSync::kOff,
            .sync_interval = std::chrono::hours{1}};
  }
  void open() {
    spool_ = std::make_unique<Spool>(options());
    given_.clear();
  }
  void check() { EXPECT_TRUE(balances(spool_->ledger())); }
  void flushed() {
    flushed_ = end_;
    check();
  }
  std::uint64_t low_water(const std::set<std::uint64_t>& settled) const {
    std::uint64_t position = 0;
    while (settled.contains(position)) ++position;
    return position;
  }

  void next() {
    const auto given = spool_->next();
    check();
    std::uint64_t expected = given_.empty() ? 0 : given_.back() + 1;
    while (settled_.contains(expected)) ++expected;
    ASSERT_EQ(given.has_value(), expected < end_);
    if (!given) return;
    EXPECT_EQ(given->position, expected);
    EXPECT_EQ(given->payload, record(expected));
    given_.push_back(expected);
    flushed_ = std::max(flushed_, expected + 1);
  }
  void acknowledge() {
    if (given_.empty()) return;
    const std::uint64_t position = given_[given_.size() - 1 - random_() % std::min<std::size_t>(given_.size(), 8)];
    spool_->acknowledge(position);
    settled_.insert(position);
    EXPECT_EQ(spool_->ledger().waiting, end_ - settled_.size());
    check();
  }

  void restart() {
    spool_.reset();
    open();
    flushed_ = end_;
    forget_above(low_water(settled_));
  }
  // Simulates a killed process: continues with a copy of the current files, which lacks the unflushed records.
  void crash() {
    auto copy = std::make_unique<TemporaryFolder>();
    fs::copy(*folder_ / "spool", *copy / "spool");
    spool_.reset();
    folder_ = std::move(copy);
    open();
    const SpoolLedger ledger = spool_->ledger();
    const auto given = spool_->next();
    spool_->rewind();
    // Flushed records are not lost. Only records that were acknowledged since the last sync may come again.
    const std::uint64_t mark = given ? given->position : low_water(settled_);
    EXPECT_GE(mark, low_water(synced_));
    EXPECT_LE(mark, low_water(settled_));
    EXPECT_GE(mark + ledger.waiting, flushed_);
    EXPECT_LE(mark + ledger.waiting, end_);
    end_ = flushed_ = mark + ledger.waiting;
    forget_above(mark);
  }
  // After a restart, only records below the mark count as acknowledged.
  void forget_above(std::uint64_t mark) {
    settled_.erase(settled_.lower_bound(mark), settled_.end());
    synced_ = settled_;
    EXPECT_EQ(spool_->ledger().waiting, end_ - mark);
    check();
  }

  std::mt19937 random_;
  std::unique_ptr<TemporaryFolder> folder_ = std::make_unique<TemporaryFolder>();
  std::unique_ptr<Spool> spool_;
  std::uint64_t end_ = 0;             // number of records appended
  std::uint64_t flushed_ = 0;         // at least this many records are in the files
  std::vector<std::uint64_t> given_;  // records that next() returned since the start or the last rewind
  std::set<std::uint64_t> settled_;   // acknowledged records
  std::set<std::uint64_t> synced_;    // settled_ at the last sync
};

TEST(SpoolPropertyTest, RandomCallsRestartsAndCrashesLoseNothing) {
  for (std::uint32_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    SpoolModel model(seed);
    for (int i = 0; i < 600 && !::testing::Test::HasFailure(); ++i) model.step();
  }
}

// Damages the folder in one random way.
void damage(const fs::path& folder, std::mt19937& random) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  const fs::path file = files[random() % files.size()];
  std::string content = content_of(file);
  const std::size_t at = random() % (content.size() + 1);
  const fs::path other = folder / spool_file_name(random() % 100);
  switch (random() % 8) {
    case 0:
      fs::remove(file);
      return;
    case 1:
      fs::resize_file(file, at);
      return;
    case 2:
      fs::resize_file(file, content.size() + random() % 100'000);
      return;
    case 3:
      if (other != file) fs::copy_file(file, other, fs::copy_options::overwrite_existing);
      return;
    case 4:
      fs::rename(file, folder / spool_file_name(std::uint64_t{random()} << 31));
      return;
    case 5:
      content.erase(at, random() % 200);
      break;
    case 6:
      content.insert(at, std::string(random() % 200, static_cast<char>(random())));
      break;
    default:
      for (std::size_t i = at; i < std::min<std::size_t>(content.size(), at + 1 + random() % 40); ++i) {
        content[i] = static_cast<char>(random());
      }
  }
  std::ofstream(file, std::ios::binary) << content;
}

TEST_F(SpoolTest, WhateverIsInTheFolderOnlyGoodRecordsAreGiven) {
  std::mt19937 random(5);
  for (int round = 0; round < 400; ++round) {
    SCOPED_TRACE(round);
    fs::remove_all(path_);
    {
      Spool spool(unsynced());
      append(spool, 0, 45);
      for (std::uint64_t i = random() % 15; i > 0; --i) spool.acknowledge(spool.next()->position);
    }
    for (std::uint64_t i = random() % 4 + 1; i > 0; --i) damage(path_, random);
    for (int opened = 0; opened < 2; ++opened) {
      Spool spool(unsynced());
      EXPECT_TRUE(balances(spool.ledger()));
      for (const std::uint64_t number : read_all(spool)) EXPECT_LT(number, 46U);
      append(spool, 45, 46);
      EXPECT_THAT(read_all(spool), ElementsAre(45));
      EXPECT_TRUE(balances(spool.ledger()));
    }
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace spanflow::testing::spool_test
