// Records that wait on disk until their receiver acknowledges them. They are in append-only files in one folder, and
// are read back in order. docs/spool.md describes the guarantees and the file format.
#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "spool/settled_positions.h"
#include "spool/spool_file.h"
#include "spool/spool_options.h"

namespace spanflow {

// Why a record was dropped. next() does not return a record after it was dropped. kMissing: the file is gone or too
// short. kTorn: the end of the last file is incomplete or cannot be read.
enum class SpoolDrop : std::uint8_t { kNoSpace, kMaxBytes, kWriteFailed, kCorrupt, kMissing, kTorn };
inline constexpr std::array<std::string_view, 6> kSpoolDropNames = {"no_space", "max_bytes", "write_failed",
                                                                    "corrupt",  "missing",   "torn"};
static_assert(kSpoolDropNames.size() == static_cast<std::size_t>(SpoolDrop::kTorn) + 1);

// Invariant: appended + recovered = acknowledged + waiting + the sum of dropped.
struct SpoolLedger {
  std::uint64_t appended = 0;
  std::uint64_t recovered = 0;  // unacknowledged records of earlier runs, including lost records
  std::uint64_t acknowledged = 0;
  std::uint64_t waiting = 0;
  std::array<std::uint64_t, kSpoolDropNames.size()> dropped{};
  std::uint64_t files = 0;   // number of files in the folder
  std::uint64_t octets = 0;  // number of octets in the files and in the write buffer
  std::uint64_t sync_failures = 0;
  double oldest_seconds = 0;  // age of the file with the oldest waiting record; 0: no such file
};

struct SpooledRecord {
  std::uint64_t position;    // increases from record to record, also across restarts
  std::string_view payload;  // valid until the next call of next() or rewind()
};

// Thread-safe, except that only one thread may call next() and rewind(). Locks the folder, so that no other process
// uses it. Runs a thread that syncs and deletes files. The functions hold the mutex while the kernel copies octets to
// or from the page cache. Only with SpoolSync::kAlways do they also hold the mutex during a sync.
class Spool {
 public:
  // Creates the folder if needed, and recovers the records of an earlier run. Throws RunError with the folder's path if
  // the folder cannot be used, or if another process uses it.
  explicit Spool(SpoolOptions options);
  // Writes and syncs the appended records. If no record is waiting, no spool file remains.
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Appends a record of any octets. Never fails. If there is no room, drops the oldest files. If this does not make
  // enough room, drops the new record. Dropped records are counted.
  void append(std::string_view payload);
  // Writes the buffered records to the file. After this call, they survive the end of the process.
  void flush();
  // Does what flush() does, then syncs so that the records survive a power loss, and deletes acknowledged files. The
  // spool's own thread calls this function every sync_interval.
  void sync();

  // Returns the next record in order, or nullopt after the last record. Writes the record to the file before returning
  // it. Skips records that have been settled in the meantime. Throws RunError if a file exists but cannot be opened.
  // Its records do not count as lost, because the cause may be temporary.
  std::optional<SpooledRecord> next();
  // Makes next() start again with the oldest unacknowledged record.
  void rewind();
  // Acknowledges a record. Records may be acknowledged in any order. If the record was dropped or is already
  // acknowledged, has no effect and returns false.
  bool acknowledge(std::uint64_t position);

  SpoolLedger ledger() const;

 private:
  using Files = std::map<std::uint64_t, std::uint64_t>;  // position of the first record -> octets of the file

  void recover();
  Files find_files() const;
  std::uint64_t recover_last_file();
  std::uint64_t count_records(std::uint64_t first);

  bool make_room(std::size_t size);
  bool drop_oldest(SpoolDrop reason);
  void write_out();
  int write_buffer();
  int open_file();
  void close_file();
  void keep_what_is_whole();
  void drop_buffer(SpoolDrop reason, int error);

  // The work of one sync. take_sync_work() collects the work under the mutex. do_sync_work() does the work without the
  // mutex, except with SpoolSync::kAlways. `folder` and `mark` are true if the folder and the mark file need a sync.
  struct SyncWork {
    std::vector<std::shared_ptr<Descriptor>> files;
    bool folder = false;
    bool mark = false;
  };
  SyncWork take_sync_work();
  int do_sync_work(const SyncWork& work) const;
  void note_sync(int error);
  void run();

  bool open_reader(Files::const_iterator file);
  std::optional<SpooledRecord> read(Files::const_iterator file);
  std::uint64_t lose(std::uint64_t first, std::uint64_t end, SpoolDrop reason);
  void lose_rest(Files::const_iterator file, std::uint64_t position, SpoolDrop reason, std::uint64_t offset);
  void report_lost(std::uint64_t first, std::uint64_t offset, SpoolDrop reason, std::uint64_t records) const;

  bool is_being_written(Files::const_iterator file) const { return current_ && std::next(file) == files_.end(); }
  std::uint64_t end_of(Files::const_iterator file) const;
  double oldest_seconds() const;
  void retire();
  std::vector<std::uint64_t> take_retired();
  std::uint64_t waiting() const { return next_position_ - settled_.low_water() - settled_.above(); }
  std::uint64_t& dropped(SpoolDrop reason) { return ledger_.dropped[static_cast<std::size_t>(reason)]; }
  std::string path_of(std::uint64_t first) const { return options_.path + "/" + spool_file_name(first); }
  void warn_once(const std::string& text);

  const SpoolOptions options_;
  const std::uint64_t file_limit_;
  Descriptor folder_;
  std::unique_ptr<MarkFile> mark_;

  mutable std::mutex mutex_;
  SpoolLedger ledger_;  // without waiting, files, octets and oldest_seconds, which ledger() computes
  SettledPositions settled_;
  // The positions of a file end before the first position of the next file. In the last file, they end before
  // written_position_.
  Files files_;
  std::uint64_t file_octets_ = 0;       // octets of the files in files_ and retired_
  std::vector<std::uint64_t> retired_;  // files to delete, because all their records are settled
  std::uint64_t retired_octets_ = 0;
  // True if a warning was logged since the spool was last empty.
  bool warned_ = false;

  std::shared_ptr<Descriptor> current_;  // the file being written, which is the last one in files_; null: none
  std::string buffer_;                   // records to append to the current file
  std::size_t written_ = 0;              // octets of buffer_ that an incomplete write has put in the file
  std::uint64_t written_position_ = 0;   // position after the last record in files_
  std::uint64_t next_position_ = 0;      // position after the last record in buffer_
  std::vector<std::shared_ptr<Descriptor>> unsynced_;  // files written since the last sync
  bool folder_unsynced_ = false;                       // true: a file was created since the last sync

  std::unique_ptr<SpoolFileReader> reader_;
  std::uint64_t reader_position_ = 0;  // position of the record that reader_ reads next
  std::uint64_t read_position_ = 0;    // next() returns no record before this one

  std::mutex syncing_;  // held during a sync(), so that only one runs; must be locked before mutex_
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace spanflow
