// Sends BFD packets in batches across sessions: one raw socket a family, so that each session has a source port of its
// own (RFC 5881 §4) at the cost of one shared socket. Never blocks.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <span>

#include "base/unique_fd.hpp"
#include "net/frame.hpp"
#include "net/packet_info.hpp"
#include "net/socket_address.hpp"
#include "probe/engine.hpp"

namespace net {

class Sender {
public:
    Sender();  // throws std::system_error; a host without IPv6 (or IPv4) goes without
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;

    // At most probe::batch packets. What became of each: 0 or its errno; good until the next call.
    std::span<const int> send(std::span<const probe::Outgoing> packets);

private:
    struct Place {
        SocketAddress destination;
        Frame frame;
        std::array<iovec, 2> data{};  // the frame, and the zeros after it
        PacketInfo info;
    };
    void prepare(const probe::Outgoing& packet, Place& place, msghdr& header) const;
    void send_family(base::Family family, std::span<const probe::Outgoing> packets);

    base::UniqueFd v4_;
    base::UniqueFd v6_;
    std::array<mmsghdr, probe::batch> headers_{};
    std::array<Place, probe::batch> places_;
    std::array<std::size_t, probe::batch> whose_{};  // headers_[i] is of packets[whose_[i]]
    std::array<int, probe::batch> results_{};
};

}  // namespace net
