#include "cli/bench_net.hpp"

#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <system_error>
#include <vector>

#include "io/netlink.hpp"

namespace cli {
namespace {

constexpr const char* link = "bench0";
constexpr std::uint8_t prefix = 10;  // 10.64.0.0/10 is one end's, 10.128.0.0/10 the other's
constexpr std::array<std::uint8_t, BenchNet::ends> second_byte{64, 128};

[[noreturn]] void fail(const char* what, int error = errno) {
    throw std::system_error{error, std::generic_category(), what};
}

base::UniqueFd new_namespace() {
    if (::unshare(CLONE_NEWNET) != 0) fail("a network namespace of its own");
    base::UniqueFd fd{::open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)};
    if (!fd) fail("/proc/thread-self/ns/net");
    return fd;
}

using Bytes = std::vector<std::byte>;

void append(Bytes& out, int type, base::Bytes value) {
    nlattr header{};
    header.nla_type = static_cast<std::uint16_t>(type);
    header.nla_len = static_cast<std::uint16_t>(sizeof header + value.size());
    const auto raw = std::as_bytes(std::span{&header, 1});
    out.insert(out.end(), raw.begin(), raw.end());
    out.insert(out.end(), value.begin(), value.end());
    out.resize((out.size() + 3) & ~std::size_t{3});
}

base::Bytes text(const char* words) { return std::as_bytes(std::span{words, std::strlen(words) + 1}); }

template <class T>
base::Bytes raw(const T& value) {
    return std::as_bytes(std::span{&value, 1});
}

void ask(const io::NetlinkRequest& request, const char* what) {
    if (const auto error = io::transact(io::open_netlink(NETLINK_ROUTE), request)) throw std::system_error{error, what};
}

// A veth whose other end stands in the namespace `peer`, with the same name.
void add_link(int peer) {
    Bytes other(sizeof(ifinfomsg));
    append(other, IFLA_IFNAME, text(link));
    append(other, IFLA_NET_NS_FD, raw(peer));
    Bytes data;
    append(data, VETH_INFO_PEER, other);
    Bytes info;
    append(info, IFLA_INFO_KIND, text("veth"));
    append(info, IFLA_INFO_DATA, data);
    const auto request = io::make_request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
    io::put(request, IFLA_IFNAME, text(link));
    io::put(request, IFLA_LINKINFO, info);
    ask(request, "a veth");
}

void set_up(const char* name) {
    const base::UniqueFd fd{::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
    ifreq request{};
    std::memcpy(request.ifr_name, name, std::string_view{name}.size() + 1);
    request.ifr_flags = IFF_UP;
    if (::ioctl(fd.get(), SIOCSIFFLAGS, &request) != 0) fail("SIOCSIFFLAGS");
}

// A whole prefix: ours (of type local, by `lo`) or on the link.
void add_route(std::size_t of_end, std::uint32_t index, std::uint8_t type, std::uint8_t table) {
    rtmsg header{};
    header.rtm_family = AF_INET;
    header.rtm_dst_len = prefix;
    header.rtm_table = table;
    header.rtm_protocol = RTPROT_STATIC;
    header.rtm_scope = type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK;
    header.rtm_type = type;
    const auto request = io::make_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, header);
    const std::array<std::uint8_t, 4> destination{10, second_byte[of_end], 0, 0};
    io::put(request, RTA_DST, std::as_bytes(std::span{destination}));
    io::put_number(request, RTA_OIF, index);
    ask(request, "a route");
}

}  // namespace

BenchNet::BenchNet() {
    for (auto& fd : namespaces_) fd = new_namespace();
    add_link(namespaces_[0].get());
    for (std::size_t end = 0; end < ends; ++end) {
        enter(end);
        set_up("lo");
        set_up(link);
        interfaces_[end] = {::if_nametoindex(link)};
        add_route(end, ::if_nametoindex("lo"), RTN_LOCAL, RT_TABLE_LOCAL);
        add_route(1 - end, interfaces_[end].value, RTN_UNICAST, RT_TABLE_MAIN);
    }
}

void BenchNet::enter(std::size_t end) const {
    if (::setns(namespaces_[end].get(), CLONE_NEWNET) != 0) fail("setns");
}

base::IpAddress BenchNet::address(std::size_t end, std::size_t number) {
    base::IpAddress out{.family = base::Family::v4};
    out.bytes = {10, second_byte[end], static_cast<std::uint8_t>(number / 250),
                 static_cast<std::uint8_t>(number % 250 + 1)};
    return out;
}

}  // namespace cli
