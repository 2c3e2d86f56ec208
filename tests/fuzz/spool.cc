// The recovery of a spool whose files a crash or a disk has damaged. The input is a list of operations.
#include "spool/spool.h"

#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

#include "base/error.h"
#include "octets.h"
#include "require.h"
#include "support/temporary_folder.h"
#include "telemetry/log.h"

namespace spanflow::fuzz {
namespace {

namespace fs = std::filesystem;

class Spooled {
 public:
  Spooled() { open(); }

  void apply(Octets& input) {
    switch (input.u8() % 8) {
      case 0:
      case 1:
        return append(input);
      case 2:
        return read(input.u8() % 16);
      case 3:
        return acknowledge(input.u8());
      case 4:
        return spool_->rewind();
      case 5:
        return cut_file(input);
      case 6:
        return damage_file(input);
      default:
        return open();
    }
  }

  // Every record is settled or waits, and those that wait can be read or are counted as lost.
  void end() {
    open();
    spool_->rewind();
    while (spool_->next()) check();
    check();
  }

  void check() const {
    const SpoolLedger ledger = spool_->ledger();
    const std::uint64_t dropped = std::accumulate(ledger.dropped.begin(), ledger.dropped.end(), std::uint64_t{0});
    require(ledger.appended + ledger.recovered == ledger.acknowledged + ledger.waiting + dropped,
            "appended + recovered = acknowledged + waiting + dropped");
  }

 private:
  void open() {
    spool_.reset();
    spool_ = std::make_unique<Spool>(SpoolOptions{.path = folder_ / "spool",
                                                  .max_bytes = 8192,
                                                  .file_bytes = 512,
                                                  .sync = SpoolSync::kOff,
                                                  .sync_interval = std::chrono::hours{1}});
    given_.clear();
  }

  void append(Octets& input) {
    const std::string payload(input.text(input.u8()));
    written_.insert(payload);
    spool_->append(payload);
  }

  void read(unsigned records) {
    for (unsigned i = 0; i < records; ++i) {
      const auto record = spool_->next();
      if (!record) return;
      require(written_.contains(std::string(record->payload)), "a record comes back as it was written");
      given_.push_back(record->position);
    }
  }

  void acknowledge(std::size_t which) {
    if (!given_.empty()) spool_->acknowledge(given_[which % given_.size()]);
  }

  // Closes the spool, so that the files have all records. Returns one of the files.
  fs::path close_and_choose(Octets& input) {
    spool_.reset();
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "spool")) files.push_back(entry.path());
    std::ranges::sort(files);
    return files.empty() ? fs::path() : files[input.u8() % files.size()];
  }

  void cut_file(Octets& input) {
    const fs::path file = close_and_choose(input);
    const std::uint16_t size = input.u16();
    if (!file.empty()) fs::resize_file(file, size % (fs::file_size(file) + 64));
    open();
  }

  void damage_file(Octets& input) {
    const fs::path file = close_and_choose(input);
    const std::uint16_t at = input.u16();
    const auto octets = input.text(1 + input.u8() % 16);
    if (!file.empty()) {
      std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
      stream.seekp(static_cast<std::streamoff>(at % (fs::file_size(file) + 1)));
      stream << octets;
    }
    open();
  }

  const testing::TemporaryFolder folder_;
  std::unique_ptr<Spool> spool_;
  std::set<std::string> written_;
  std::vector<std::uint64_t> given_;
};

}  // namespace
}  // namespace spanflow::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace spanflow;
  static const bool quiet = (set_log_level("error"), true);
  (void)quiet;
  constexpr int kMostOperations = 64;
  fuzz::Octets input(data, size);
  fuzz::Spooled spooled;
  for (int i = 0; i < kMostOperations && !input.empty(); ++i) {
    spooled.apply(input);
    spooled.check();
  }
  spooled.end();
  return 0;
}
