// What nDPI works on at the moment, for the report of a crash.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>

#include "decode/packet.h"

namespace spanflow {

// One object per Classifier, whose thread makes the Scopes. of_thread() and hanging() are async-signal-safe, and find
// the objects of the whole process.
class NdpiActivity {
 public:
  struct Work {
    const FlowKey* key;
    const Packet* packet;  // nullptr: nDPI reads no packet, but makes a guess
  };

  NdpiActivity();
  ~NdpiActivity();
  NdpiActivity(const NdpiActivity&) = delete;
  NdpiActivity& operator=(const NdpiActivity&) = delete;

  // nDPI works on the flow with this key from the construction to the destruction.
  class Scope {
   public:
    Scope(NdpiActivity& activity, const FlowKey& key, const Packet* packet = nullptr) : activity_(activity) {
      activity_.begin(key, packet);
    }
    ~Scope() { activity_.end(); }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    NdpiActivity& activity_;
  };

  // Returns nullopt if nDPI does not work in the thread with this kernel id.
  static std::optional<Work> of_thread(pid_t thread);
  // Waits 100 ms, and returns the work that has not ended meanwhile.
  static std::optional<Work> hanging();

 private:
  void begin(const FlowKey& key, const Packet* packet);
  void end() { key_.store(nullptr, std::memory_order_release); }
  std::optional<Work> work() const;

  std::atomic<pid_t> thread_{0};
  std::atomic<std::uint64_t> serial_{0};  // of the work
  std::atomic<const Packet*> packet_{nullptr};
  std::atomic<const FlowKey*> key_{nullptr};  // nullptr: no work
};

}  // namespace spanflow
