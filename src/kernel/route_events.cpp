#include "kernel/route_events.hpp"

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <utility>

#include "kernel/route_message.hpp"
#include "kernel/rules.hpp"

namespace kernel {
namespace {

using Kind = adjacency::RouteChange::Kind;

// A turn ends after either: some 300 routes, well below a millisecond.
constexpr std::size_t bytes_a_turn = 16 * 1024;
constexpr int datagrams_a_turn = 64;
constexpr unsigned repeats_at_most = 3;
constexpr auto links_go_within = std::chrono::milliseconds{20};
constexpr auto settle_down = std::chrono::milliseconds{200};  // what overran us once is likely to be going on

io::NetlinkSocket open(int receive_buffer) {
    auto socket = io::open_netlink(NETLINK_ROUTE, receive_buffer);
    if (nl_socket_add_memberships(socket.get(), RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE,
                                  RTNLGRP_IPV6_RULE, 0) < 0)
        throw std::system_error{errno, std::generic_category(), "NETLINK_ADD_MEMBERSHIP"};
    // Kernels before 5.3 have no next-hop objects, and no such group.
    static_cast<void>(nl_socket_add_memberships(socket.get(), RTNLGRP_NEXTHOP, 0));
    // One table at a time: the local one shares its tree with the main one as long as there are no rules, and to look
    // for its routes among 100,000 others takes the kernel 5 ms in one go. Kernels before 4.20 cannot, and tell all.
    const int on = 1;
    ::setsockopt(io::fd_of(socket), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
    return socket;
}

std::set<std::uint32_t> looked_up() {
    auto out = tables_of_rules().value_or(std::set<std::uint32_t>{});
    out.insert(RT_TABLE_MAIN);
    out.erase(RT_TABLE_LOCAL);
    return out;
}

}  // namespace

RouteEvents::RouteEvents(boost::asio::io_context& context, Events events, int receive_buffer,
                         std::set<std::uint32_t> vrf_tables)
    : events_{std::move(events)},
      socket_{open(receive_buffer)},
      buffer_(io::netlink_buffer),
      vrf_tables_{std::move(vrf_tables)},
      watch_{context, io::fd_of(socket_), [this] { on_readable(); }},
      retry_{context, [this] { begin(lost_); }} {
    begin(false);
    constructed_ = true;
}

// Not at once: a link that goes takes its routes along, and whoever asks the kernel meanwhile waits for that.
void RouteEvents::read_again() {
    again_ = true;
    if (is_idle()) retry_.expire_after(links_go_within);
}

void RouteEvents::on_vrfs(std::set<std::uint32_t> vrf_tables) {
    if (vrf_tables == vrf_tables_) return;
    vrf_tables_ = std::move(vrf_tables);
    read_again();
}

void RouteEvents::begin(bool lost) {
    again_ = lost_ = false;
    repeats_ = 0;
    tables_ = looked_up();
    tables_.insert(vrf_tables_.begin(), vrf_tables_.end());
    dumps_.clear();
    for (const auto table : tables_)
        for (const int family : {AF_INET6, AF_INET}) dumps_.push_back({family, table});
    dumps_.push_back({AF_UNSPEC, 0});  // before the routes that refer to them
    events_.on_begin(lost);
    ask();
}

void RouteEvents::ask() try {
    interrupted_ = false;
    const auto [family, table] = dumps_.back();
    if (family == AF_UNSPEC) {
        dump_sequence_ = io::send_request(socket_, io::make_request(RTM_GETNEXTHOP, NLM_F_DUMP, nhmsg{}));
        return;
    }
    rtmsg header{};
    header.rtm_family = static_cast<unsigned char>(family);
    const auto request = io::make_request(RTM_GETROUTE, NLM_F_DUMP, header);
    io::put_number(request, RTA_TABLE, table);
    dump_sequence_ = io::send_request(socket_, request);
} catch (const std::system_error&) {
    if (!constructed_) throw;  // at the start it is for the operator to hear of
    again_ = true;
    retry_later();
}

void RouteEvents::retry_later() {
    dumps_.clear();
    retry_.expire_after(settle_down);
}

void RouteEvents::on_readable() {
    std::size_t bytes = 0;
    for (int i = 0; i < datagrams_a_turn && bytes < bytes_a_turn; ++i) {
        const auto datagram = io::receive(socket_, buffer_);
        if (datagram) {
            bytes += datagram->size();
            on_datagram(*datagram);
            continue;
        }
        if (datagram.error() == std::errc::operation_would_block) break;
        // ENOBUFS: the kernel dropped events. Anything else is as little to be trusted.
        ++resyncs_;
        again_ = lost_ = true;
    }
    most_bytes_ = std::max(most_bytes_, bytes);
    events_.on_settled();
    if (again_ && is_idle()) retry_later();
}

void RouteEvents::on_datagram(base::Bytes datagram) {
    while (const auto message = io::next_message(datagram)) {
        if (!dumps_.empty() && message->sequence == dump_sequence_) on_dump_message(*message);
        again_ |= message->type == RTM_NEWRULE || message->type == RTM_DELRULE;
        if (!decode_route_change(*message, change_)) continue;
        change_.beside = stands_beside(*message, change_);
        const bool of_table = change_.kind == Kind::route || change_.kind == Kind::route_gone;
        if (!of_table || tables_.contains(change_.table)) events_.on_change(change_);
    }
}

void RouteEvents::on_dump_message(const io::NetlinkMessage& message) {
    if ((message.flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;
    if (message.type != NLMSG_DONE && message.type != NLMSG_ERROR) return;
    const int error = io::errno_of(message);
    // No such table; an old kernel has no next-hop objects, and some have no IPv6.
    const bool nothing_there = error == ENOENT || error == EOPNOTSUPP || error == EAFNOSUPPORT || error == EINVAL;
    if (error == 0 || nothing_there) return next_dump();
    again_ = true;
    retry_later();  // for want of memory perhaps
}

void RouteEvents::next_dump() {
    // Events tell what changes meanwhile; what a dump may miss then is found by another, if it ever gets the rest to.
    if (interrupted_ && repeats_++ < repeats_at_most) return ask();
    dumps_.pop_back();
    if (!dumps_.empty()) return ask();
    ready_ = true;
    events_.on_end();
}

}  // namespace kernel
