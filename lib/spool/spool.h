// Records that wait on disk until their receiver has them: append-only files in a folder, read back in order.
// docs/spool.md says what is kept, what is promised, and what the files look like.
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

// Why a record will never be given, or not again.
enum class SpoolDrop : std::uint8_t { kNoSpace, kMaxBytes, kWriteFailed, kCorrupt, kMissing, kTorn };
inline constexpr std::array<std::string_view, 6> kSpoolDropNames = {"no_space", "max_bytes", "write_failed",
                                                                    "corrupt",  "missing",   "torn"};

// appended + recovered = acknowledged + waiting + the drops, at every moment it is taken.
struct SpoolLedger {
  std::uint64_t appended = 0;
  std::uint64_t recovered = 0;  // not acknowledged by the run before, what it had lost included
  std::uint64_t acknowledged = 0;
  std::uint64_t waiting = 0;
  std::array<std::uint64_t, kSpoolDropNames.size()> dropped{};
  std::uint64_t files = 0;   // files in the folder
  std::uint64_t octets = 0;  // in them, and still to be written
  std::uint64_t sync_failures = 0;
  double oldest_seconds = 0;  // since the file with the oldest waiting record was begun; 0 if none is in a file
};

struct SpooledRecord {
  std::uint64_t position;    // increases from record to record, across restarts too
  std::string_view payload;  // valid until the next call of next() or rewind()
};

// Thread-safe, but for next() and rewind(), which are one thread's. Owns its folder while it lives, and a thread that
// syncs and deletes files. A lock is held while octets are copied to or from the page cache, not while they are synced
// (but with SpoolSync::kAlways, where that is the point).
class Spool {
 public:
  // Creates the folder if need be and takes over what a run before left in it. Throws RunError naming the folder, also
  // when another process has it.
  explicit Spool(SpoolOptions options);
  // Writes and syncs what was appended. A spool whose records were all acknowledged leaves no file.
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  // Takes any octets. Never fails: what finds no room takes the place of the oldest file, and else is dropped,
  // counted.
  void append(std::string_view payload);
  // Writes out what append() has buffered: it now survives the end of the process.
  void flush();
  // flush(), and makes it survive the loss of power; also deletes what was acknowledged. The spool's own thread calls
  // it every sync_interval.
  void sync();

  // The record after the one given before, written out first; records that were settled meanwhile are left out. Nothing
  // when all have been given. Throws RunError when a file cannot be opened for a reason that may pass.
  std::optional<SpooledRecord> next();
  // next() gives again, from the oldest on, what was not acknowledged.
  void rewind();
  // In any order. False of a record that was dropped, or acknowledged before: nothing changes.
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

  // What a sync has to do: taken under the lock, done without it.
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
  SpoolLedger ledger_;  // but for waiting, files and octets
  SettledPositions settled_;
  Files files_;                         // each reaches to the next one's first position, the last to written_position_
  std::uint64_t file_octets_ = 0;       // of files_ and retired_
  std::vector<std::uint64_t> retired_;  // files to be deleted
  std::uint64_t retired_octets_ = 0;
  bool warned_ = false;  // since the spool was empty, of what is dropped while writing

  std::shared_ptr<Descriptor> current_;                // being written: the last one in files_
  std::string buffer_;                                 // records to be appended to it
  std::size_t written_ = 0;                            // of buffer_, by a write that did not get through
  std::uint64_t written_position_ = 0;                 // after what is in files_
  std::uint64_t next_position_ = 0;                    // after what is in buffer_
  std::vector<std::shared_ptr<Descriptor>> unsynced_;  // files
  bool folder_unsynced_ = false;

  std::unique_ptr<SpoolFileReader> reader_;
  std::uint64_t reader_position_ = 0;  // of what reader_ reads next
  std::uint64_t read_position_ = 0;    // of what next() gives, at least

  std::mutex syncing_;  // taken before mutex_
  std::condition_variable stop_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace spanflow
