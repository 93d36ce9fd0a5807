#include "daemon/quality_sockets.hpp"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "net/quality_socket.hpp"

namespace wgbfd {
namespace {

std::string explain(probe::Use use, const net::BindFailure& failure) {
    auto text = "quality: " + failure.what + ": " + std::strerror(failure.error);
    if (use == probe::Use::stamp_requests)
        text += failure.error == EADDRINUSE
                    ? "; another STAMP or TWAMP reflector holds the port: peers measure this side against it"
                    : "; peers cannot measure by STAMP against this side";
    if (use == probe::Use::echo_answers) text += "; no measuring by ICMP echo";
    if (failure.error == EACCES || failure.error == EPERM)
        text += "; needs CAP_NET_BIND_SERVICE and CAP_NET_RAW: run wgbfd as root";
    return text;
}

bool is_missing_family(const net::BindFailure& failure) {
    return failure.error == EAFNOSUPPORT || failure.error == EADDRNOTAVAIL;
}

constexpr const char* wildcard = "reflector any ";
constexpr const char* bound = "reflector on ";

// Of kernels before 5.0, which have no such switch, too.
bool hears_raw_everywhere() {
    std::ifstream in{"/proc/sys/net/ipv4/raw_l3mdev_accept"};
    int value = 1;
    return !(in >> value) || value != 0;
}

}  // namespace

// Of a reflector's socket, for the worker after this one.
std::string QualitySockets::name_of(const Place& place) {
    const auto local = place.local.is_set() ? place.local : base::IpAddress{.family = place.family};
    return (local.is_unspecified() ? wildcard : bound) +
           to_string(Ear{.address = local, .ifindex = place.ifindex, .vrf = place.vrf, .multihop = false});
}

QualitySockets::QualitySockets(Keeper& keeper, Post post, std::uint16_t identifier, std::uint32_t seed,
                               config::Bind bind)
    : keeper_{keeper}, post_{std::move(post)}, identifier_{identifier}, seed_{seed} {
    keeper_.drop_left(bind == config::Bind::any ? bound : wildcard);
    for (const auto family : {base::Family::v4, base::Family::v6}) {
        if (bind == config::Bind::any) wanted_.insert({probe::Use::stamp_requests, family});
        wanted_.insert({probe::Use::stamp_answers, family});
        wanted_.insert({probe::Use::echo_answers, family});
    }
}

void QualitySockets::open() {
    failed_.clear();
    for (const auto& place : wanted_)  // those outside VRFs first
        if (!open_.contains(place)) open(place);
    list_problems();
}

// What failed is left to open(), which comes less often.
void QualitySockets::follow(const std::set<Ear>& wanted) {
    std::set<Place> places;
    for (const auto& [address, ifindex, vrf, multihop] : wanted) {
        places.insert({probe::Use::stamp_requests, address.family, address, ifindex, vrf});
        if (vrf.value == 0) continue;
        for (const auto use : {probe::Use::stamp_answers, probe::Use::echo_answers})
            places.insert({use, address.family, {.family = address.family}, {}, vrf});
    }
    const auto is_left = [&](const Place& place) { return place.local.is_set() && !places.contains(place); };
    close(is_left);
    std::erase_if(wanted_, is_left);
    std::erase_if(failed_, [&](const auto& item) { return is_left(item.first); });
    for (const auto& place : places)
        if (wanted_.insert(place).second) open(place);
    list_problems();
}

void QualitySockets::drop(const Place& place) {
    if (place.use == probe::Use::stamp_requests) keeper_.drop(name_of(place));
}

template <class Which>
void QualitySockets::close(Which which) {
    for (const auto& [place, fd] : open_) {
        if (!which(place)) continue;
        post_(probe::Unlisten{
            .use = place.use, .multihop = false, .local = place.local, .ifindex = place.ifindex, .vrf = place.vrf});
        drop(place);
    }
    std::erase_if(open_, [&](const auto& item) { return which(item.first); });
}

void QualitySockets::on_refused(const probe::Listen& listen, int error) {
    const Place refused{listen.use, listen.family, listen.local, listen.ifindex, listen.vrf};
    if (open_.erase(refused) == 0) return;  // nobody wants it any more
    drop(refused);
    failed_[refused] = explain(refused.use, {error, "the probe thread's epoll_ctl"});
    if (refused.use == probe::Use::stamp_answers && !refused.local.is_set())  // the next one has another port
        close([&](const Place& place) { return place.use == refused.use && place.family == refused.family; });
    list_problems();
}

// Sockets of ours that have the port, and its address or any. Those of two VRFs do not meet.
std::vector<int> QualitySockets::sharers_of(const Place& place) const {
    std::vector<int> out;
    for (const auto& [other, fd] : open_) {
        const bool meets = other.use == place.use && other.family == place.family &&
                           (other.local == place.local || other.local.is_unspecified());
        if (meets && (other.vrf.value == 0) != (place.vrf.value == 0)) out.push_back(fd.get());
    }
    return out;
}

// A peer that measures us must not find the reflector gone when another worker goes on; our own probes begin anew.
base::Result<base::UniqueFd, net::BindFailure> QualitySockets::reflector(const Place& place) {
    const auto name = name_of(place);
    auto left = keeper_.take(name);
    auto fd = left ? base::Result<base::UniqueFd, net::BindFailure>{std::move(left)}
                   : net::bind_reflector(place.family, place.local, place.ifindex,
                                         {.vrf = place.vrf, .sharers = sharers_of(place)});
    if (fd) keeper_.keep(name, fd->get());
    return fd;
}

base::Result<base::UniqueFd, net::BindFailure> QualitySockets::bind(const Place& place) {
    switch (place.use) {
        case probe::Use::bfd: break;
        case probe::Use::stamp_requests: return reflector(place);
        case probe::Use::stamp_answers:
            if (place.vrf.value == 0) return net::bind_prober(place.family, seed_);
            return net::bind_prober_in({.vrf = place.vrf, .sharers = sharers_of(place)}, place.family,
                                       net::port_of(open_.at({place.use, place.family}).get()));
        case probe::Use::echo_answers: return net::open_echo(place.family, identifier_, place.vrf);
    }
    return tl::unexpected{net::BindFailure{EINVAL, "bind"}};
}

void QualitySockets::open(const Place& place) {
    if (place.vrf.value != 0 && place.use != probe::Use::stamp_requests) {
        // What hears it outside hears it in every VRF; what sends is not there without the one outside.
        const bool is_heard = place.use == probe::Use::echo_answers && hears_raw_everywhere();
        if (is_heard || !open_.contains({place.use, place.family})) return;
    }
    auto fd = bind(place);
    if (fd) {
        open_.emplace(place, ::fcntl(fd->get(), F_DUPFD_CLOEXEC, 0));
        post_(probe::Listen{.fd = fd->release(),
                            .use = place.use,
                            .family = place.family,
                            .local = place.local,
                            .ifindex = place.ifindex,
                            .vrf = place.vrf});
    } else if (!place.local.is_unspecified() || !is_missing_family(fd.error())) {
        failed_[place] = explain(place.use, fd.error());
    }
}

void QualitySockets::list_problems() {
    problems_.clear();
    for (const auto& [place, problem] : failed_)
        if (std::ranges::find(problems_, problem) == problems_.end()) problems_.push_back(problem);
}

}  // namespace wgbfd
