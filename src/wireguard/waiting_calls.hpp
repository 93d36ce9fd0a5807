// What a DeviceSession says to WireGuard by calls that wait, on sockets that it owns: a dump that shows the device as
// it was at one moment, and changes that leave this process whole or not at all: one that is killed meanwhile has
// changed nothing, or everything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "adjacency/peer.hpp"
#include "base/bytes.hpp"

namespace wireguard {

struct DumpCalls {
    std::function<std::uint32_t()> ask;           // begins a dump; the sequence number of its parts
    std::function<std::span<std::byte>()> wait;   // the next datagram, which is wiped once it has been read
    std::function<void(base::Bytes)> on_payload;  // of each message of the family
};

// A device that changes while it is dumped is asked for again, so often at most: the kernel leaves out allowed-ips of
// the peers that follow. Throws std::system_error, or std::runtime_error.
inline constexpr int most_dumps = 10;
adjacency::Device dump_whole(std::uint16_t family, const DumpCalls& calls);

// The kernel has carried out all messages of one datagram before the call returns, whatever comes for the process.
// The first errno of their acknowledgements; EMSGSIZE: too many for a datagram, and none was taken.
int send_whole(int socket, std::span<const std::vector<std::byte>> messages,
               const std::function<std::span<std::byte>()>& wait);

// A text to a stream socket, which lies with the other side when this returns. False: errno says why.
bool send_whole(int socket, std::string_view text);

}  // namespace wireguard
