// Names of hosts in filters. libpcap would ask DNS for them, and a fuzz target must not use the network.
#pragma once

#include <netdb.h>

extern "C" int getaddrinfo(const char* /*node*/, const char* /*service*/, const struct addrinfo* /*hints*/,
                           struct addrinfo** /*result*/) {
  return EAI_NONAME;
}
