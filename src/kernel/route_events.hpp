// The kernel's routes and next-hop objects, followed by rtnetlink: everything at the start, changes from then on,
// everything again when the kernel had to drop some. A full table is read a slice at a time. Tables that no rule looks
// up carry nothing, and are left out.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "adjacency/route_change.hpp"
#include "io/fd_watch.hpp"
#include "io/netlink.hpp"
#include "io/timer.hpp"

namespace kernel {

class RouteEvents {
public:
    struct Events {
        std::function<void(bool lost)> on_begin;  // all is told from here on; lost: changes went by unheard before
        std::function<void(const adjacency::RouteChange&)> on_change;
        std::function<void()> on_settled;  // a slice is over
        std::function<void()> on_end;      // all has been told
    };
    // Each notification takes a kilobyte of it: room for the routes of a large failover, should we be slow.
    static constexpr int default_receive_buffer = 32 * 1024 * 1024;

    // `vrf_tables`: looked up by a rule that does not name them.
    RouteEvents(boost::asio::io_context& context, Events events, int receive_buffer = default_receive_buffer,
                std::set<std::uint32_t> vrf_tables = {});
    RouteEvents(const RouteEvents&) = delete;
    RouteEvents& operator=(const RouteEvents&) = delete;

    // The kernel says nothing of the IPv4 routes that it drops with an interface or an address.
    void read_again();

    void on_vrfs(std::set<std::uint32_t> vrf_tables);

    std::uint64_t resyncs() const { return resyncs_; }  // how often the kernel dropped events
    std::size_t most_bytes_a_turn() const { return most_bytes_; }

private:
    struct Dump {
        int family = 0;  // unspecified: of next-hop objects
        std::uint32_t table = 0;
    };

    void on_readable();
    void on_datagram(base::Bytes datagram);
    void on_dump_message(const io::NetlinkMessage& message);
    void begin(bool lost);
    void ask();
    void next_dump();
    void retry_later();
    bool is_idle() const { return dumps_.empty() && !retry_.is_armed(); }

    Events events_;
    io::NetlinkSocket socket_;
    std::vector<std::byte> buffer_;
    adjacency::RouteChange change_;
    std::set<std::uint32_t> vrf_tables_, tables_;
    std::vector<Dump> dumps_;  // the last one is under way
    std::uint32_t dump_sequence_ = 0;
    unsigned repeats_ = 0;  // of a dump under which its table changed
    bool interrupted_ = false;
    bool again_ = false;  // another reading when this one is done
    bool lost_ = false;
    bool constructed_ = false;
    bool ready_ = false;
    std::uint64_t resyncs_ = 0;
    std::size_t most_bytes_ = 0;
    io::FdWatch watch_;
    io::Timer retry_;
};

}  // namespace kernel
