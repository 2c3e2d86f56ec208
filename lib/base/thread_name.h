// Names of threads, which top -H, perf and debuggers show.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <string>

namespace spanflow {

// Names the calling thread. The kernel keeps 15 octets.
inline void name_this_thread(std::string name) {
  name.resize(std::min<std::size_t>(name.size(), 15));
  pthread_setname_np(pthread_self(), name.c_str());
}

}  // namespace spanflow
