// The links of this host with their addresses, followed by rtnetlink: a dump at the start, events from then on, another
// dump when the kernel had to drop some.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "adjacency/link.hpp"
#include "io/fd_watch.hpp"
#include "io/netlink.hpp"
#include "io/timer.hpp"
#include "kernel/link_table.hpp"

namespace kernel {

class Links {
public:
    // Called first when links and addresses are complete, then once for each drained batch that changed something. An
    // interface that comes, goes or changes its IFF_UP gets a call of its own: down and up again is two calls, however
    // close together.
    using OnChange = std::function<void(std::vector<adjacency::Link>)>;
    static constexpr int default_receive_buffer = 4 * 1024 * 1024;

    Links(boost::asio::io_context& context, OnChange on_change, int receive_buffer = default_receive_buffer);
    Links(const Links&) = delete;
    Links& operator=(const Links&) = delete;

    std::uint64_t resyncs() const { return resyncs_; }  // how often the kernel dropped events
    // While OnChange is called: events were lost before. An interface may have been down and up again, unseen.
    bool lost_events() const { return lost_events_; }

private:
    enum class Dump : std::uint8_t { none, links, addresses };

    void on_readable();
    void on_datagram(base::Bytes datagram);
    void on_dump_message(const io::NetlinkMessage& message);
    void on_dump_done();
    void start(Dump what);
    void retry_later();
    void note(LinkTable::Effect effect);
    void tell();

    OnChange on_change_;
    io::NetlinkSocket socket_;
    std::vector<std::byte> buffer_;
    LinkTable table_;
    Dump dump_ = Dump::none;
    std::uint32_t dump_sequence_ = 0;
    bool interrupted_ = false;  // the tables changed under the dump: it is repeated
    bool resync_ = false;       // events were dropped: another dump when this one is done
    bool ready_ = false;
    bool changed_ = false;
    bool lost_events_ = false;  // and nobody has been told since all was read anew
    std::uint64_t resyncs_ = 0, resyncs_read_ = 0, resyncs_told_ = 0;  // of those, what a dump began after; ended after
    io::FdWatch watch_;
    io::Timer retry_;
};

}  // namespace kernel
