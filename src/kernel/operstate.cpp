#include "kernel/operstate.hpp"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <charconv>

#include "io/netlink.hpp"
#include "kernel/rtnetlink.hpp"

namespace kernel {
namespace {

using adjacency::Operstate;

ifinfomsg about(base::IfIndex index) {
    ifinfomsg header{};
    header.ifi_index = static_cast<int>(index.value);
    return header;
}

base::Result<LinkState, std::error_code> read(base::IfIndex index) try {
    const auto request = io::make_request(RTM_GETLINK, 0, about(index));
    io::put_number(request, IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
    std::optional<adjacency::Link> link;
    const auto socket = io::open_netlink(NETLINK_ROUTE);
    if (const auto error =
            io::transact(socket, request, [&](const io::NetlinkMessage& reply) { link = decode_link(reply.payload); }))
        return tl::unexpected{error};
    if (!link) return tl::unexpected{std::make_error_code(std::errc::no_such_device)};
    return LinkState{link->name, link->up, link->operstate};
} catch (const std::system_error& error) {
    return tl::unexpected{error.code()};
}

std::error_code set(base::IfIndex index, Operstate to) try {
    const auto request = io::make_request(RTM_SETLINK, 0, about(index));
    io::put_number(request, IFLA_OPERSTATE, static_cast<std::uint8_t>(to));
    return io::transact(io::open_netlink(NETLINK_ROUTE), request);
} catch (const std::system_error& error) {
    return error.code();
}

}  // namespace

OperstateAccess kernel_operstate() { return {read, set}; }

std::error_code change_operstate(const OperstateAccess& access, base::IfIndex index, Operstate to) {
    if (const auto error = access.set(index, to)) return error;
    const auto now = access.read(index);
    if (!now) return now.error();
    // Without IFF_UP the state cannot be read, though it can be set.
    if (now->operstate != to && now->up) return std::make_error_code(std::errc::protocol_error);
    return {};
}

std::string to_subject(const std::string& interface, base::IfIndex index) {
    return interface + "/" + std::to_string(index.value);  // no interface has a slash in its name
}

std::optional<OperstateSubject> parse_subject(const std::string& subject) {
    const auto slash = subject.rfind('/');
    if (slash == std::string::npos || slash == 0) return std::nullopt;
    OperstateSubject out{subject.substr(0, slash), {}};
    const char* const end = subject.data() + subject.size();
    const auto [stop, error] = std::from_chars(subject.data() + slash + 1, end, out.index.value);
    if (error != std::errc{} || stop != end || out.index.value == 0) return std::nullopt;
    return out;
}

base::Result<bool, std::error_code> revert_operstate(const io::UndoRecord& record, const OperstateAccess& access) {
    const auto subject = parse_subject(record.subject);
    if (!subject || record.feed != operstate_feed)
        return tl::unexpected{std::make_error_code(std::errc::invalid_argument)};
    const auto now = access.read(subject->index);
    if (!now && now.error() == std::errc::no_such_device) return false;
    if (!now) return tl::unexpected{now.error()};
    if (now->name != subject->interface) return false;
    if (now->up && now->operstate != Operstate::dormant) return false;
    if (const auto error = change_operstate(access, subject->index, Operstate::up)) return tl::unexpected{error};
    return true;
}

}  // namespace kernel
