#include "kernel/links.hpp"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <chrono>
#include <system_error>
#include <utility>

namespace kernel {
namespace {

constexpr int datagrams_a_turn = 16;  // of at most 32 KiB: well below a millisecond

io::NetlinkSocket open(int receive_buffer) {
    auto socket = io::open_netlink(NETLINK_ROUTE, receive_buffer);
    if (nl_socket_add_memberships(socket.get(), RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0) < 0)
        throw std::system_error{errno, std::generic_category(), "NETLINK_ADD_MEMBERSHIP"};
    return socket;
}

}  // namespace

Links::Links(boost::asio::io_context& context, OnChange on_change, int receive_buffer)
    : on_change_{std::move(on_change)},
      socket_{open(receive_buffer)},
      buffer_(io::netlink_buffer),
      watch_{context, io::fd_of(socket_), [this] { on_readable(); }},
      retry_{context, [this] { start(Dump::links); }} {
    start(Dump::links);
}

void Links::start(Dump what) try {
    dump_ = what;
    interrupted_ = false;
    if (what == Dump::links) {
        resync_ = false;
        resyncs_read_ = resyncs_;
        table_.begin_links();
        const auto request = io::make_request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{});
        io::put_number(request, IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
        dump_sequence_ = io::send_request(socket_, request);
    } else {
        table_.begin_addresses();
        dump_sequence_ = io::send_request(socket_, io::make_request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}));
    }
} catch (const std::system_error&) {
    if (!ready_) throw;  // at the start it is for the operator to hear of
    retry_later();
}

void Links::retry_later() {
    dump_ = Dump::none;
    retry_.expire_after(std::chrono::seconds{1});
}

void Links::on_readable() {
    for (int i = 0; i < datagrams_a_turn; ++i) {
        const auto datagram = io::receive(socket_, buffer_);
        if (datagram) {
            on_datagram(*datagram);
            continue;
        }
        if (datagram.error() == std::errc::operation_would_block) break;
        // ENOBUFS: the kernel dropped events (never parts of a dump). Anything else is as little to be trusted.
        ++resyncs_;
        resync_ = true;
    }
    if (resync_ && dump_ == Dump::none && !retry_.is_armed()) start(Dump::links);
    if (changed_) tell();
}

void Links::on_datagram(base::Bytes datagram) {
    while (const auto message = io::next_message(datagram)) {
        if (dump_ != Dump::none && message->sequence == dump_sequence_) on_dump_message(*message);
        note(table_.apply(*message));
    }
}

void Links::on_dump_message(const io::NetlinkMessage& message) {
    if ((message.flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;
    if (message.type == NLMSG_DONE && io::errno_of(message) == 0) return on_dump_done();
    if (message.type != NLMSG_DONE && message.type != NLMSG_ERROR) return;
    retry_later();  // refused, for want of memory perhaps
}

void Links::on_dump_done() {
    if (interrupted_) return start(dump_);
    note(dump_ == Dump::links ? table_.end_links() : table_.end_addresses());
    if (dump_ == Dump::links) return start(Dump::addresses);
    dump_ = Dump::none;
    lost_events_ = resyncs_read_ > resyncs_told_;
    resyncs_told_ = resyncs_read_;
    changed_ |= !ready_ || lost_events_;
    ready_ = true;
}

void Links::note(LinkTable::Effect effect) {
    if (effect == LinkTable::Effect::none || !ready_) return;
    changed_ = true;
    if (effect == LinkTable::Effect::flipped) tell();
}

void Links::tell() {
    changed_ = false;
    on_change_(table_.links());
    lost_events_ = false;
}

}  // namespace kernel
