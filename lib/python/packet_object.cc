#include "python/packet_object.h"

#include <structmember.h>

#include <array>
#include <cstddef>
#include <utility>

#include "base/units.h"
#include "python/python_type.h"
#include "python/values.h"
#include "sinks/nfstream_columns.h"

namespace spanflow::python {
namespace {

PyTypeObject* packet_type = nullptr;
PyTypeObject* nfstream_packet_type = nullptr;

PacketObject* as_packet(PyObject* self) { return reinterpret_cast<PacketObject*>(self); }

const FlowKey& key_of(const PacketObject& packet) {
  return packet.flow != nullptr ? static_cast<const FlowKey&>(*packet.flow) : packet.key;
}

bool is_forward(const PacketObject& packet) { return packet.info.direction == Direction::kSrcToDst; }

PyObject* get_ip_src(PyObject* self, void*) {
  const FlowKey& key = key_of(*as_packet(self));
  return to_python(AddressValue{is_forward(*as_packet(self)) ? &key.ip_src : &key.ip_dst, key.ip_version});
}
PyObject* get_ip_dst(PyObject* self, void*) {
  const FlowKey& key = key_of(*as_packet(self));
  return to_python(AddressValue{is_forward(*as_packet(self)) ? &key.ip_dst : &key.ip_src, key.ip_version});
}
PyObject* get_src_port(PyObject* self, void*) {
  const FlowKey& key = key_of(*as_packet(self));
  return PyLong_FromLong(is_forward(*as_packet(self)) ? key.src_port : key.dst_port);
}
PyObject* get_dst_port(PyObject* self, void*) {
  const FlowKey& key = key_of(*as_packet(self));
  return PyLong_FromLong(is_forward(*as_packet(self)) ? key.dst_port : key.src_port);
}
PyObject* get_protocol(PyObject* self, void*) { return PyLong_FromLong(key_of(*as_packet(self)).ip_protocol); }
PyObject* get_ip_version(PyObject* self, void*) { return PyLong_FromLong(key_of(*as_packet(self)).ip_version); }
PyObject* get_vlan_id(PyObject* self, void*) {
  const PacketObject& packet = *as_packet(self);
  return PyLong_FromLong(packet.flow != nullptr ? packet.flow->vlan_id : packet.vlan_id);
}
PyObject* get_tcp_window(PyObject* self, void*) {
  const PacketInfo& info = as_packet(self)->info;
  if (!info.has_tcp_window) Py_RETURN_NONE;
  return PyLong_FromLong(info.tcp_window);
}

PyObject* get_octets(PyObject* self, void*) {
  PacketObject& packet = *as_packet(self);
  if (packet.octets == nullptr) {
    packet.octets = PyBytes_FromStringAndSize(reinterpret_cast<const char*>(packet.info.ip), packet.info.ip_captured);
  }
  return Py_XNewRef(packet.octets);
}

PyObject* get_payload(PyObject* self, void*) {
  const PacketInfo& info = as_packet(self)->info;
  PyObject* octets = get_octets(self, nullptr);
  if (octets == nullptr) return nullptr;
  const Py_ssize_t headers = info.ip_size - info.payload_size;
  PyObject* payload = PySequence_GetSlice(octets, headers, PY_SSIZE_T_MAX);
  Py_DECREF(octets);
  return payload;
}

// nfstream's times are whole milliseconds; gaps are taken between them.
PyObject* get_milliseconds(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(as_packet(self)->info.time_ns / kNanosecondsPerMillisecond);
}
PyObject* get_delta_milliseconds(PyObject* self, void*) {
  const PacketInfo& info = as_packet(self)->info;
  const std::uint64_t before_ns = info.time_ns - info.gap_ns;
  return PyLong_FromUnsignedLongLong(info.time_ns / kNanosecondsPerMillisecond -
                                     before_ns / kNanosecondsPerMillisecond);
}
PyObject* get_tunnel_id(PyObject* self, void*) {
  return PyLong_FromUnsignedLongLong(tunnel_number(key_of(*as_packet(self)).tunnel_type));
}

template <std::uint8_t flag>
PyObject* get_flag(PyObject* self, void*) {
  return PyBool_FromLong(as_packet(self)->info.tcp_flags & flag);
}

void free_packet(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Py_XDECREF(as_packet(self)->octets);
  type->tp_free(self);
  Py_DECREF(type);
}

constexpr Py_ssize_t place(std::size_t member) {
  return static_cast<Py_ssize_t>(offsetof(PacketObject, info) + member);
}

PyTypeObject* add_packet_type(PyObject* module, const char* name, const char* help, PyMemberDef* members, PyGetSetDef* attributes) {
  PyType_Slot slots[] = {{Py_tp_doc, const_cast<char*>(help)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(free_packet)},
                         {Py_tp_members, members},
                         {Py_tp_getset, attributes},
                         {0, nullptr}};
  return add_type(module, name, sizeof(PacketObject), slots);
}

}  // namespace

bool add_packet_types(PyObject* module) {
  static PyMemberDef members[] = {
      {"time_ns", T_ULONGLONG, place(offsetof(PacketInfo, time_ns)), READONLY, "time of the packet (ns since the epoch)"},
      {"size", T_UINT, place(offsetof(PacketInfo, size)), READONLY, "octets of the whole frame"},
      {"ip_size", T_UINT, place(offsetof(PacketInfo, ip_size)), READONLY, "octets from the IP header on"},
      {"transport_size", T_UINT, place(offsetof(PacketInfo, transport_size)), READONLY,
       "octets from the transport header on"},
      {"payload_size", T_UINT, place(offsetof(PacketInfo, payload_size)), READONLY, "octets after the transport header"},
      {"gap_ns", T_ULONGLONG, place(offsetof(PacketInfo, gap_ns)), READONLY,
       "time since the latest packet of the segment; 0 for the first (ns)"},
      {"ttl", T_UBYTE, place(offsetof(PacketInfo, ttl)), READONLY, "IPv4 TTL or IPv6 hop limit"},
      {"tcp_flags", T_UBYTE, place(offsetof(PacketInfo, tcp_flags)), READONLY, "flags of TCP: 1 FIN, 2 SYN, 4 RST, ..."},
      {"dscp", T_UBYTE, place(offsetof(PacketInfo, dscp)), READONLY, "differentiated services code point"},
      {"direction", T_UBYTE, place(offsetof(PacketInfo, direction)), READONLY, "0: from src to dst, 1: from dst to src"},
      {nullptr, 0, 0, 0, nullptr}};
  static PyGetSetDef attributes[] = {
      {"ip_src", get_ip_src, nullptr, "address of the packet's sender", nullptr},
      {"src_port", get_src_port, nullptr, "port of ip_src", nullptr},
      {"ip_dst", get_ip_dst, nullptr, "address of the packet's receiver", nullptr},
      {"dst_port", get_dst_port, nullptr, "port of ip_dst", nullptr},
      {"ip_protocol", get_protocol, nullptr, "IP protocol number: 6 TCP, 17 UDP", nullptr},
      {"ip_version", get_ip_version, nullptr, "4 or 6", nullptr},
      {"vlan_id", get_vlan_id, nullptr, "innermost VLAN id of the flow's first packet; 0: no tag", nullptr},
      {"tcp_window", get_tcp_window, nullptr, "window field of TCP, without scaling; None: not TCP", nullptr},
      {"ip_packet", get_octets, nullptr, "the captured octets from the IP header on", nullptr},
      {"payload", get_payload, nullptr, "the captured octets after the transport header", nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  static PyMemberDef nfstream_members[] = {
      {"direction", T_UBYTE, place(offsetof(PacketInfo, direction)), READONLY, "0: from src to dst, 1: from dst to src"},
      {"raw_size", T_UINT, place(offsetof(PacketInfo, size)), READONLY, "octets of the whole frame"},
      {"ip_size", T_UINT, place(offsetof(PacketInfo, ip_size)), READONLY, "octets from the IP header on"},
      {"transport_size", T_UINT, place(offsetof(PacketInfo, transport_size)), READONLY,
       "octets from the transport header on"},
      {"payload_size", T_UINT, place(offsetof(PacketInfo, payload_size)), READONLY, "octets after the transport header"},
      {nullptr, 0, 0, 0, nullptr}};
  static PyGetSetDef nfstream_attributes[] = {
      {"time", get_milliseconds, nullptr, "time of the packet (ms since the epoch)", nullptr},
      {"delta_time", get_delta_milliseconds, nullptr, "time since the flow's previous packet (ms)", nullptr},
      {"src_ip", get_ip_src, nullptr, "address of the packet's sender", nullptr},
      {"src_port", get_src_port, nullptr, "port of src_ip", nullptr},
      {"dst_ip", get_ip_dst, nullptr, "address of the packet's receiver", nullptr},
      {"dst_port", get_dst_port, nullptr, "port of dst_ip", nullptr},
      {"protocol", get_protocol, nullptr, "IP protocol number: 6 TCP, 17 UDP", nullptr},
      {"ip_version", get_ip_version, nullptr, "4 or 6", nullptr},
      {"vlan_id", get_vlan_id, nullptr, "innermost VLAN id of the flow's first packet; 0: no tag", nullptr},
      {"tunnel_id", get_tunnel_id, nullptr, "nDPI's number of the kind of tunnel; 0: none", nullptr},
      {"fin", get_flag<0x01>, nullptr, "TCP flag", nullptr},
      {"syn", get_flag<0x02>, nullptr, "TCP flag", nullptr},
      {"rst", get_flag<0x04>, nullptr, "TCP flag", nullptr},
      {"psh", get_flag<0x08>, nullptr, "TCP flag", nullptr},
      {"ack", get_flag<0x10>, nullptr, "TCP flag", nullptr},
      {"urg", get_flag<0x20>, nullptr, "TCP flag", nullptr},
      {"ece", get_flag<0x40>, nullptr, "TCP flag", nullptr},
      {"cwr", get_flag<0x80>, nullptr, "TCP flag", nullptr},
      {"ip_packet", get_octets, nullptr, "the captured octets from the IP header on", nullptr},
      {nullptr, nullptr, nullptr, nullptr, nullptr}};
  packet_type = add_packet_type(module, "spanflow.Packet", "One packet of a flow.", members, attributes);
  nfstream_packet_type = add_packet_type(module, "spanflow.nfstream.NFPacket", "One packet, with the attributes of nfstream's.",
                                          nfstream_members, nfstream_attributes);
  return packet_type != nullptr && nfstream_packet_type != nullptr;
}

PyObject* OpenPacket::show(const PacketInfo& packet, const Flow& flow) {
  PyTypeObject* type = as_nfstream_ ? nfstream_packet_type : packet_type;
  if (object_ == nullptr) object_ = reinterpret_cast<PacketObject*>(type->tp_alloc(type, 0));
  if (object_ == nullptr) return nullptr;
  object_->info = packet;
  object_->flow = &flow;
  return reinterpret_cast<PyObject*>(object_);
}

void OpenPacket::hide() {
  if (Py_REFCNT(object_) == 1) {
    Py_CLEAR(object_->octets);
    return;
  }
  Py_XDECREF(get_octets(reinterpret_cast<PyObject*>(object_), nullptr));
  object_->key = *object_->flow;
  object_->vlan_id = object_->flow->vlan_id;
  object_->flow = nullptr;
  Py_DECREF(std::exchange(object_, nullptr));
}

}  // namespace spanflow::python
