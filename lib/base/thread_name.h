// Names of threads, which top -H, perf and debuggers show.
#pragma once

#include <pthread.h>

#include <algorithm>
#include <string>

namespace spanflow {

// Names the calling thread. The name is cut to 15 octets, the limit of the kernel.
inline void name_this_thread(std::string name) {
  name.resize(std::min<std::size_t>(name.size(), 15));
  pthread_setname_np(pthread_self(), name.c_str());
}

}  // namespace spanflow
