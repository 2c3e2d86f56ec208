// A library for LD_PRELOAD that makes chosen system calls and library functions of a program fail or last longer. The
// tests in tests/faults use it. The environment has the plan:
//
//   FAULTS_CALL    the kind of call: open, read, write, sync, truncate, rename, unlink, mkdir, mmap, malloc or thread
//   FAULTS_AT      the number of the first call that is affected, counted from 1
//   FAULTS_COUNT   how many successive calls are affected; default: 1; 0: all from the first on
//   FAULTS_ERRNO   the errno of an affected call
//   FAULTS_DELAY   milliseconds that an affected call lasts longer, instead of failing
//   FAULTS_PATH    counts only calls that are about a path with this prefix
//   FAULTS_ROUND   counts only calls while this file exists, so that a test can aim at a reload or at a stop. The file
//                  has two numbers: that of the round, and FAULTS_AT for this round. A new round counts from 1 again.
//   FAULTS_REPORT  the file to which lines are appended: for the first affected call the name of its thread and its
//   call
//                  stack, and at the end of a round and of the process the number of counted calls
//
// Calls that glibc makes inside of itself, such as the write() in fwrite(), are not affected. The library allocates no
// memory, because it also replaces malloc().

// With these macros, the headers would replace the functions that this file defines.
#undef _FILE_OFFSET_BITS
#undef _FORTIFY_SOURCE
#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <threads.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace {

struct Plan {
  const char* call = nullptr;
  unsigned long count = 1;
  int error = 0;
  long delay_ms = 0;
  const char* path = nullptr;
  const char* round = nullptr;
  const char* report = nullptr;
};

std::atomic<unsigned long> counted{0};
std::atomic<unsigned long> first{0};  // the number of the first affected call
std::atomic<long> current_round{0};
thread_local bool inside = false;  // true while this library itself works, which may call malloc()

long number_of(const char* variable, long otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtol(text, nullptr, 10);
}

// A function static would need a guard that may allocate; the plan may be read several times, with the same result.
const Plan& plan() {
  static Plan read;
  static std::atomic<bool> is_read{false};
  if (is_read.load(std::memory_order_acquire)) return read;
  read.call = std::getenv("FAULTS_CALL");
  first = static_cast<unsigned long>(number_of("FAULTS_AT", 0));
  read.count = static_cast<unsigned long>(number_of("FAULTS_COUNT", 1));
  read.error = static_cast<int>(number_of("FAULTS_ERRNO", EIO));
  read.delay_ms = number_of("FAULTS_DELAY", 0);
  read.path = std::getenv("FAULTS_PATH");
  read.round = std::getenv("FAULTS_ROUND");
  read.report = std::getenv("FAULTS_REPORT");
  is_read.store(true, std::memory_order_release);
  return read;
}

int open_report() {
  return static_cast<int>(
      ::syscall(SYS_openat, AT_FDCWD, plan().report, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
}

void put(int file, const char* text) { ::syscall(SYS_write, file, text, std::strlen(text)); }

void report_fault(unsigned long number) {
  if (plan().report == nullptr || number != first) return;
  const int file = open_report();
  std::array<char, 16> thread{};
  ::prctl(PR_GET_NAME, thread.data());
  std::array<char, 128> line{};
  std::snprintf(line.data(), line.size(), "affected %s %lu in thread %s\n", plan().call, number, thread.data());
  put(file, line.data());
  std::array<void*, 24> frames{};
  ::backtrace_symbols_fd(frames.data(), ::backtrace(frames.data(), frames.size()), file);
  ::syscall(SYS_close, file);
}

[[gnu::constructor]] void load_what_backtrace_needs() {
  std::array<void*, 1> frame{};
  inside = true;
  ::backtrace(frame.data(), frame.size());
  inside = false;
}

[[gnu::destructor]] void report_count() {
  if (plan().report == nullptr || plan().call == nullptr) return;
  const int file = open_report();
  std::array<char, 64> line{};
  std::snprintf(line.data(), line.size(), "counted %lu\n", counted.load());
  put(file, line.data());
  ::syscall(SYS_close, file);
}

void wait() {
  const timespec time{.tv_sec = plan().delay_ms / 1000, .tv_nsec = plan().delay_ms % 1000 * 1000000};
  ::nanosleep(&time, nullptr);
}

bool is_about(const char* path) {
  return plan().path == nullptr || std::strncmp(path, plan().path, std::strlen(plan().path)) == 0;
}

bool is_about(int descriptor) {
  if (plan().path == nullptr) return true;
  std::array<char, 32> link{};
  std::array<char, 512> target{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", descriptor);
  return ::syscall(SYS_readlink, link.data(), target.data(), target.size() - 1) > 0 && is_about(target.data());
}

// Begins another round if the file FAULTS_ROUND says so. Returns false if the file does not exist.
bool is_time() {
  if (plan().round == nullptr) return true;
  const long file = ::syscall(SYS_openat, AT_FDCWD, plan().round, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return false;
  std::array<char, 64> text{};
  ::syscall(SYS_read, file, text.data(), text.size() - 1);
  ::syscall(SYS_close, file);
  char* rest = nullptr;
  const long round = std::strtol(text.data(), &rest, 10);
  if (current_round.exchange(round) != round) {
    report_count();
    counted = 0;
    first = std::strtoul(rest, nullptr, 10);
  }
  return true;
}

// Counts the call. Returns true, with errno set, if the call must fail.
template <typename Subject>
bool fails(const char* call, Subject subject) {
  if (inside || plan().call == nullptr || std::strcmp(call, plan().call) != 0) return false;
  const int before = errno;
  inside = true;
  bool affected = false;
  if (is_time() && is_about(subject)) {
    const unsigned long number = ++counted;
    affected = first != 0 && number >= first && (plan().count == 0 || number < first + plan().count);
    if (affected) report_fault(number);
  }
  inside = false;
  errno = before;
  if (affected && plan().delay_ms > 0) wait();
  const bool fails = affected && plan().delay_ms == 0;
  if (fails) errno = plan().error;
  return fails;
}

// For calls that are about no path.
bool fails(const char* call) { return fails(call, plan().path == nullptr ? "" : plan().path); }

int open_at(int folder, const char* path, int flags, mode_t mode) {
  return fails("open", path) ? -1 : static_cast<int>(::syscall(SYS_openat, folder, path, flags, mode));
}

mode_t mode_of(int flags, std::va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

template <typename Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// A function of the program's allocator. Looked for once, because dlsym() takes a lock; two threads find the same.
template <typename Function>
class OfAllocator {
 public:
  constexpr explicit OfAllocator(const char* name) : name_(name) {}
  template <typename... Arguments>
  auto operator()(Arguments... arguments) {
    Function* function = found_.load(std::memory_order_relaxed);
    if (function == nullptr) found_ = function = next<Function>(name_);
    return function(arguments...);
  }

 private:
  const char* name_;
  std::atomic<Function*> found_{nullptr};
};

constinit OfAllocator<void*(std::size_t)> next_malloc("malloc");
constinit OfAllocator<void*(std::size_t, std::size_t)> next_calloc("calloc");
constinit OfAllocator<void*(void*, std::size_t)> next_realloc("realloc");
constinit OfAllocator<void*(std::size_t, std::size_t)> next_aligned_alloc("aligned_alloc");
constinit OfAllocator<int(void**, std::size_t, std::size_t)> next_posix_memalign("posix_memalign");

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

int open(const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  std::va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  return open_at(folder, path, flags, mode);
}

int open64(const char* path, int flags, ...) __attribute__((alias("open")));
int openat64(int folder, const char* path, int flags, ...) __attribute__((alias("openat")));

// What the headers make of open() with two arguments under _FORTIFY_SOURCE.
int __open_2(const char* path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }                // NOLINT
int __open64_2(const char* path, int flags) { return open_at(AT_FDCWD, path, flags, 0); }              // NOLINT
int __openat_2(int folder, const char* path, int flags) { return open_at(folder, path, flags, 0); }    // NOLINT
int __openat64_2(int folder, const char* path, int flags) { return open_at(folder, path, flags, 0); }  // NOLINT

ssize_t read(int file, void* to, std::size_t size) {
  return fails("read", file) ? -1 : ::syscall(SYS_read, file, to, size);
}

ssize_t pread(int file, void* to, std::size_t size, off_t offset) {
  return fails("read", file) ? -1 : ::syscall(SYS_pread64, file, to, size, offset);
}
ssize_t pread64(int file, void* to, std::size_t size, off_t offset) __attribute__((alias("pread")));

ssize_t write(int file, const void* octets, std::size_t size) {
  return fails("write", file) ? -1 : ::syscall(SYS_write, file, octets, size);
}

ssize_t pwrite(int file, const void* octets, std::size_t size, off_t offset) {
  return fails("write", file) ? -1 : ::syscall(SYS_pwrite64, file, octets, size, offset);
}
ssize_t pwrite64(int file, const void* octets, std::size_t size, off_t offset) __attribute__((alias("pwrite")));

ssize_t writev(int file, const iovec* pieces, int count) {
  return fails("write", file) ? -1 : ::syscall(SYS_writev, file, pieces, count);
}

int fsync(int file) { return fails("sync", file) ? -1 : static_cast<int>(::syscall(SYS_fsync, file)); }
int fdatasync(int file) { return fails("sync", file) ? -1 : static_cast<int>(::syscall(SYS_fdatasync, file)); }

int ftruncate(int file, off_t size) noexcept {
  return fails("truncate", file) ? -1 : static_cast<int>(::syscall(SYS_ftruncate, file, size));
}
int ftruncate64(int file, off_t size) noexcept __attribute__((alias("ftruncate")));

int rename(const char* from, const char* to) noexcept {
  return fails("rename", from) ? -1 : static_cast<int>(::syscall(SYS_rename, from, to));
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  return fails("rename", from) ? -1
                               : static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

int unlink(const char* path) noexcept {
  return fails("unlink", path) ? -1 : static_cast<int>(::syscall(SYS_unlinkat, AT_FDCWD, path, 0));
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  return fails("unlink", path) ? -1 : static_cast<int>(::syscall(SYS_unlinkat, folder, path, flags));
}

int mkdir(const char* path, mode_t mode) noexcept {
  return fails("mkdir", path) ? -1 : static_cast<int>(::syscall(SYS_mkdirat, AT_FDCWD, path, mode));
}

void* mmap(void* at, std::size_t size, int protection, int flags, int file, off_t offset) noexcept {
  if (fails("mmap")) return MAP_FAILED;
  return reinterpret_cast<void*>(::syscall(SYS_mmap, at, size, protection, flags, file, offset));
}
void* mmap64(void* at, std::size_t size, int protection, int flags, int file, off_t offset) noexcept
    __attribute__((alias("mmap")));

void* malloc(std::size_t size) { return fails("malloc") ? nullptr : next_malloc(size); }
void* calloc(std::size_t count, std::size_t size) { return fails("malloc") ? nullptr : next_calloc(count, size); }
void* realloc(void* block, std::size_t size) { return fails("malloc") ? nullptr : next_realloc(block, size); }
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  return fails("malloc") ? nullptr : next_aligned_alloc(alignment, size);
}
int posix_memalign(void** block, std::size_t alignment, std::size_t size) {
  return fails("malloc") ? ENOMEM : next_posix_memalign(block, alignment, size);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*function)(void*), void* argument) {
  if (fails("thread")) return errno;
  return next<decltype(pthread_create)>("pthread_create")(thread, attributes, function, argument);
}

int thrd_create(thrd_t* thread, thrd_start_t function, void* argument) {
  if (fails("thread")) return thrd_error;
  return next<decltype(thrd_create)>("thrd_create")(thread, function, argument);
}
}
#pragma GCC visibility pop
