// Hides the API differences between DPDK releases. This header contains nothing else.
#pragma once

#include <rte_telemetry.h>
#include <rte_version.h>

#include <cstdint>

namespace spanflow::dpdk {

inline void add_to_dict(rte_tel_data* data, const char* name, std::uint64_t value) {
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
  rte_tel_data_add_dict_uint(data, name, value);
#else
  rte_tel_data_add_dict_u64(data, name, value);
#endif
}

}  // namespace spanflow::dpdk
