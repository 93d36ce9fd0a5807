#include "kernel/egress_filter.hpp"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "io/netlink.hpp"

namespace kernel {
namespace {

constexpr std::uint32_t egress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS);
constexpr std::uint32_t ingress = TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS);
constexpr std::uint32_t number_mask = 0xfff;  // of a handle: table, bucket, number
constexpr std::size_t most_a_datagram = 64;   // their acknowledgements find room
constexpr std::string_view filter_kind = "u32", action_kind = "mirred", qdisc_kind = "clsact";

// tc_u32_sel without the keys that follow it, which C++ has no word for.
struct Selector {
    std::uint8_t flags, offshift, nkeys, padding;
    std::uint16_t offmask, off;
    std::int16_t offoff, hoff;
    std::uint32_t hmask;
};
static_assert(sizeof(Selector) == sizeof(tc_u32_sel));

std::uint32_t info(std::uint16_t preference) {
    return TC_H_MAKE(std::uint32_t{preference} << 16, std::uint32_t{htons(ETH_P_ALL)});
}

tcmsg about(base::IfIndex index, std::uint32_t parent) {
    tcmsg out{};
    out.tcm_family = AF_UNSPEC;
    out.tcm_ifindex = static_cast<int>(index.value);
    out.tcm_parent = parent;
    return out;
}

void put_text(const io::NetlinkRequest& request, int attribute, std::string_view text) {
    std::vector<std::byte> bytes(text.size() + 1);
    std::memcpy(bytes.data(), text.data(), text.size());
    io::put(request, attribute, bytes);
}

// An attribute that holds attributes, while it lives.
class Nest {
public:
    Nest(const io::NetlinkRequest& request, int attribute)
        : request_{request}, start_{nla_nest_start(request.get(), attribute)} {
        if (start_ == nullptr) throw std::bad_alloc{};
    }
    Nest(const Nest&) = delete;
    Nest& operator=(const Nest&) = delete;
    ~Nest() { nla_nest_end(request_.get(), start_); }

private:
    const io::NetlinkRequest& request_;
    nlattr* start_;
};

void put_redirect(const io::NetlinkRequest& request, base::IfIndex to) {
    tc_mirred parameters{};
    parameters.action = TC_ACT_STOLEN;
    parameters.eaction = TCA_EGRESS_REDIR;
    parameters.ifindex = to.value;
    const Nest actions{request, TCA_U32_ACT};
    const Nest first{request, 1};
    put_text(request, TCA_ACT_KIND, action_kind);
    const Nest options{request, TCA_ACT_OPTIONS};
    io::put_number(request, TCA_MIRRED_PARMS, parameters);
}

void put_selector(const io::NetlinkRequest& request, const std::vector<Match>& matches) {
    std::vector<std::byte> bytes(sizeof(Selector));
    Selector selector{};
    selector.flags = TC_U32_TERMINAL;
    selector.nkeys = static_cast<std::uint8_t>(std::max<std::size_t>(matches.size(), 1));
    std::memcpy(bytes.data(), &selector, sizeof selector);
    const auto append = [&](const Match& match) {
        tc_u32_key key{};
        key.val = htonl(match.value);
        key.mask = htonl(match.mask);
        key.off = match.offset;
        const auto raw = std::as_bytes(std::span{&key, 1});
        bytes.insert(bytes.end(), raw.begin(), raw.end());
    };
    for (const auto& match : matches) append(match);
    if (matches.empty()) append({});
    io::put(request, TCA_U32_SEL, bytes);
}

io::NetlinkRequest add_request(base::IfIndex index, const EgressFilter& filter) {
    auto header = about(index, egress);
    header.tcm_info = info(our_preference);
    header.tcm_handle = filter.number;
    auto request = io::make_request(RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, header);
    put_text(request, TCA_KIND, filter_kind);
    const Nest options{request, TCA_OPTIONS};
    put_selector(request, filter.matches);
    // Without an action a filter that matches lets the packet pass.
    if (filter.to.value != 0) put_redirect(request, filter.to);
    return request;
}

io::NetlinkRequest remove_request(base::IfIndex index, std::uint32_t handle) {
    auto header = about(index, egress);
    header.tcm_info = info(our_preference);
    header.tcm_handle = handle;
    auto request = io::make_request(RTM_DELTFILTER, 0, header);
    put_text(request, TCA_KIND, filter_kind);
    return request;
}

// --- reading --------------------------------------------------------------------------------------------------------
void read_selector(base::Bytes value, EgressFilter& out) {
    const auto selector = io::leading<Selector>(value);
    if (!selector) return;
    for (unsigned i = 0; i < selector->nkeys; ++i) {
        const auto at = sizeof(Selector) + i * sizeof(tc_u32_key);
        if (at >= value.size()) return;
        const auto key = io::leading<tc_u32_key>(value.subspan(at));
        if (!key) return;
        const Match match{static_cast<std::uint8_t>(key->off), ntohl(key->val), ntohl(key->mask)};
        if (match.mask != 0) out.matches.push_back(match);
    }
}

base::IfIndex read_redirect(base::Bytes actions) {
    while (const auto action = io::next_attribute(actions)) {
        auto parts = action->value;
        while (const auto part = io::next_attribute(parts)) {
            if (part->type != TCA_ACT_OPTIONS) continue;
            auto options = part->value;
            while (const auto option = io::next_attribute(options))
                if (option->type == TCA_MIRRED_PARMS)
                    if (const auto parameters = io::leading<tc_mirred>(option->value)) return {parameters->ifindex};
        }
    }
    return {};
}

base::Result<EgressQdisc, std::error_code> read_qdisc(const io::NetlinkSocket& socket, base::IfIndex index) {
    // NLM_F_ECHO: older kernels answer through the group of listeners alone without it.
    const auto request = io::make_request(RTM_GETQDISC, NLM_F_ECHO, about(index, TC_H_CLSACT));
    auto found = EgressQdisc::none;
    const auto error = io::transact(socket, request, [&](const io::NetlinkMessage& reply) {
        if (reply.type != RTM_NEWQDISC) return;
        auto rest = io::skip_aligned(reply.payload, sizeof(tcmsg));
        while (const auto a = io::next_attribute(rest))
            if (a->type == TCA_KIND)
                found = io::text_of(a->value) == qdisc_kind ? EgressQdisc::clsact : EgressQdisc::other;
    });
    // What there is not the kernel calls by two names.
    if (error && error != std::errc::no_such_file_or_directory && error != std::errc::invalid_argument)
        return tl::unexpected{error};
    return found;
}

template <class OnFilter>
std::error_code each_filter(const io::NetlinkSocket& socket, base::IfIndex index, std::uint32_t parent,
                            std::uint32_t preference, const OnFilter& on_filter) {
    auto header = about(index, parent);
    header.tcm_info = preference << 16;
    const auto request = io::make_request(RTM_GETTFILTER, NLM_F_DUMP, header);
    return io::transact(socket, request, [&](const io::NetlinkMessage& reply) {
        if (reply.type == RTM_NEWTFILTER) on_filter(reply.payload);
    });
}

// The kernel numbers the tables of all u32 filters at one place; where ours is the only one, it is the first, 800.
std::uint32_t read_table(const io::NetlinkSocket& socket, base::IfIndex index) {
    auto table = TC_U32_HTID(0x80000000U);
    const auto error = each_filter(socket, index, egress, our_preference, [&](base::Bytes payload) {
        if (const auto header = io::leading<tcmsg>(payload); header && header->tcm_handle != 0)
            table = TC_U32_HTID(header->tcm_handle);
    });
    return error ? TC_U32_HTID(0x80000000U) : table;
}

base::Result<Egress, std::error_code> read(base::IfIndex index) try {
    const auto socket = io::open_netlink(NETLINK_ROUTE);
    const auto qdisc = read_qdisc(socket, index);
    if (!qdisc) return tl::unexpected{qdisc.error()};
    Egress out{.qdisc = *qdisc, .ours = {}, .foreign = false};
    if (out.qdisc != EgressQdisc::clsact) return out;
    const auto error = each_filter(socket, index, egress, our_preference, [&](base::Bytes payload) {
        auto found = decode_filter(payload);
        if (!found || !found->ours)
            out.foreign = true;
        else if (!found->is_table)
            out.ours.push_back(std::move(found->filter));
    });
    if (error) return tl::unexpected{error};
    std::ranges::sort(out.ours);
    return out;
} catch (const std::system_error& error) {
    return tl::unexpected{error.code()};
}

// --- changing -------------------------------------------------------------------------------------------------------
std::error_code add_clsact(base::IfIndex index) try {
    auto header = about(index, TC_H_CLSACT);
    header.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    const auto request = io::make_request(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, header);
    put_text(request, TCA_KIND, qdisc_kind);
    return io::transact(io::open_netlink(NETLINK_ROUTE), request);
} catch (const std::system_error& error) {
    return error.code();
}

std::error_code remove_clsact(base::IfIndex index) try {
    const auto socket = io::open_netlink(NETLINK_ROUTE);
    bool used = false;
    for (const auto parent : {ingress, egress})
        if (const auto error = each_filter(socket, index, parent, 0, [&](base::Bytes) { used = true; })) return error;
    if (used) return {};
    auto header = about(index, TC_H_CLSACT);
    header.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
    const auto request = io::make_request(RTM_DELQDISC, 0, header);
    put_text(request, TCA_KIND, qdisc_kind);
    return io::transact(socket, request);
} catch (const std::system_error& error) {
    return error.code();
}

std::error_code change(base::IfIndex index, std::span<const std::uint16_t> remove,
                       std::span<const EgressFilter> add) try {
    const auto socket = io::open_netlink(NETLINK_ROUTE);
    std::vector<io::NetlinkRequest> requests;
    if (!remove.empty()) {
        const auto table = read_table(socket, index);
        for (const auto number : remove) requests.push_back(remove_request(index, table | number));
    }
    for (const auto& filter : add) requests.push_back(add_request(index, filter));
    std::error_code first;
    for (std::size_t at = 0; at < requests.size(); at += most_a_datagram) {
        const auto all = std::span<const io::NetlinkRequest>{requests}.subspan(at);
        const auto error = io::transact_all(socket, all.first(std::min(all.size(), most_a_datagram)));
        if (!first) first = error;
    }
    return first;
} catch (const std::system_error& error) {
    return error.code();
}

std::error_code remove_all(base::IfIndex index) try {
    return io::transact(io::open_netlink(NETLINK_ROUTE), remove_request(index, 0));
} catch (const std::system_error& error) {
    return error.code();
}

}  // namespace

std::vector<Match> to_destination(const base::Prefix& prefix) {
    const bool v4 = prefix.address.is_v4();
    std::vector<Match> out{{0, v4 ? 0x40000000U : 0x60000000U, 0xf0000000U}};
    for (unsigned word = 0; word * 32 < prefix.length; ++word) {
        const auto bits = std::min(32U, prefix.length - word * 32);
        const auto* const at = prefix.address.bytes.data() + std::size_t{word} * 4;
        const auto value = std::uint32_t{at[0]} << 24 | std::uint32_t{at[1]} << 16 | std::uint32_t{at[2]} << 8 | at[3];
        const auto mask = ~std::uint32_t{0} << (32 - bits);
        out.push_back({static_cast<std::uint8_t>((v4 ? 16 : 24) + word * 4), value & mask, mask});
    }
    return out;
}

std::vector<Match> of_single_hop_bfd(base::Family family) {
    constexpr std::uint32_t port = 3784;
    if (family == base::Family::v4)  // no options, no later fragment; TTL and protocol; destination port
        return {
            {0, 0x45000000U, 0xff000000U}, {4, 0, 0x00001fffU}, {8, 0xff110000U, 0xffff0000U}, {20, port, 0x0000ffffU}};
    return {{0, 0x60000000U, 0xf0000000U}, {4, 0x000011ffU, 0x0000ffffU}, {40, port, 0x0000ffffU}};
}

std::optional<FilterMessage> decode_filter(base::Bytes payload) {
    const auto header = io::leading<tcmsg>(payload);
    if (!header) return std::nullopt;
    payload = io::skip_aligned(payload, sizeof(tcmsg));
    FilterMessage out;
    bool selector = false;
    const bool place = header->tcm_parent == egress && header->tcm_info == info(our_preference);
    out.filter.number = static_cast<std::uint16_t>(header->tcm_handle & number_mask);
    while (const auto a = io::next_attribute(payload)) {
        if (a->type == TCA_KIND) out.ours = place && io::text_of(a->value) == filter_kind;
        if (a->type != TCA_OPTIONS) continue;
        auto options = a->value;
        while (const auto option = io::next_attribute(options)) {
            if (option->type == TCA_U32_SEL) {
                selector = true;
                read_selector(option->value, out.filter);
            }
            if (option->type == TCA_U32_ACT) out.filter.to = read_redirect(option->value);
        }
    }
    out.is_table = !selector;
    return out;
}

EgressAccess kernel_egress() { return {read, add_clsact, remove_clsact, change, remove_all}; }

}  // namespace kernel
