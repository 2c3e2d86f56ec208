// Starts threads that have a name.
#pragma once

#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/thread_name.h"

namespace spanflow {

// Returns the message that the system has refused the thread.
inline std::string thread_refusal(const std::string& name, const std::system_error& error) {
  return "the thread \"" + name + "\" cannot be started: " + error.code().message();
}

// Throws RunError, with the name of the thread, if the system refuses a new thread.
template <typename Work>
std::thread start_thread(std::string name, Work work) try {
  return std::thread([name, work = std::move(work)]() mutable {
    name_this_thread(std::move(name));
    work();
  });
} catch (const std::system_error& error) {
  throw RunError(thread_refusal(name, error));
}

}  // namespace spanflow
