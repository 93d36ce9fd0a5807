#include "daemon/ears.hpp"

#include <algorithm>
#include <charconv>
#include <map>

namespace wgbfd {
namespace {

constexpr base::IpAddress wildcard_v4{.family = base::Family::v4};
constexpr base::IpAddress wildcard_v6{.family = base::Family::v6};

void hear_all(std::set<Ear>& out, base::IfIndex vrf, bool multihop) {
    if (vrf.value == 0) return;  // the wildcard sockets are there from the start
    for (const auto& address : {wildcard_v4, wildcard_v6})
        out.insert({.address = address, .ifindex = {}, .vrf = vrf, .multihop = multihop});
}

// All links' at once: there may be thousands, and as many sessions.
std::map<base::IfIndex, base::IfIndex> vrfs_by_link(std::span<const adjacency::Link> links) {
    std::set<base::IfIndex> vrfs;
    for (const auto& link : links)
        if (link.kind == adjacency::vrf_kind) vrfs.insert(link.index);
    std::map<base::IfIndex, base::IfIndex> out;
    for (const auto& link : links)
        if (vrfs.contains(link.master)) out.emplace(link.index, link.master);
    for (const auto& vrf : vrfs) out.emplace(vrf, vrf);  // of a multihop session's key
    return out;
}

constexpr std::string_view of_several_hops = " multihop";

bool read(std::string_view text, base::IfIndex& out) {
    const auto* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, out.value);
    return error == std::errc{} && stop == end;
}

}  // namespace

std::string to_string(const Ear& ear) {
    return base::to_string(ear.address) + "%" + std::to_string(ear.ifindex.value) + "@" +
           std::to_string(ear.vrf.value) + std::string{ear.multihop ? of_several_hops : ""};
}

std::optional<Ear> ear_of(std::string_view text) {
    Ear ear;
    ear.multihop = text.ends_with(of_several_hops);
    if (ear.multihop) text.remove_suffix(of_several_hops.size());
    const auto percent = text.find('%');
    const auto at = text.find('@');
    if (percent == text.npos || at == text.npos || at < percent) return std::nullopt;
    const auto address = base::IpAddress::parse(text.substr(0, percent));
    if (!address || !read(text.substr(percent + 1, at - percent - 1), ear.ifindex)) return std::nullopt;
    if (!read(text.substr(at + 1), ear.vrf)) return std::nullopt;
    ear.address = *address;
    return ear;
}

std::set<Ear> ears(config::Bind bind, std::span<const bfd::SessionKey> sessions,
                   const std::vector<config::Interface>& interfaces, std::span<const adjacency::Link> links) {
    std::set<Ear> out;
    const auto vrfs = vrfs_by_link(links);
    const auto hear = [&](base::IfIndex ifindex, const base::IpAddress& local, bool multihop) {
        const auto found = vrfs.find(ifindex);
        const auto vrf = found != vrfs.end() ? found->second : base::IfIndex{};
        if (bind == config::Bind::any) return hear_all(out, vrf, multihop);
        const auto zone = local.is_link_local() ? ifindex : base::IfIndex{};
        out.insert({.address = local, .ifindex = zone, .vrf = vrf, .multihop = multihop});
    };
    for (const auto& key : sessions) hear(key.ifindex, key.local, key.multihop);
    // Where udp_l3mdev_accept is 1 a VRF without ears is heard outside it, and a multihop session knows no interface.
    if (bind == config::Bind::any && std::ranges::any_of(sessions, &bfd::SessionKey::multihop))
        for (const auto& [link, vrf] : vrfs) hear_all(out, vrf, true);
    for (const auto& interface : interfaces)  // who may start a session needs an ear
        for (const auto& link : links)
            if (link.name == interface.name && !interface.unsolicited.empty())
                for (const auto& address : link.addresses) hear(link.index, address.local, false);
    return out;
}

}  // namespace wgbfd
