// The Python types of packets: spanflow.Packet, and spanflow.nfstream's NFPacket, whose attributes have nfstream's
// names and which behaves like a named tuple. Its values are made when they are read.
#pragma once

#include <Python.h>

#include "spanflow/record.h"

namespace spanflow::python {

// The packet for which user code runs.
struct PacketObject {
  PyObject_HEAD const PacketInfo* info;  // after the call: `kept`
  const Flow* flow;  // the packet's flow; nullptr after the call: then `key` and so on have the values
  PyObject* octets;  // the IP packet as bytes, once somebody has asked for it; may be nullptr
  PacketInfo kept;
  FlowKey key;
  std::uint16_t vlan_id;
  MacAddress src_mac;  // of the flow, as is dst_mac
  MacAddress dst_mac;
};

// Adds the types to the module. Returns false and sets a Python exception if this fails.
bool add_packet_types(PyObject* module);

// The packet object that user code gets. One object serves all calls, unless user code keeps it: then it gets copies of
// what it refers to, and the next call gets a new object. Needs the GIL.
class OpenPacket {
 public:
  explicit OpenPacket(bool as_nfstream) : as_nfstream_(as_nfstream) {}
  ~OpenPacket() { Py_XDECREF(reinterpret_cast<PyObject*>(object_)); }
  OpenPacket(const OpenPacket&) = delete;
  OpenPacket& operator=(const OpenPacket&) = delete;

  // Returns a borrowed reference to an object for this packet, or nullptr and sets an exception.
  PyObject* show(const PacketInfo& packet, const Flow& flow);
  // Must be called after the user code, while the packet still exists.
  void hide();

 private:
  const bool as_nfstream_;
  PacketObject* object_ = nullptr;
};

}  // namespace spanflow::python
